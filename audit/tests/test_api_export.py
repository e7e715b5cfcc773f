"""GET /api/v1/audit/events/export."""

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts import identity
from accounts.identity import confine_process
from accounts.models import User
from audit.models import Event
from conftest import SignIn
from tasks.models import Task

URL = "/api/v1/audit/events/export"


def exported(client: APIClient, **parameters: str) -> list[dict[str, Any]]:
    """The events of an export, which is read after its request, as a server does."""
    response = client.get(URL, parameters)
    assert isinstance(response, StreamingHttpResponse), response.content
    assert (response.status_code, response["Content-Type"]) == (200, "application/jsonl")
    return [json.loads(line) for line in response.getvalue().splitlines()]


def actions(events: list[dict[str, Any]]) -> list[str]:
    return [event["action"] for event in events]


def test_api_export_owner_gets_own_events_oldest_first_and_itself_last(
    owner: User, peer: User, owner_client: APIClient
) -> None:
    Task.objects.create(owner=owner, title="Zähneputzen")
    Task.objects.create(owner=peer, title="Theirs")

    events = exported(owner_client)

    assert actions(events) == ["user.created", "session.created", "task.created", "event.exported"]
    assert {event["owner_id"] for event in events} == {str(owner.pk)}
    task = Event.objects.get(action="task.created", owner_id=owner.pk)
    assert events[2]["id"] == str(task.pk)
    assert events[2]["changes"] == task.changes
    assert events[2]["commitments"] == task.commitments
    assert list(task.commitments) == ["title", "metadata", "description"]


def test_api_export_is_a_file(owner_client: APIClient) -> None:
    response = owner_client.get(URL)

    assert response["Content-Disposition"] == 'attachment; filename="events.jsonl"'
    assert response.getvalue().endswith(b"}\n")


def test_api_export_filters(owner: User, owner_client: APIClient) -> None:
    Task.objects.create(owner=owner, title="x")
    at = Event.objects.get(action="task.created").occurred_at.isoformat()

    assert actions(exported(owner_client, action="task.created")) == ["task.created"]
    assert actions(exported(owner_client, to=at)) == ["user.created", "session.created"]
    assert actions(exported(owner_client, object_type="task", **{"from": at})) == ["task.created"]
    assert exported(owner_client, outcome="denied") == []


@pytest.mark.parametrize("count", [1, 3])
def test_api_export_costs_one_statement_for_each_batch(
    count: int, owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Task.objects.bulk_create(Task(owner=owner, title=str(number)) for number in range(count))

    with django_assert_num_queries(4):  # user, record, batch, the empty one after it
        assert len(exported(owner_client, action="task.created")) == count


@pytest.mark.parametrize("batch", [1, 2, 5, 6])
def test_api_export_of_several_batches_loses_and_repeats_nothing(
    batch: int, owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.exports.BATCH", batch)
    Task.objects.bulk_create(Task(owner=owner, title=str(number)) for number in range(5))

    keys = [event["id"] for event in exported(owner_client, action="task.created")]

    assert keys == [str(key) for key in Event.objects.filter(action="task.created").values_list("pk", flat=True)[::-1]]


def test_api_export_is_read_as_who_asked_although_the_request_is_over(
    owner: User, peer: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the owner's filter, in a process where nobody is the default: only the database keeps them apart."""
    monkeypatch.setattr("audit.exports.BATCH", 1)
    monkeypatch.setattr("audit.views.EventViewSet.get_queryset", lambda self: Event.objects.all())
    Task.objects.create(owner=owner, title="Mine")
    Task.objects.create(owner=peer, title="Theirs")

    unfiltered = exported(owner_client)
    monkeypatch.setattr(identity, "_default", None)
    confine_process()
    confined = exported(owner_client)

    assert {event["owner_id"] for event in [*unfiltered, *confined]} == {str(owner.pk)}
    assert actions(unfiltered) == ["user.created", "session.created", "task.created", "event.exported"]
    assert actions(confined) == [*actions(unfiltered), "event.exported"]


def test_api_export_is_on_record_before_the_first_line(owner: User, owner_client: APIClient) -> None:
    response = owner_client.get(URL, {"object_type": "task"})

    event = Event.objects.get(action="event.exported")
    assert (event.actor, event.owner_id, event.object_type) == (str(owner.pk), owner.pk, "event")
    assert event.detail == {"filters": {"object_type": "task"}}
    assert response.getvalue() == b""


def test_api_export_is_not_answered_if_it_cannot_be_put_on_record(owner: User, owner_client: APIClient) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (action !~ '^event') NOT VALID")
    owner_client.raise_request_exception = False

    response = owner_client.get(URL)

    assert (response.status_code >= 500, response.streaming) == (True, False)
    assert "user.created" not in response.content.decode()


@pytest.mark.parametrize("accept", ["application/jsonl", "application/json", "*/*", "application/jsonl, */*;q=0.1"])
def test_api_export_takes_a_client_that_wants_json_lines(accept: str, owner: User, owner_client: APIClient) -> None:
    response = owner_client.get(URL, headers={"Accept": accept})

    assert (response.status_code, response["Content-Type"]) == (200, "application/jsonl")


@pytest.mark.parametrize("accept", ["application/jsonl", "*/*"])
@pytest.mark.parametrize(
    "query", ["cursor=x", "limit=5", "verb=x", "from=yesterday", "outcome=perhaps", "action=a&action=b"]
)
def test_api_export_malformed_parameter_is_a_422_problem(query: str, accept: str, owner_client: APIClient) -> None:
    response = owner_client.get(f"{URL}?{query}", headers={"Accept": accept})

    assert (response.status_code, response["Content-Type"]) == (422, "application/problem+json")
    assert response.json()["errors"][0]["location"] == f"query.{query.split('=')[0]}"
    assert not Event.objects.filter(action="event.exported").exists()


def test_api_export_what_the_database_cannot_read_is_a_problem_and_no_torn_stream(owner_client: APIClient) -> None:
    """An instant that is of the year 10000 in UTC."""
    response = owner_client.get(URL, {"from": "9999-12-31T23:59:59-23:59"})

    assert (response.status_code, response["Content-Type"]) == (422, "application/problem+json")


def test_api_export_peer_gets_nothing_of_the_owners(owner: User, peer: User, peer_client: APIClient) -> None:
    Task.objects.create(owner=owner, title="x")

    assert {event["owner_id"] for event in exported(peer_client)} == {str(peer.pk)}
    assert exported(peer_client, object_type="task") == []


def test_api_export_staff_get_everybodys(
    owner: User, peer: User, staff: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.exports.BATCH", 2)
    for user in (owner, peer):
        Task.objects.create(owner=user, title="x")
    client = sign_in(staff)

    events = exported(client)

    assert [event["id"] for event in events] == [str(key) for key in Event.objects.values_list("pk", flat=True)[::-1]]
    assert {event["owner_id"] for event in events} == {str(user.pk) for user in (owner, peer, staff)}
    assert (events[-1]["action"], events[-1]["actor"]) == ("event.exported", str(staff.pk))


def test_api_export_cannot_be_posted(owner_client: APIClient) -> None:
    assert owner_client.post(URL).status_code == 405


@pytest.mark.parametrize("accept", ["application/jsonl", "*/*"])
def test_api_export_stranger_gets_401(accept: str, stranger_client: APIClient) -> None:
    response = stranger_client.get(URL, headers={"Accept": accept})

    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")
    assert response.json()["code"] == "not_authenticated"
