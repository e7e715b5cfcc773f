"""Metadata: given back as it was written, to the order of its keys and the last digit of its numbers."""

import json
import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from resources.metadata import MAX_METADATA, Decoder, PreservedFormField, validate_metadata
from resources.metadata import written as as_written
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

# JSON as a client may write it: any spelling of a number, any white space, escapes or none.
SPACE = st.sampled_from(["", " ", "\n", "\t "])
NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
STRING = st.builds(json.dumps, TEXT, ensure_ascii=st.booleans())
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.\w]+|[][{}:,]')


def listed(items: list[str], space: str) -> str:
    return f"[{space}{f',{space}'.join(items)}{space}]"


def mapped(members: dict[str, str], space: str) -> str:
    return "{" + space + f"{space},".join(f"{key}{space}:{value}" for key, value in members.items()) + space + "}"


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts of objects, none of which names a key twice, however it is escaped."""
    members = st.lists(st.tuples(STRING, values), max_size=4, unique_by=lambda member: json.loads(member[0]))
    return st.builds(mapped, members.map(dict), SPACE)


VALUE = st.recursive(
    st.sampled_from(["null", "true", "false"]) | NUMBER | STRING,
    lambda inner: st.builds(listed, st.lists(inner, max_size=4), SPACE) | objects(inner),
    max_leaves=12,
)


def tokens(text: str) -> list[str]:
    """A JSON text's tokens; strings by their characters."""
    return [f'"{json.loads(token)}' if token.startswith('"') else token for token in TOKEN.findall(text)]


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


def kept(client: APIClient, address: str) -> str:
    """What stands for metadata in an answer, to the character; it is the last member but four."""
    text = client.get(f"{address}?fields=metadata").content.decode()
    return text.removeprefix('{"metadata":').removesuffix("}")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metadata=objects(VALUE))
def test_metadata_comes_back_token_for_token(metadata: str, owner_client: APIClient) -> None:
    body = f'{{"title":"x","metadata":{metadata}}}'
    bulk = f'{{"operations":[{{"op":"create","task":{body}}}]}}'

    made = owner_client.post(TASKS, body, content_type="application/json")
    many = owner_client.post(f"{TASKS}/bulk", bulk, content_type="application/json")

    assert (made.status_code, many.status_code) == (201, 200), made.content + many.content
    for key in (made.json()["id"], many.json()["results"][0]["id"]):
        assert tokens(kept(owner_client, f"{TASKS}/{key}")) == tokens(metadata)


NUMERALS = '{"n": [1.50, 1e2, 1E+2, -0.0, -0, 0.10, 100000000000000000000.0, 3]}'


def test_metadata_keeps_its_digits_in_files(owner_client: APIClient, peer_client: APIClient) -> None:
    owner_client.post(TASKS, f'{{"title":"x","metadata":{NUMERALS}}}', content_type="application/json")

    file, sheet = (b"".join(owner_client.get(f"{TASKS}/export?format={each}")).decode() for each in ("json", "csv"))
    report = peer_client.post(f"{TASKS}/import", file, content_type="application/json").json()

    assert kept(peer_client, f"{TASKS}/{report['tasks'][0]['id']}") == NUMERALS
    assert NUMERALS.replace('"', '""') in sheet


def test_metadata_keeps_its_digits_in_the_admin(owner: User, owner_client: APIClient) -> None:
    made = owner_client.post(TASKS, f'{{"title":"x","metadata":{NUMERALS}}}', content_type="application/json")
    task = Task.objects.get()
    field = PreservedFormField(decoder=Decoder)

    shown = field.prepare_value(task.metadata)
    task.metadata = field.clean(shown)
    task.save()

    assert shown == NUMERALS == kept(owner_client, made["Location"])


def test_a_fraction_in_a_text_is_no_number() -> None:
    value = {"1.50": ["2.50", "1e2", {"x": 1}], "n": 0.5}

    assert as_written(value) == json.dumps(value)


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
