"""An id is recognised in whatever form an answer could hold it."""

import base64
import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.http import QueryDict

from config.tests.isolation.people import Person, leaks
from config.tests.isolation.wire import Answer
from resources.cursors import Cursor
from tasks.rows import TASK_LIST
from web.lists import _encode


def in_a_list(key: UUID) -> str:
    """The cursor of a page of tasks."""
    return TASK_LIST._cursor(QueryDict(), TASK_LIST.sorts["title"], ("", key, "a title"))


def in_the_feed(key: UUID) -> str:
    """The cursor of changes."""
    return str(Cursor(-1, 2, -3, 4, 5, key))


@pytest.mark.parametrize(
    "form", [str, lambda key: str(key).upper(), lambda key: key.hex, _encode, in_a_list, in_the_feed]
)
@pytest.mark.parametrize("place", ["body", "header"])
def test_an_id_is_recognised_in_every_form(form: Callable[[UUID], str], place: str) -> None:
    key = uuid4()
    ada, bea = Person("Ada", secrets={str(key)}), Person("Bea")
    told = form(key)
    headers, text = ({"Location": f"/x/{told}"}, "") if place == "header" else ({}, json.dumps({"next": told}))

    answer = Answer("/api/v1/tasks", 200, headers, text, [])

    assert leaks(answer, bea, [ada, bea]) == {str(key)}
    assert not leaks(answer, ada, [ada, bea])


def test_no_id_is_recognised_in_another() -> None:
    ada, bea = Person("Ada", secrets={str(uuid4())}), Person("Bea")
    text = base64.urlsafe_b64encode(uuid4().bytes).decode() + str(uuid4()) + uuid4().hex

    assert not leaks(Answer("/api/v1/tasks", 200, {}, text, []), bea, [ada, bea])
