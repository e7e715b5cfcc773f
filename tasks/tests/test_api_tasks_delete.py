"""DELETE /api/v1/tasks/{id}: into the trash, and for good."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from resources.models import Deletion
from tasks.models import Task
from tasks.tests.api import TASKS, assert_foreign_is_missing, at_once, errors, refusal

FOR_GOOD = "?trashed=true"


@pytest.fixture
def subtask(task: Task) -> Task:
    """A subtask of the owner's task."""
    return Task.objects.create(owner=task.owner, title="Fill the can", parent=task)


def test_api_tasks_delete_owner_finds_it_in_the_trash(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.delete(f"{TASKS}/{task.pk}")

    assert (response.status_code, response.content) == (204, b"")
    assert owner_client.get(TASKS).json()["results"] == []
    (trashed,) = owner_client.get(f"{TASKS}?trashed=true").json()["results"]
    assert (trashed["id"], trashed["version"]) == (str(task.pk), 2)
    assert trashed["trashed_at"] <= trashed["updated_at"]


def test_api_tasks_delete_in_the_trash_is_404_and_leaves_it_there(task: Task, owner_client: APIClient) -> None:
    owner_client.delete(f"{TASKS}/{task.pk}")
    task.refresh_from_db()

    assert refusal(owner_client.delete(f"{TASKS}/{task.pk}")) == (404, "not_found")
    assert Task.objects.get().trashed_at == task.trashed_at


def test_api_tasks_delete_for_good_owner(
    task: Task, subtask: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    owner_client.delete(f"{TASKS}/{task.pk}")

    with django_assert_num_queries(1):
        response = owner_client.delete(f"{TASKS}/{task.pk}{FOR_GOOD}")

    assert (response.status_code, response.content) == (204, b"")
    assert not Task.objects.exists()
    assert refusal(owner_client.get(f"{TASKS}/{task.pk}{FOR_GOOD}")) == (404, "not_found")
    assert {deletion.object_id for deletion in Deletion.objects.all()} == {task.pk, subtask.pk}
    assert {(each.owner_id, each.object_type) for each in Deletion.objects.all()} == {(task.owner_id, "task")}


def test_api_tasks_delete_for_good_of_a_live_task_is_404(task: Task, owner_client: APIClient) -> None:
    assert refusal(owner_client.delete(f"{TASKS}/{task.pk}{FOR_GOOD}")) == (404, "not_found")
    assert Task.objects.get().trashed_at is None


def test_api_tasks_delete_for_good_of_a_subtask_leaves_the_task_in_the_trash(
    task: Task, subtask: Task, owner_client: APIClient
) -> None:
    owner_client.delete(f"{TASKS}/{task.pk}")

    assert owner_client.delete(f"{TASKS}/{subtask.pk}{FOR_GOOD}").status_code == 204
    assert Task.objects.get() == task


@pytest.mark.parametrize("query", ["", FOR_GOOD])
@pytest.mark.parametrize("trashed", [False, True])
def test_api_tasks_delete_peer_gets_the_404_of_a_missing_task(
    query: str, trashed: bool, task: Task, owner_client: APIClient, peer_client: APIClient
) -> None:
    if trashed:
        owner_client.delete(f"{TASKS}/{task.pk}")

    for headers in ({}, {"If-Match": '"7"'}):
        assert_foreign_is_missing(peer_client, "delete", f"{TASKS}/{{}}{query}", task.pk, None, headers)
    assert bool(Task.objects.get().trashed_at) == trashed


@pytest.mark.parametrize("query", ["", FOR_GOOD])
def test_api_tasks_delete_stranger_gets_401(query: str, task: Task, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.delete(f"{TASKS}/{task.pk}{query}")) == (401, "not_authenticated")


@pytest.mark.parametrize("query", ["", FOR_GOOD])
def test_api_tasks_delete_of_another_version_is_412(query: str, task: Task, owner_client: APIClient) -> None:
    if query:
        owner_client.delete(f"{TASKS}/{task.pk}")
    task.refresh_from_db()
    other, its = f'"{task.version + 1}"', f'"{task.version}"'

    response = owner_client.delete(f"{TASKS}/{task.pk}{query}", headers={"If-Match": other})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == its
    assert Task.objects.get().version == task.version
    assert owner_client.delete(f"{TASKS}/{task.pk}{query}", headers={"If-Match": its}).status_code == 204


@pytest.mark.parametrize("query", ["trashed=1", "trashed=", "trashed=true&trashed=true", "fields=id"])
def test_api_tasks_delete_takes_no_other_parameter(query: str, task: Task, owner_client: APIClient) -> None:
    assert errors(owner_client.delete(f"{TASKS}/{task.pk}?{query}")) == [(f"query.{query.split('=')[0]}", "invalid")]
    assert Task.objects.get().trashed_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ["", FOR_GOOD])
def test_api_tasks_delete_of_six_at_once_exactly_one_deletes(
    query: str, owner: User, task: Task, owner_client: APIClient
) -> None:
    if query:
        owner_client.delete(f"{TASKS}/{task.pk}")

    statuses = at_once(*[lambda: owner_client.delete(f"{TASKS}/{task.pk}{query}").status_code] * 6)

    assert sorted(statuses) == [204] + [404] * 5
