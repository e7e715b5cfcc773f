"""Metadata: given back as it was written, to the order of its keys and the last digit of its numbers."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from resources.metadata import MAX_METADATA, validate_metadata
from tasks.models import Task

TASKS = "/api/v1/tasks"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(-(10**60), 10**60) | st.floats(allow_nan=False, allow_infinity=False)
OBJECTS = st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | NUMBERS | TEXT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=10,
    ),
    max_size=6,
)


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metadata=OBJECTS)
def test_metadata_comes_back_as_it_was_written(metadata: dict[str, Any], owner_client: APIClient) -> None:
    body = json.dumps({"title": "x", "metadata": metadata})

    made = owner_client.post(TASKS, body, content_type="application/json")

    assert made.status_code == 201, made.content
    for response in (made, owner_client.get(made["Location"]), owner_client.patch(made["Location"], {"title": "y"})):
        assert written(response.json()["metadata"]) == written(metadata)
    again = owner_client.patch(made["Location"], json.dumps({"metadata": metadata}), content_type="application/json")
    assert again["ETag"] == '"2"'


@pytest.mark.parametrize(
    "metadata",
    [
        '{"b": 1, "a": {"d": 2, "c": 3}}',
        '{"big": 123456789012345678901234567890, "small": -1}',
        '{"a": "\\\\u0000 is no NUL", "\\"": "\\u2028"}',
        '{"1": 1, "01": 2, "": 3, " ": 4}',
        '{"whole": 3.0, "tenth": 0.1, "tiny": 5e-324}',
    ],
)
def test_metadata_keeps_what_jsonb_would_not(metadata: str, owner_client: APIClient) -> None:
    body = f'{{"title": "x", "metadata": {metadata}}}'

    response = owner_client.post(TASKS, body, content_type="application/json")

    assert written(response.json()["metadata"]) == written(json.loads(metadata))


@pytest.mark.parametrize(
    "metadata", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1e400}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', '{"a": 1']
)
def test_metadata_that_is_no_strict_json_is_400(metadata: str, owner_client: APIClient) -> None:
    body = f'{{"title": "x", "metadata": {metadata}}}'

    assert owner_client.post(TASKS, body, content_type="application/json").status_code == 400
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *((value, "not_an_object") for value in ([], "{}", 3, None, True)),
        ({"a": float("nan")}, "not_finite"),
        ({"a": [float("inf")]}, "not_finite"),
        ({"a": "\0"}, "nul"),
        ({"\0": 1}, "nul"),
        ({"a": "\ud800"}, "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        ({"a": "x" * MAX_METADATA}, "max_length"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_says_why(value: Any, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validate_metadata(value)

    assert caught.value.code == code


@pytest.mark.parametrize("character", ["x", "ü", "文", "🙂"])
def test_metadata_is_measured_in_bytes_of_utf_8(character: str) -> None:
    room, size = MAX_METADATA - len('{"a": ""}'), len(character.encode())
    largest = {"a": character * (room // size) + "x" * (room % size)}

    validate_metadata(largest)
    with pytest.raises(ValidationError, match="16384 bytes"):
        validate_metadata({"a": largest["a"] + "x"})


def test_a_backslash_before_u0000_is_no_nul() -> None:
    validate_metadata({"a": "\\u0000"})


@pytest.mark.parametrize("value", [{}, {"b": 1, "a": [1.5, None, {"d": 1, "c": 10**40}]}])
def test_the_orm_reads_what_it_wrote(value: dict[str, Any], owner: User) -> None:
    task = Task.objects.create(owner=owner, title="x", metadata=value)
    Task.objects.bulk_update([Task(pk=task.pk, metadata=value)], ["metadata"])

    assert written(Task.objects.get().metadata) == written(value)
    assert written(Task.objects.values_list("metadata", flat=True)[0]) == written(value)
    with connection.cursor() as cursor:
        cursor.execute("SELECT metadata::text, pg_typeof(metadata)::text FROM tasks_task")
        assert cursor.fetchone() == (json.dumps(value), "json")
