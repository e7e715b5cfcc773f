"""POST /api/v1/tasks/{id}/reopen."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Task
from tasks.tests.api import TASKS, assert_foreign_is_missing, errors, refusal


@pytest.fixture
def done(owner: User) -> Task:
    """A task of the owner's that is complete."""
    return Task.objects.create(owner=owner, title="Water the plants", completed=True)


def test_api_tasks_reopen_owner(
    done: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.post(f"{TASKS}/{done.pk}/reopen")

    assert (response.status_code, response["ETag"], response.json()["completed"]) == (200, '"2"', False)
    assert response.json()["completed_at"] is None


def test_api_tasks_reopen_again_changes_nothing(
    done: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = owner_client.post(f"{TASKS}/{done.pk}/reopen")

    with django_assert_num_queries(2):
        second = owner_client.post(f"{TASKS}/{done.pk}/reopen")

    assert (second.status_code, second["ETag"], second.content) == (200, '"2"', first.content)


def test_api_tasks_reopen_of_another_version_is_412(done: Task, owner_client: APIClient) -> None:
    response = owner_client.post(f"{TASKS}/{done.pk}/reopen", headers={"If-Match": '"2"'})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == '"1"'
    assert Task.objects.get().completed


def test_api_tasks_reopen_peer_gets_the_404_of_a_missing_task(done: Task, peer_client: APIClient) -> None:
    assert_foreign_is_missing(peer_client, "post", f"{TASKS}/{{}}/reopen", done.pk)
    assert Task.objects.get().completed


def test_api_tasks_reopen_stranger_gets_401(done: Task, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(f"{TASKS}/{done.pk}/reopen")) == (401, "not_authenticated")


def test_api_tasks_reopen_in_the_trash_is_404(done: Task, owner_client: APIClient) -> None:
    owner_client.delete(f"{TASKS}/{done.pk}")

    assert refusal(owner_client.post(f"{TASKS}/{done.pk}/reopen")) == (404, "not_found")


def test_api_tasks_reopen_takes_no_parameters(done: Task, owner_client: APIClient) -> None:
    assert errors(owner_client.post(f"{TASKS}/{done.pk}/reopen?trashed=false")) == [("query.trashed", "invalid")]
    assert Task.objects.get().completed
