"""GET /api/v1/audit/events and /api/v1/audit/events/{id}."""

from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, transaction
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from audit.views import EventViewSet
from tasks.models import Task
from web.tests.faults import failing

URL = "/api/v1/audit/events"


def found(client: APIClient, **parameters: str) -> list[str]:
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.content
    return [event["action"] for event in response.json()["results"]]


@pytest.mark.parametrize("count", [1, 3])
def test_api_events_list_owner_sees_own_events_newest_first(
    count: int,
    owner: User,
    peer: User,
    owner_client: APIClient,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(count):
        Task.objects.create(owner=owner, title=str(number))
    Task.objects.create(owner=peer, title="Theirs")

    with django_assert_num_queries(2):  # user, rows
        events = owner_client.get(URL).json()["results"]

    assert [event["action"] for event in events] == ["task.created"] * count + [
        "session.created",
        "user.created",
    ]
    assert events[0]["changes"]["title"] == [None, "•••"]
    assert "commitments" not in events[0]


def test_api_events_list_filters(owner: User, owner_client: APIClient) -> None:
    task = owner_client.post("/api/v1/tasks", {"title": "x"}, headers={"X-Request-ID": "mine"}).json()
    created = Event.objects.get(action="task.created")

    assert found(owner_client, action="task.created") == ["task.created"]
    assert found(owner_client, object_id=task["id"], object_type="task") == ["task.created"]
    assert found(owner_client, request_id="mine") == ["task.created"]
    assert found(owner_client, actor=str(owner.pk)) == ["task.created"]
    at = created.occurred_at.isoformat()
    assert found(owner_client, **{"from": at}) == ["task.created"]
    assert "task.created" not in found(owner_client, to=at)
    assert found(owner_client, **{"from": at, "to": at}) == []


def test_api_events_list_finds_what_was_refused_and_what_failed(owner: User, owner_client: APIClient) -> None:
    assert found(owner_client, outcome="denied") == []
    assert owner_client.get(f"/api/v1/tasks/{uuid4()}").status_code == 404
    owner_client.raise_request_exception = False
    with failing(ZeroDivisionError()):
        assert owner_client.get("/api/v1/tasks").status_code == 500

    assert found(owner_client, outcome="denied") == ["task.refused"]
    assert found(owner_client, outcome="failed") == ["task.failed"]
    assert found(owner_client, outcome="success") == ["session.created", "user.created"]


@pytest.mark.parametrize("query", ["verb=x", "from=yesterday", "to=2026-13-01", "outcome=perhaps", "object_id=%00"])
def test_api_events_list_malformed_filter_is_422(query: str, owner_client: APIClient) -> None:
    response = owner_client.get(f"{URL}?{query}")

    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == f"query.{query.split('=')[0]}"


def test_api_events_retrieve_owner_and_peer(
    owner: User,
    owner_client: APIClient,
    peer_client: APIClient,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    event = Event.objects.get(action="user.created", owner_id=owner.pk)

    with django_assert_num_queries(2):  # user, row
        assert owner_client.get(f"{URL}/{event.pk}").json()["action"] == "user.created"
    assert peer_client.get(f"{URL}/{event.pk}").status_code == 404
    assert not Event.objects.filter(action="event.read").exists()


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete"])
def test_api_events_cannot_be_written(verb: str, owner: User, owner_client: APIClient) -> None:
    event = Event.objects.get(action="user.created")

    assert getattr(owner_client, verb)(URL, {}).status_code == 405
    assert getattr(owner_client, verb)(f"{URL}/{event.pk}", {}).status_code == 405


def test_api_events_stranger_gets_401(owner: User, stranger_client: APIClient) -> None:
    event = Event.objects.get()

    assert stranger_client.get(URL).status_code == 401
    assert stranger_client.get(f"{URL}/{event.pk}").status_code == 401


# Staff


@pytest.mark.parametrize("count", [1, 3])
def test_api_events_list_staff_see_everybodys_and_that_is_on_record(
    count: int, owner: User, staff: User, staff_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        Task.objects.create(owner=owner, title=str(number))

    with django_assert_num_queries(3):  # user, rows, record
        assert found(staff_client, action="task.created", limit="50") == ["task.created"] * count

    listed = Event.objects.latest("pk")
    assert (listed.action, listed.object_type, listed.actor) == ("event.listed", "event", str(staff.pk))
    assert (listed.owner_id, listed.detail) == (staff.pk, {"filters": {"action": "task.created", "limit": "50"}})


def test_api_events_list_staff_see_what_is_nobodys(staff_client: APIClient, stranger_client: APIClient) -> None:
    assert stranger_client.get(URL).status_code == 401

    assert found(staff_client, outcome="denied") == ["session.refused"]


def test_api_events_retrieve_staff_see_anybodys_and_that_is_on_record(
    owner: User, staff: User, staff_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    event = Event.objects.get(owner_id=owner.pk)

    with django_assert_num_queries(3):  # user, row, record
        assert staff_client.get(f"{URL}/{event.pk}").json()["owner_id"] == str(owner.pk)

    read = Event.objects.latest("pk")
    assert (read.action, read.object_id) == ("event.read", str(event.pk))
    assert (read.actor, read.owner_id) == (str(staff.pk), staff.pk)


def test_api_events_retrieve_staff_missing_is_404_and_on_record(staff: User, staff_client: APIClient) -> None:
    assert staff_client.get(f"{URL}/{uuid4()}").status_code == 404

    assert Event.objects.get(action="event.refused").actor == str(staff.pk)


@pytest.mark.parametrize("path", [URL, f"{URL}/{{}}"])
def test_api_events_staff_get_no_answer_that_is_not_on_record(path: str, owner: User, staff_client: APIClient) -> None:
    event = Event.objects.get(owner_id=owner.pk)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (action !~ '^event') NOT VALID")
    staff_client.raise_request_exception = False

    response = staff_client.get(path.format(event.pk))

    assert response.status_code >= 500
    assert "user.created" not in response.content.decode()


def test_api_events_staff_read_the_record_as_a_role_that_reads_nothing_else(
    owner: User, staff_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_further(self: EventViewSet) -> list[Task]:
        return list(Task.objects.all())

    monkeypatch.setattr(EventViewSet, "get_queryset", look_further)

    with pytest.raises(ProgrammingError, match="permission denied for table tasks_task"):
        staff_client.get(URL)


def test_api_elsewhere_staff_are_users_like_any_other(owner: User, staff: User, staff_client: APIClient) -> None:
    theirs = Task.objects.create(owner=owner, title="x")
    mine = Task.objects.create(owner=staff, title="y")
    assert len(found(staff_client)) > 1

    listed = staff_client.get("/api/v1/tasks").json()["results"]
    assert [task["id"] for task in listed] == [str(mine.pk)]
    assert staff_client.get(f"/api/v1/tasks/{theirs.pk}").status_code == 404
    assert staff_client.delete(f"/api/v1/tasks/{theirs.pk}").status_code == 404


def test_api_events_list_who_was_staff_is_so_no_more_from_the_next_request_on(
    owner: User, staff: User, staff_client: APIClient
) -> None:
    assert str(owner.pk) in staff_client.get(URL).content.decode()
    User.objects.filter(pk=staff.pk).update(is_staff=False)

    assert str(owner.pk) not in staff_client.get(URL).content.decode()
