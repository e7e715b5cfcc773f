"""POST /api/v1/tasks/{id}/close."""

from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tasks.models import Task
from tasks.tests.api import TASKS, assert_foreign_is_missing, errors, refusal


def test_api_tasks_close_owner(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.post(f"{TASKS}/{task.pk}/close")

    assert (response.status_code, response["ETag"], response.json()["completed"]) == (200, '"2"', True)
    assert response.json()["completed_at"] is not None


def test_api_tasks_close_again_changes_nothing(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = owner_client.post(f"{TASKS}/{task.pk}/close")

    with django_assert_num_queries(2):
        second = owner_client.post(f"{TASKS}/{task.pk}/close")

    assert (second.status_code, second["ETag"], second.content) == (200, '"2"', first.content)


def test_api_tasks_close_again_with_the_version_before_is_412(task: Task, owner_client: APIClient) -> None:
    """Whoever closed it first, the client doesn't know the task as it is."""
    address = f"{TASKS}/{task.pk}/close"
    assert owner_client.post(address, headers={"If-Match": '"1"'}).status_code == 200

    response = owner_client.post(address, headers={"If-Match": '"1"'})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == '"2"'
    assert owner_client.post(address, headers={"If-Match": '"2"'}).status_code == 200


def test_api_tasks_close_peer_gets_the_404_of_a_missing_task(task: Task, peer_client: APIClient) -> None:
    assert_foreign_is_missing(peer_client, "post", f"{TASKS}/{{}}/close", task.pk)
    assert not Task.objects.get().completed


def test_api_tasks_close_stranger_gets_401(task: Task, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(f"{TASKS}/{task.pk}/close")) == (401, "not_authenticated")


def test_api_tasks_close_in_the_trash_is_404(task: Task, owner_client: APIClient) -> None:
    owner_client.delete(f"{TASKS}/{task.pk}")

    assert refusal(owner_client.post(f"{TASKS}/{task.pk}/close")) == (404, "not_found")


def test_api_tasks_close_takes_no_parameters(task: Task, owner_client: APIClient) -> None:
    assert errors(owner_client.post(f"{TASKS}/{task.pk}/close?trashed=false")) == [("query.trashed", "invalid")]
    assert not Task.objects.get().completed
