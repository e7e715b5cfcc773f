"""Properties of files: what one account exports another one imports, and no file is too strange for an answer."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from conftest import SignIn
from tasks.tests.files import IMPORT, exported, file_of, imported, row, said, uuid7

TIMES = ("created_at", "completed_at")
# What PostgreSQL and the parser take: no NUL, no surrogate.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
NAMES = TEXT.map(str.strip).filter(bool)
MOMENTS = st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='microseconds')}Z")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
    max_leaves=8,
)


@st.composite
def tasks(draw: st.DrawFn, labels: list[str]) -> dict[str, Any]:
    """A task as an export could write it, without what refers to others."""
    task = row(
        draw(NAMES),
        description=draw(TEXT),
        completed=draw(st.booleans()),
        priority=draw(st.sampled_from(["none", "low", "medium", "high", "urgent"])),
        labels=draw(st.lists(st.sampled_from(labels), unique=True)) if labels else [],
        metadata=draw(st.dictionaries(TEXT, JSON, max_size=3)),
        position=draw(st.text("0123456789abcdef", max_size=8)) + draw(st.sampled_from("123456789abcdef")),
        created_at=draw(MOMENTS),
        trashed_at=draw(st.none() | MOMENTS),
    )
    task["completed_at"] = draw(MOMENTS) if task["completed"] else None
    task["due_at"], task["due_on"] = draw(
        st.sampled_from([(None, None), (draw(MOMENTS), None), (None, draw(st.dates().map(str)))])
    )
    return task


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Any file: trees in any order, the trash, labels."""
    labels = {uuid7(): name for name in draw(st.lists(NAMES, max_size=3, unique_by=lambda name: name.casefold()))}
    everything: list[dict[str, Any]] = draw(st.lists(tasks(list(labels)), max_size=6))
    depths: dict[str, int] = {}
    for index, task in enumerate(everything):
        above = draw(st.none() | st.sampled_from(everything[:index])) if index else None
        if above and depths[above["id"]] < 5:
            task["parent"] = above["id"]
            task["trashed_at"] = task["trashed_at"] or above["trashed_at"]
        depths[task["id"]] = depths.get(task.get("parent", ""), 0) + 1
        task["external_source"], task["external_id"] = draw(st.sampled_from([(None, None), ("x", str(index))]))
    return file_of(*draw(st.permutations(everything)), labels=labels)


def whole(client: APIClient) -> dict[str, Any]:
    """All that an account has, as one file."""
    live, trash = exported(client), exported(client, trashed="true")
    return said(live | {"tasks": live["tasks"] + trash["tasks"]})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=files())
def test_whatever_one_account_exports_another_one_imports_as_it_was(
    file: dict[str, Any], db: None, sign_in: SignIn
) -> None:
    owner, peer = (sign_in(User.objects.create_user(f"{uuid7()}@example.com")) for _ in range(2))
    status = 201 if file["tasks"] or file["labels"] else 200
    imported(owner, file, status)
    parts = [exported(owner), exported(owner, trashed="true")]
    assert sum(len(part["tasks"]) for part in parts) == len(file["tasks"])

    imported(peer, {**parts[0], "tasks": parts[1]["tasks"] + parts[0]["tasks"]}, status)

    assert whole(peer) == whole(owner)
    for name in TIMES:
        given_times = sorted(str(task[name]) for task in file["tasks"])
        assert sorted(str(task[name]) for task in whole(peer)["tasks"]) == given_times


LABEL = uuid7()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=9), children, max_size=3),
)
WHOLE = row(
    *("Water the plants",),
    **{"description": "", "completed": True, "completed_at": None, "priority": "none", "due_at": None, "due_on": None},
    **{"labels": [LABEL], "parent": None, "position": "8", "external_source": "x", "external_id": "1", "metadata": {}},
    **{"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "trashed_at": None, "version": 1},
)
PLACES: list[Callable[[Any], Any]] = [
    lambda value: value,
    lambda value: file_of() | {"daybook": value},
    lambda value: file_of() | {"labels": value},
    lambda value: file_of() | {"labels": [value]},
    lambda value: file_of() | {"labels": [{"id": LABEL, "name": value}]},
    lambda value: file_of() | {"tasks": value},
    lambda value: file_of() | {"tasks": [WHOLE, value]},
    *(lambda value, name=name: file_of(WHOLE | {name: value}, labels={LABEL: "Home"}) for name in WHOLE),
]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_api_tasks_import_of_anything_is_answered_and_never_fails(
    place: Callable[[Any], Any], value: Any, owner_client: APIClient
) -> None:
    with transaction.atomic():
        response = owner_client.post(IMPORT, place(value))
        transaction.set_rollback(True)

    assert response.status_code in (200, 201, 400, 422), response.content


def test_the_whole_task_that_is_spoilt_above_is_one_that_is_taken(owner_client: APIClient) -> None:
    assert imported(owner_client, file_of(WHOLE, labels={LABEL: "Home"}))["created"] == 1
