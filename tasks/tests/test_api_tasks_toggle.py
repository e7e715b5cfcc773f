"""POST /api/v1/tasks/{id}/toggle."""

from datetime import datetime

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tasks.models import Task
from tasks.tests.api import TASKS, assert_foreign_is_missing, at_once, errors, refusal


def test_api_tasks_toggle_owner_there_and_back(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        there = owner_client.post(f"{TASKS}/{task.pk}/toggle")
    back = owner_client.post(f"{TASKS}/{task.pk}/toggle")

    assert (there.status_code, there["ETag"], there.json()["completed"]) == (200, '"2"', True)
    assert there.json()["completed_at"] <= there.json()["updated_at"]
    assert (back["ETag"], back.json()["completed"], back.json()["completed_at"]) == ('"3"', False, None)


def test_api_tasks_toggle_completes_anew(task: Task, owner_client: APIClient) -> None:
    first, _, second = (owner_client.post(f"{TASKS}/{task.pk}/toggle").json()["completed_at"] for _ in range(3))

    assert datetime.fromisoformat(first) < datetime.fromisoformat(second)


def test_api_tasks_toggle_peer_gets_the_404_of_a_missing_task(task: Task, peer_client: APIClient) -> None:
    assert_foreign_is_missing(peer_client, "post", f"{TASKS}/{{}}/toggle", task.pk)
    assert not Task.objects.get().completed


def test_api_tasks_toggle_stranger_gets_401(task: Task, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(f"{TASKS}/{task.pk}/toggle")) == (401, "not_authenticated")


def test_api_tasks_toggle_in_the_trash_is_404(task: Task, owner_client: APIClient) -> None:
    owner_client.delete(f"{TASKS}/{task.pk}")

    assert refusal(owner_client.post(f"{TASKS}/{task.pk}/toggle")) == (404, "not_found")


def test_api_tasks_toggle_of_another_version_is_412(task: Task, owner_client: APIClient) -> None:
    address = f"{TASKS}/{task.pk}/toggle"
    assert owner_client.post(address, headers={"If-Match": '"1"'}).status_code == 200

    response = owner_client.post(address, headers={"If-Match": '"1"'})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == '"2"'
    assert Task.objects.get().completed


def test_api_tasks_toggle_takes_no_parameters(task: Task, owner_client: APIClient) -> None:
    assert errors(owner_client.post(f"{TASKS}/{task.pk}/toggle?completed=true")) == [("query.completed", "invalid")]
    assert not Task.objects.get().completed


@pytest.mark.django_db(transaction=True)
def test_api_tasks_toggle_of_several_at_once_each_counts(task: Task, owner_client: APIClient) -> None:
    at_once(*[lambda: [owner_client.post(f"{TASKS}/{task.pk}/toggle") for _ in range(5)]] * 3)

    task.refresh_from_db()
    assert (task.completed, task.version) == (True, 16)
