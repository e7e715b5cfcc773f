"""GET /api/v1/tasks/export."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.http import StreamingHttpResponse
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from conftest import SignIn
from tasks import exports
from tasks.models import Label, Task
from tasks.tests.api import TASKS, at_once
from tasks.tests.files import EXPORT, cells, download, exported, make_many, refuse

FORMATS = ["json", "csv"]
KILL = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid = %s"


def titles(file: dict[str, Any]) -> list[str]:
    return [task["title"] for task in file["tasks"]]


def started(client: APIClient, **parameters: str) -> tuple[Any, bytes]:
    """An export of which one piece is read."""
    response = client.get(EXPORT, parameters)
    pieces = iter(response)
    return pieces, next(pieces)


def test_api_tasks_export_owner_gets_labels_and_tasks_oldest_first_as_the_api_gives_them(
    owner: User, peer: User, owner_client: APIClient
) -> None:
    label = Label.objects.create(owner=owner, name="Zähne")
    task = Task.objects.create(owner=owner, title="Brush", labels=[label.pk], metadata={"z": 1.0, "a": ["é"]})
    Task.objects.create(owner=owner, title="Rinse", parent=task, completed=True, external_source="x", external_id="1")
    Task.objects.create(owner=peer, title="Theirs")
    Label.objects.create(owner=peer, name="Theirs")

    file = exported(owner_client)

    assert file == {
        "daybook": 1,
        "labels": [{"id": str(label.pk), "name": "Zähne"}],
        "tasks": owner_client.get(TASKS, {"sort": "created_at"}).json()["results"],
    }
    assert titles(file) == ["Brush", "Rinse"]


@pytest.mark.parametrize("form", FORMATS)
def test_api_tasks_export_is_a_file(form: str, owner_client: APIClient) -> None:
    response = owner_client.get(EXPORT, {"format": form})

    assert response.getvalue()
    assert response["Content-Disposition"] == f'attachment; filename="tasks.{form}"'
    assert response["Content-Type"].startswith({"json": "application/json", "csv": "text/csv; charset=utf-8"}[form])


def test_api_tasks_export_of_nothing_is_a_file_too(owner_client: APIClient) -> None:
    assert exported(owner_client) == {"daybook": 1, "labels": [], "tasks": []}
    assert cells(download(owner_client, format="csv")) == []


def test_api_tasks_export_filters_as_the_list_does(owner: User, owner_client: APIClient) -> None:
    label = Label.objects.create(owner=owner, name="Home")
    Task.objects.create(owner=owner, title="done", completed=True)
    Task.objects.create(owner=owner, title="labelled", labels=[label.pk])
    Task.objects.create(owner=owner, title="discarded", trashed_at="2026-01-01T00:00:00Z")

    assert titles(exported(owner_client)) == ["done", "labelled"]
    assert titles(exported(owner_client, completed="true")) == ["done"]
    assert titles(exported(owner_client, label=str(label.pk))) == ["labelled"]
    assert titles(exported(owner_client, search="LABEL")) == ["labelled"]
    assert titles(exported(owner_client, trashed="true")) == ["discarded"]
    assert [row["title"] for row in cells(download(owner_client, format="csv", completed="true"))] == ["done"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("count", [1, 3])
def test_api_tasks_export_costs_one_statement_for_each_batch(
    count: int, form: str, owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_many(owner, count)

    with django_assert_num_queries(5):  # record, begin, cursor, batch, end
        assert download(owner_client, format=form).count("Task") == count


@pytest.mark.parametrize("batch", [1, 2, 5, 6, 7])
def test_api_tasks_export_of_several_batches_loses_and_repeats_nothing(
    batch: int, owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_many(owner, 5)
    monkeypatch.setattr("tasks.exports.BATCH", batch)
    expected = [f"Task {number}" for number in range(1, 6)]

    assert titles(exported(owner_client)) == expected
    assert [row["title"] for row in cells(download(owner_client, format="csv"))] == expected


@pytest.mark.parametrize("form", FORMATS)
def test_api_tasks_export_takes_as_much_memory_for_many_tasks_as_for_some(
    form: str, owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.exports.BATCH", 100)
    peaks = []
    for count in (300, 2_700):
        make_many(owner, count)
        exported(owner_client, completed="true")
        tracemalloc.start()
        size = sum(len(piece) for piece in owner_client.get(EXPORT, {"format": form}))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert size > 3_000 * 100
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.django_db(transaction=True)
def test_api_tasks_export_is_of_one_moment_whatever_happens_meanwhile(
    owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = Label.objects.create(owner=owner, name="Home")
    first, second = (Task.objects.create(owner=owner, title=title, labels=[label.pk]) for title in ("first", "second"))
    Task.objects.create(owner=owner, title="third", parent=second)
    before = exported(owner_client)
    monkeypatch.setattr("tasks.exports.BATCH", 1)

    def meddle() -> None:
        Label.objects.all().delete()
        Task.objects.filter(pk=first.pk).update(title="changed")
        Task.objects.filter(pk=second.pk).delete()
        Task.objects.create(owner=owner, title="fourth")

    pieces, begun = started(owner_client)
    at_once(meddle)

    assert json.loads(begun + b"".join(pieces)) == before
    assert titles(exported(owner_client)) == ["changed", "fourth"]


def test_api_tasks_export_is_on_record_before_its_first_byte(owner: User, owner_client: APIClient) -> None:
    response = owner_client.get(
        EXPORT, {"format": "csv", "completed": "true", "search": "a secret", "external_id": "another"}
    )

    event = Event.objects.get(action="task.exported")
    assert (event.actor, event.owner_id, event.object_type) == (str(owner.pk), owner.pk, "task")
    assert event.detail == {"format": "csv", "filters": {"completed": "true"}, "search": "•••", "external_id": "•••"}
    assert set(event.commitments) == {"search", "external_id"}
    assert response.getvalue()


def test_api_tasks_export_is_not_answered_if_it_cannot_be_put_on_record(owner: User, owner_client: APIClient) -> None:
    Task.objects.create(owner=owner, title="elephant")
    owner_client.raise_request_exception = False

    refuse("audit_event", "action <> 'task.exported'")
    response = owner_client.get(EXPORT)

    assert (response.status_code >= 500, response.streaming) == (True, False)
    assert b"elephant" not in response.content


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", FORMATS)
def test_api_tasks_export_that_fails_midway_breaks_off(
    form: str, owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's connection to the client ends with the exception: no end of the body is ever sent."""
    make_many(owner, 3)
    monkeypatch.setattr("tasks.exports.BATCH", 2)
    pieces, begun = started(owner_client, format=form)
    session = connection.connection.info.backend_pid

    def kill() -> None:
        with connection.cursor() as cursor:
            cursor.execute(KILL, [session])

    at_once(kill)

    with pytest.raises(OperationalError):
        next(pieces)
    assert list(pieces) == []
    assert b"Task 1" in begun
    if form == "json":
        with pytest.raises(json.JSONDecodeError):
            json.loads(begun)
    assert download(owner_client).count("Task") == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_read", [True, False])
def test_api_tasks_export_that_the_client_leaves_leaves_nothing_behind(
    is_read: bool, owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only because nobody knows of it any more."""
    make_many(owner, 3)
    monkeypatch.setattr("tasks.exports.BATCH", 1)
    known, batches_of = [], exports._batches
    monkeypatch.setattr(exports, "_batches", lambda *args: known.append(batches_of(*args)) or known[-1])
    response = owner_client.get(EXPORT)
    assert connection.in_atomic_block
    if is_read:
        next(iter(response))

    response.close()

    assert known and not connection.in_atomic_block
    assert download(owner_client).count("Task") == 3


@pytest.mark.django_db(transaction=True)
def test_api_tasks_export_to_a_client_that_stops_reading_is_broken_off(
    owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_many(owner, 3)
    monkeypatch.setattr("tasks.exports.BATCH", 1)
    assert "'60s'" in exports.PATIENCE
    monkeypatch.setattr(exports, "PATIENCE", exports.PATIENCE.replace("60s", "100ms"))
    pieces, _ = started(owner_client)

    time.sleep(0.5)

    with pytest.raises(DatabaseError, match="idle-in-transaction"):
        next(pieces)


@pytest.mark.parametrize(
    ("accept", "query", "given"),
    [
        ("*/*", "", "application/json"),
        ("application/json", "", "application/json"),
        ("text/csv", "", "text/csv"),
        ("application/json", "?format=csv", "text/csv"),
        ("text/csv", "?format=json", "application/json"),
    ],
)
def test_api_tasks_export_gives_the_format_that_is_asked_for(
    accept: str, query: str, given: str, owner_client: APIClient
) -> None:
    response = owner_client.get(f"{EXPORT}{query}", headers={"Accept": accept})

    assert response.getvalue()
    assert (response.status_code, response["Content-Type"].split(";")[0]) == (200, given)


@pytest.mark.parametrize("accept", ["text/csv", "*/*"])
@pytest.mark.parametrize(
    "query",
    ["format=xml", "format=", "format=json&format=csv", "cursor=x", "limit=5", "sort=title", "fields=id", "label=x"],
)
def test_api_tasks_export_malformed_parameter_is_a_422_problem(
    query: str, accept: str, owner_client: APIClient
) -> None:
    response = owner_client.get(f"{EXPORT}?{query}", headers={"Accept": accept})

    assert (response.status_code, response["Content-Type"]) == (422, "application/problem+json")
    assert response.json()["errors"][0]["location"] == f"query.{query.split('=')[0]}"
    assert not Event.objects.filter(action="task.exported").exists()


def test_api_tasks_export_staff_get_their_own(task: Task, staff: User, sign_in: SignIn) -> None:
    Task.objects.create(owner=staff, title="Mine")

    assert titles(exported(sign_in(staff))) == ["Mine"]


def test_api_tasks_export_cannot_be_posted(owner_client: APIClient) -> None:
    assert owner_client.post(EXPORT).status_code == 405


@pytest.mark.parametrize("accept", ["text/csv", "*/*"])
def test_api_tasks_export_stranger_gets_401(accept: str, stranger_client: APIClient) -> None:
    response = stranger_client.get(EXPORT, headers={"Accept": accept})

    assert not isinstance(response, StreamingHttpResponse)
    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")
    assert response.json()["code"] == "not_authenticated"
