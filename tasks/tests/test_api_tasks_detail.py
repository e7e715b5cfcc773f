"""GET, PATCH, DELETE /api/v1/tasks/{id} and POST /api/v1/tasks/{id}/toggle."""

from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Task

CALLS = [("get", ""), ("patch", ""), ("delete", ""), ("post", "/toggle")]


@pytest.fixture
def task(owner: User) -> Task:
    return Task.objects.create(owner=owner, title="Water the plants", description="All of them.")


def url(task: Task) -> str:
    return f"/api/v1/tasks/{task.pk}"


def test_api_tasks_retrieve_owner(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # session, row
        response = owner_client.get(url(task))

    assert response.status_code == 200
    assert response.json()["title"] == "Water the plants"


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({"title": "Feed the cat"}, ("Feed the cat", "All of them.", False)),
        ({"description": ""}, ("Water the plants", "", False)),
        ({"completed": True}, ("Water the plants", "All of them.", True)),
        ({}, ("Water the plants", "All of them.", False)),
    ],
)
def test_api_tasks_update_owner_changes_what_is_named_and_nothing_else(
    change: dict[str, Any], after: tuple[str, str, bool], task: Task, owner_client: APIClient
) -> None:
    response = owner_client.patch(url(task), change)

    assert response.status_code == 200
    body = response.json()
    assert (body["title"], body["description"], body["completed"]) == after
    before = task.updated_at
    task.refresh_from_db()
    assert (task.title, task.description, task.completed) == after
    assert (task.updated_at > before) == bool(change)
    assert body["updated_at"] == task.updated_at.isoformat().replace("+00:00", "Z")


def test_api_tasks_update_null_is_not_absent(task: Task, owner_client: APIClient) -> None:
    response = owner_client.patch(url(task), {"title": None})

    assert response.status_code == 422
    task.refresh_from_db()
    assert task.title == "Water the plants"


def test_api_tasks_update_gone_meanwhile_is_404(
    task: Task, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is deleted between the look-up and the write."""
    monkeypatch.setattr("tasks.views.TaskViewSet.get_object", lambda self: Task(pk=uuid4(), owner=task.owner))

    assert owner_client.patch(url(task), {"title": "Too late"}).status_code == 404


def test_api_tasks_delete_owner(task: Task, owner_client: APIClient) -> None:
    assert owner_client.delete(url(task)).status_code == 204
    assert not Task.objects.exists()
    assert owner_client.get(url(task)).status_code == 404


def test_api_tasks_toggle_owner_there_and_back(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3):  # session, update, row
        assert owner_client.post(f"{url(task)}/toggle").json()["completed"] is True
    assert owner_client.post(f"{url(task)}/toggle").json()["completed"] is False


@pytest.mark.parametrize(("verb", "suffix"), CALLS)
def test_api_tasks_detail_peer_gets_the_404_of_a_missing_task(
    verb: str, suffix: str, task: Task, peer_client: APIClient
) -> None:
    body = {"title": "Mine now"} if verb == "patch" else None
    foreign = getattr(peer_client, verb)(f"{url(task)}{suffix}", body)
    missing = getattr(peer_client, verb)(f"/api/v1/tasks/{uuid4()}{suffix}", body)

    assert foreign.status_code == missing.status_code == 404
    told = [
        {k: v for k, v in answer.json().items() if k not in ("instance", "request_id")} for answer in (foreign, missing)
    ]
    assert told[0] == told[1]
    task.refresh_from_db()
    assert (task.title, task.completed) == ("Water the plants", False)


@pytest.mark.parametrize(("verb", "suffix"), CALLS)
def test_api_tasks_detail_stranger_gets_401(verb: str, suffix: str, task: Task, stranger_client: APIClient) -> None:
    assert getattr(stranger_client, verb)(f"{url(task)}{suffix}").status_code == 401


def test_api_tasks_detail_malformed_id_is_404(owner_client: APIClient) -> None:
    response = owner_client.get("/api/v1/tasks/1")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_api_tasks_put_is_405(task: Task, owner_client: APIClient) -> None:
    response = owner_client.put(url(task), {"title": "x"})

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(("verb", "suffix"), CALLS)
def test_api_tasks_detail_takes_no_parameters_and_does_nothing(
    verb: str, suffix: str, task: Task, owner_client: APIClient
) -> None:
    assert getattr(owner_client, verb)(f"{url(task)}{suffix}?completed=true").status_code == 422
    task.refresh_from_db()
    assert task.completed is False


@pytest.mark.parametrize(("verb", "path"), [("post", "tasks"), ("get", "me"), ("post", "knowledge/search")])
def test_api_no_endpoint_takes_unknown_parameters(verb: str, path: str, owner_client: APIClient) -> None:
    response = getattr(owner_client, verb)(
        f"/api/v1/{path}?x=1", {"title": "x", "query": "x"} if verb == "post" else None
    )

    assert (response.status_code, response.json()["errors"][0]["location"]) == (422, "query.x")
