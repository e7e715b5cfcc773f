"""POST /api/v1/tasks/{id}/restore, and what comes back with a task."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tasks.models import Task
from tasks.tests.api import TASKS, assert_foreign_is_missing, errors, refusal


@pytest.fixture
def trashed(task: Task, owner_client: APIClient) -> Task:
    """A task of the owner's that is in the trash."""
    owner_client.delete(f"{TASKS}/{task.pk}")
    return task


def live(client: APIClient) -> set[str]:
    """The titles of the tasks that aren't in the trash."""
    return {task["title"] for task in client.get(TASKS).json()["results"]}


def test_api_tasks_restore_owner_has_it_back(
    trashed: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.post(f"{TASKS}/{trashed.pk}/restore")

    assert (response.status_code, response["ETag"], response.json()["trashed_at"]) == (200, '"3"', None)
    assert owner_client.get(f"{TASKS}/{trashed.pk}").json() == response.json()
    assert (response.json()["title"], response.json()["position"]) == (trashed.title, trashed.position)


def test_api_tasks_restore_of_a_live_task_changes_nothing(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        response = owner_client.post(f"{TASKS}/{task.pk}/restore")

    assert (response.status_code, response["ETag"]) == (200, '"1"')


def test_api_tasks_restore_peer_gets_the_404_of_a_missing_task(trashed: Task, peer_client: APIClient) -> None:
    assert_foreign_is_missing(peer_client, "post", f"{TASKS}/{{}}/restore", trashed.pk)
    assert Task.objects.get().trashed_at


def test_api_tasks_restore_stranger_gets_401(trashed: Task, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(f"{TASKS}/{trashed.pk}/restore")) == (401, "not_authenticated")


def test_api_tasks_restore_of_another_version_is_412(trashed: Task, owner_client: APIClient) -> None:
    response = owner_client.post(f"{TASKS}/{trashed.pk}/restore", headers={"If-Match": '"1"'})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == '"2"'
    assert Task.objects.get().trashed_at


def test_api_tasks_restore_takes_no_parameters(trashed: Task, owner_client: APIClient) -> None:
    assert errors(owner_client.post(f"{TASKS}/{trashed.pk}/restore?trashed=true")) == [("query.trashed", "invalid")]
    assert Task.objects.get().trashed_at


def test_api_tasks_restore_brings_back_all_that_went_with_it(task: Task, owner_client: APIClient) -> None:
    child = Task.objects.create(owner=task.owner, title="Child", parent=task)
    Task.objects.create(owner=task.owner, title="Grandchild", parent=child)
    other = Task.objects.create(owner=task.owner, title="Other")

    owner_client.delete(f"{TASKS}/{task.pk}")
    assert live(owner_client) == {other.title}
    assert len({each.trashed_at for each in Task.objects.exclude(pk=other.pk)}) == 1
    owner_client.post(f"{TASKS}/{task.pk}/restore")

    assert live(owner_client) == {"Water the plants", "Child", "Grandchild", "Other"}
    assert {each.version for each in Task.objects.exclude(pk=other.pk)} == {3}
    assert Task.objects.get(pk=other.pk).version == 1


def test_api_tasks_restore_leaves_what_had_been_trashed_before(task: Task, owner_client: APIClient) -> None:
    before = Task.objects.create(owner=task.owner, title="Trashed before", parent=task)
    Task.objects.create(owner=task.owner, title="Below it", parent=before)
    Task.objects.create(owner=task.owner, title="Trashed with it", parent=task)

    owner_client.delete(f"{TASKS}/{before.pk}")
    owner_client.delete(f"{TASKS}/{task.pk}")
    owner_client.post(f"{TASKS}/{task.pk}/restore")

    assert live(owner_client) == {"Water the plants", "Trashed with it"}
    owner_client.post(f"{TASKS}/{before.pk}/restore")
    assert live(owner_client) == {"Water the plants", "Trashed with it", "Trashed before", "Below it"}


@pytest.mark.django_db(transaction=True)
def test_api_tasks_restore_of_a_subtask_alone_is_422(task: Task, owner_client: APIClient) -> None:
    subtask = Task.objects.create(owner=task.owner, title="Child", parent=task)
    owner_client.delete(f"{TASKS}/{task.pk}")

    response = owner_client.post(f"{TASKS}/{subtask.pk}/restore")

    assert errors(response) == [("body.parent", "invalid")]
    assert response.json()["errors"][0]["message"] == "The task above it is in the trash."
    assert live(owner_client) == set()
