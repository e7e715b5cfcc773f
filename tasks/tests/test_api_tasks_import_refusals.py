"""POST /api/v1/tasks/import: what is refused, how it is named, and that nothing is left of it."""

from itertools import pairwise
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from tasks.import_plan import Plan
from tasks.models import Label, Task
from tasks.tests.api import errors, refusal
from tasks.tests.files import IMPORT, file_of, refuse, row, uuid7

PK, LABEL = uuid7(), uuid7()
LONG = {"external_source": "x", "external_id": "y" * 256}


def nothing_is_there() -> bool:
    made = Event.objects.filter(action__in=["task.created", "label.created"])
    return not (Task.objects.exists() or Label.objects.exists() or made.exists())


@pytest.mark.parametrize(
    ("members", "location", "code"),
    [
        ({"id": None}, "id", "null"),
        ({"id": 17}, "id", "invalid"),
        ({"id": "17"}, "id", "invalid"),
        ({"id": PK.replace("-", "")}, "id", "invalid"),
        ({"id": "b5ee5b7c-9f5e-4d8c-8b80-b5c0f9fb8cf2"}, "id", "invalid"),
        ({"title": None}, "title", "null"),
        ({"title": " \t"}, "title", "blank"),
        ({"title": "x" * 256}, "title", "max_length"),
        ({"title": 17}, "title", "invalid"),
        ({"description": None}, "description", "null"),
        ({"completed": "true"}, "completed", "invalid"),
        ({"completed_at": "2026-01-01T00:00:00Z"}, "completed_at", "invalid"),
        ({"completed": True, "completed_at": "yesterday"}, "completed_at", "invalid"),
        ({"priority": 3}, "priority", "invalid_choice"),
        ({"due_at": "2026-01-01T00:00:00Z", "due_on": "2026-01-01"}, "due_on", "invalid"),
        ({"labels": "home"}, "labels", "not_a_list"),
        ({"labels": [LABEL]}, "labels", "does_not_exist"),
        ({"parent": PK}, "parent", "does_not_exist"),
        ({"position": "10"}, "position", "invalid"),
        ({"position": "1\n"}, "position", "invalid"),
        ({"position": "1" * 1025}, "position", "max_length"),
        ({"external_id": "17"}, "external_id", "invalid"),
        ({"external_source": "x"}, "external_id", "invalid"),
        (LONG, "external_id", "max_length"),
        ({"metadata": []}, "metadata", "not_an_object"),
        ({"metadata": {"x": "y" * 16_384}}, "metadata", "max_length"),
        ({"created_at": "2026-01-01"}, "created_at", "invalid"),
        ({"created_at": None}, "created_at", "null"),
        ({"updated_at": 0}, "updated_at", "invalid"),
        ({"trashed_at": True}, "trashed_at", "invalid"),
        ({"version": 0}, "version", "min_value"),
        ({"version": "1"}, "version", "invalid"),
        ({"owner": PK}, "owner", "unknown_field"),
        ({"due": None}, "due", "unknown_field"),
    ],
)
def test_api_tasks_import_names_the_task_and_what_is_wrong_with_it(
    members: dict[str, Any], location: str, code: str, owner_client: APIClient
) -> None:
    response = owner_client.post(IMPORT, file_of(row(), row() | members, row(), labels={uuid7(): "Home"}))

    ((place, fault),) = errors(response)
    assert place.removesuffix(".0") == f"body.tasks.1.{location}"
    assert fault == code
    assert nothing_is_there()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], [("body", "invalid")]),
        ("x", [("body", "invalid")]),
        ({}, [("body.daybook", "required"), ("body.labels", "required"), ("body.tasks", "required")]),
        (file_of() | {"daybook": 2}, [("body.daybook", "max_value")]),
        (file_of() | {"daybook": 0}, [("body.daybook", "min_value")]),
        (file_of() | {"daybook": True}, [("body.daybook", "invalid")]),
        (file_of() | {"daybook": "1"}, [("body.daybook", "invalid")]),
        (file_of() | {"next": None}, [("body.next", "unknown_field")]),
        (file_of() | {"tasks": None}, [("body.tasks", "null")]),
        (file_of() | {"tasks": {"0": row()}}, [("body.tasks", "not_a_list")]),
        (file_of() | {"tasks": [[], None]}, [("body.tasks.0", "invalid"), ("body.tasks.1", "null")]),
        (file_of() | {"labels": "Home"}, [("body.labels", "not_a_list")]),
        (file_of(labels={"17": "Home"}), [("body.labels.0.id", "invalid")]),
        (file_of(labels={LABEL: " "}), [("body.labels.0.name", "blank")]),
        (file_of(labels={LABEL: "x" * 61}), [("body.labels.0.name", "max_length")]),
        (file_of() | {"labels": [{"id": LABEL, "name": name} for name in "ab"]}, [("body.labels.1.id", "repeated")]),
        (file_of(row(labels=[LABEL, LABEL]), labels={LABEL: "x"}), [("body.tasks.0.labels", "invalid")]),
        (file_of(row() | {"id": PK}, row() | {"id": PK.upper()}), [("body.tasks.1.id", "repeated")]),
        (
            file_of(*(row(external_source="x", external_id="1") for _ in range(2))),
            [("body.tasks.1.external_id", "repeated")],
        ),
    ],
)
def test_api_tasks_import_of_what_is_no_file_says_why(
    body: Any, expected: list[tuple[str, str]], owner_client: APIClient
) -> None:
    assert errors(owner_client.post(IMPORT, body)) == expected
    assert nothing_is_there()


def chain(length: int) -> list[dict[str, Any]]:
    """Tasks of which each is the subtask of the one before it."""
    tasks = [row(str(number)) for number in range(length)]
    for above, task in pairwise(tasks):
        task["parent"] = above["id"]
    return tasks


def circle(length: int) -> list[dict[str, Any]]:
    first, *others = chain(length)
    return [first | {"parent": (others or [first])[-1]["id"]}, *others]


def discarded_above() -> list[dict[str, Any]]:
    above, below = chain(2)
    return [below, above | {"trashed_at": "2026-01-01T00:00:00Z"}]


@pytest.mark.parametrize(
    ("tasks", "refused"),
    [
        (chain(5), []),
        (chain(8), [5, 6, 7]),
        (chain(8)[::-1], [0, 1, 2]),
        (circle(1), [0]),
        (circle(3), [0, 1, 2]),
        (circle(9), list(range(9))),
        ([*circle(2), row()], [0, 1]),
        (discarded_above(), [0]),
    ],
)
def test_api_tasks_import_names_each_task_that_has_no_place_in_its_tree(
    tasks: list[dict[str, Any]], refused: list[int], owner_client: APIClient
) -> None:
    response = owner_client.post(IMPORT, file_of(*tasks))

    if refused:
        assert errors(response) == [(f"body.tasks.{index}.parent", "invalid") for index in refused]
        assert nothing_is_there()
    else:
        assert response.status_code == 201


@pytest.mark.parametrize(
    ("depth", "trashed_at", "length"), [(3, None, 2), (4, None, 1), (1, "2026-01-01T00:00:00Z", 0)]
)
def test_api_tasks_import_counts_what_stands_above_already(
    depth: int, trashed_at: str | None, length: int, owner: User, owner_client: APIClient
) -> None:
    """length: how many more levels there is room for."""
    lowest = None
    for number in range(depth):
        lowest = Task.objects.create(owner=owner, title=str(number), parent=lowest, trashed_at=trashed_at)
    assert lowest
    tasks = chain(3)
    tasks[0]["parent"] = str(lowest.pk)

    response = owner_client.post(IMPORT, file_of(*tasks))

    expected = [length] if trashed_at else range(length, 3)
    assert errors(response) == [(f"body.tasks.{index}.parent", "invalid") for index in expected]
    assert Task.objects.count() == depth


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (chain(6), "Tasks stand at most 5 deep."),
        (circle(2), "A task can't stand below itself."),
        (discarded_above(), "The task above it is in the trash."),
    ],
)
def test_api_tasks_import_that_looks_at_nothing_is_refused_by_the_database(
    tasks: list[dict[str, Any]], message: str, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else changes the owner's trees at the same moment."""
    monkeypatch.setattr(Plan, "faults", lambda self: {})

    response = owner_client.post(IMPORT, file_of(*tasks))

    assert errors(response) == [("body.parent", "invalid")]
    assert response.json()["errors"][0]["message"] == message
    assert nothing_is_there()


def test_api_tasks_import_names_every_refused_task_up_to_a_hundred_and_counts_all(owner_client: APIClient) -> None:
    wrong = [row() | {"title": ""}, row(due_at="x", due_on="y")]
    lost = [row(labels=[LABEL], parent=PK) for _ in range(100)]

    some = owner_client.post(IMPORT, file_of(row(), *wrong))
    hundred = owner_client.post(IMPORT, file_of(*lost))
    more = owner_client.post(IMPORT, file_of(*lost, row(parent=PK)))

    assert [place for place, _ in errors(some)] == [
        *("body.tasks.1.title", "body.tasks.2.due_at", "body.tasks.2.due_on"),
    ]
    places = [(f"body.tasks.{index}.{name}", "does_not_exist") for index in range(100) for name in ("labels", "parent")]
    assert errors(hundred) == places
    assert errors(more) == [*places, ("body.tasks", "too_many")]
    assert more.json()["errors"][-1]["message"] == "101 are refused; the first 100 are named."
    assert nothing_is_there()


def test_api_tasks_import_of_too_many_tasks_looks_at_none(owner_client: APIClient) -> None:
    response = owner_client.post(IMPORT, file_of() | {"tasks": [None] * 25_001})

    assert errors(response) == [("body.tasks", "max_length")]


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("tasks_task", "title <> 'second'"),
        ("tasks_label", "name <> 'Home'"),
        ("audit_event", "action <> 'task.created'"),
        ("audit_event", "action <> 'label.created'"),
    ],
)
def test_api_tasks_import_that_fails_in_the_database_leaves_nothing(
    table: str, condition: str, owner_client: APIClient
) -> None:
    file = file_of(row("first"), row("second"), labels={LABEL: "Home", uuid7(): "Work"})
    owner_client.raise_request_exception = False

    refuse(table, condition)
    response = owner_client.post(IMPORT, file)

    assert refusal(response) == (500, "internal_error")
    assert nothing_is_there()


def test_api_tasks_import_refused_with_a_key_can_be_sent_again(owner_client: APIClient) -> None:
    headers = {"Idempotency-Key": "monday"}

    refused = owner_client.post(IMPORT, file_of(row(), row(parent=PK)), headers=headers)
    accepted = owner_client.post(IMPORT, file_of(row()), headers=headers)

    assert (refused.status_code, accepted.status_code) == (422, 201)
    assert Task.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"daybook": 1, "daybook": 1, "labels": [], "tasks": []}', "application/json", 400),
        (b'{"daybook": 1, "labels": [], "tasks": [{"title": "\\u0000"}]}', "application/json", 400),
        (b"id,title\r\n", "text/csv", 415),
    ],
)
def test_api_tasks_import_of_what_is_not_json_is_refused(
    body: bytes, content_type: str, status: int, owner_client: APIClient
) -> None:
    assert owner_client.post(IMPORT, body, content_type=content_type).status_code == status


def test_api_tasks_import_of_more_than_13_mebibytes_is_413(owner_client: APIClient) -> None:
    body = b'{"daybook": 1}' + b" " * 13 * 2**20

    assert owner_client.post(IMPORT, body, content_type="application/json").status_code == 413


def test_api_tasks_import_cannot_be_read_and_takes_no_parameters(owner_client: APIClient) -> None:
    assert owner_client.get(IMPORT).status_code == 405
    assert errors(owner_client.post(f"{IMPORT}?format=json", file_of())) == [("query.format", "invalid")]


def test_api_tasks_import_stranger_gets_401(stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(IMPORT, file_of(row()))) == (401, "not_authenticated")
    assert nothing_is_there()
