"""GET /api/v1/audit/events."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from tasks.models import Task

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

    with django_assert_num_queries(2):  # session, rows
        events = owner_client.get(URL).json()["results"]

    assert [event["action"] for event in events] == ["task.created"] * count + [
        "session.created",
        "user.created",
    ]
    assert events[0]["changes"]["title"] == [None, str(count - 1)]


def test_api_events_list_filters(owner: User, owner_client: APIClient) -> None:
    task = owner_client.post("/api/v1/tasks", {"title": "x"}, headers={"X-Request-ID": "mine"}).json()
    created = Event.objects.get(action="task.created")

    assert found(owner_client, action="task.created") == ["task.created"]
    assert found(owner_client, object_id=task["id"], object_type="task") == ["task.created"]
    assert found(owner_client, request_id="mine") == ["task.created"]
    assert found(owner_client, actor=str(owner.pk)) == ["task.created"]
    assert found(owner_client, outcome="denied") == []
    at = created.occurred_at.isoformat()
    assert found(owner_client, **{"from": at}) == ["task.created"]
    assert "task.created" not in found(owner_client, to=at)


@pytest.mark.parametrize("query", ["verb=x", "from=yesterday", "outcome=perhaps"])
def test_api_events_list_malformed_filter_is_422(query: str, owner_client: APIClient) -> None:
    response = owner_client.get(f"{URL}?{query}")

    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == f"query.{query.split('=')[0]}"


def test_api_events_retrieve_owner_and_peer(owner: User, owner_client: APIClient, peer_client: APIClient) -> None:
    event = Event.objects.get(action="user.created", owner_id=owner.pk)

    assert owner_client.get(f"{URL}/{event.pk}").json()["action"] == "user.created"
    assert peer_client.get(f"{URL}/{event.pk}").status_code == 404


def test_api_events_cannot_be_written(owner_client: APIClient) -> None:
    assert owner_client.post(URL, {}).status_code == 405


def test_api_events_list_stranger_gets_401(stranger_client: APIClient) -> None:
    assert stranger_client.get(URL).status_code == 401
