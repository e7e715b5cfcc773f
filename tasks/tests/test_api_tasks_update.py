"""PUT /api/v1/tasks/{id}."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label, Task
from tasks.tests.api import TASKS, assert_foreign_is_missing, errors, refusal
from tasks.tests.test_api_tasks_create import INVALID

# What is a task's own, and no business of who replaces it.
KEPT = {"id", "position", "created_at", "trashed_at"}


@pytest.fixture
def sent(owner: User, label: Label) -> dict[str, Any]:
    """A body in which nothing is as it is by default."""
    return {
        "title": "Water the plants",
        "description": "All of them.",
        "completed": True,
        "priority": "urgent",
        "due_on": "2026-12-01",
        "labels": [str(label.pk)],
        "parent": str(Task.objects.create(owner=owner, title="Garden").pk),
        "external_source": "tracker",
        "external_id": "T-1",
        "metadata": {"b": 1, "a": 2},
    }


def test_api_tasks_update_owner_replaces_it_in_one_statement(
    task: Task, sent: dict[str, Any], owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.put(f"{TASKS}/{task.pk}", sent)

    assert (response.status_code, response["ETag"]) == (200, '"2"')
    assert {name: response.json()[name] for name in sent} == sent
    assert response.json() == owner_client.get(f"{TASKS}/{task.pk}").json()


def test_api_tasks_update_what_is_absent_becomes_what_a_new_task_has(
    sent: dict[str, Any], owner_client: APIClient
) -> None:
    before = owner_client.post(TASKS, sent).json()
    new = owner_client.post(TASKS, {"title": "Feed the cat"}).json()

    after = owner_client.put(f"{TASKS}/{before['id']}", {"title": "Feed the cat"}).json()

    assert {name: after[name] for name in KEPT} == {name: before[name] for name in KEPT}
    changing = KEPT | {"updated_at", "version"}
    assert {name: after[name] for name in after.keys() - changing} == {
        name: new[name] for name in new.keys() - changing
    }


def test_api_tasks_update_again_leaves_the_version(task: Task, sent: dict[str, Any], owner_client: APIClient) -> None:
    first, second = (owner_client.put(f"{TASKS}/{task.pk}", sent) for _ in range(2))

    assert (second.content, second["ETag"]) == (first.content, '"2"')


def test_api_tasks_update_to_what_a_new_task_is_leaves_the_version(owner_client: APIClient) -> None:
    new = owner_client.post(TASKS, {"title": "x"})

    assert owner_client.put(f"{TASKS}/{new.json()['id']}", {"title": "x"}).content == new.content


@pytest.mark.parametrize(("body", "location", "code"), [case for case in INVALID if case[2] != "max_length"])
def test_api_tasks_update_invalid_is_422_and_changes_nothing(
    body: Any, location: str, code: str, task: Task, owner_client: APIClient
) -> None:
    assert errors(owner_client.put(f"{TASKS}/{task.pk}", body)) == [(location, code)]
    task.refresh_from_db()
    assert (task.title, task.version) == ("Water the plants", 1)


def test_api_tasks_update_peer_gets_the_404_of_a_missing_task(task: Task, peer_client: APIClient) -> None:
    for headers in ({}, {"If-Match": "*"}, {"If-Match": '"7"'}):
        assert_foreign_is_missing(peer_client, "put", f"{TASKS}/{{}}", task.pk, {"title": "Mine"}, headers)
    task.refresh_from_db()
    assert (task.title, task.version) == ("Water the plants", 1)


def test_api_tasks_update_stranger_gets_401(task: Task, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.put(f"{TASKS}/{task.pk}", {"title": "x"})) == (401, "not_authenticated")


def test_api_tasks_update_in_the_trash_is_404(task: Task, owner_client: APIClient) -> None:
    owner_client.delete(f"{TASKS}/{task.pk}")

    assert refusal(owner_client.put(f"{TASKS}/{task.pk}", {"title": "x"})) == (404, "not_found")


def test_api_tasks_update_makes_nothing(owner_client: APIClient) -> None:
    response = owner_client.put(f"{TASKS}/01890a5d-ac96-774b-bcce-b302099a8057", {"title": "x"})

    assert refusal(response) == (404, "not_found")
    assert not Task.objects.exists()


def test_api_tasks_update_of_another_version_is_412(task: Task, owner_client: APIClient) -> None:
    address = f"{TASKS}/{task.pk}"
    assert owner_client.put(address, {"title": "x"}, headers={"If-Match": '"1"'}).status_code == 200

    response = owner_client.put(address, {"title": "y"}, headers={"If-Match": '"1"'})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == '"2"'
    assert Task.objects.get().title == "x"


def test_api_tasks_update_takes_no_parameters(task: Task, owner_client: APIClient) -> None:
    assert errors(owner_client.put(f"{TASKS}/{task.pk}?fields=id", {"title": "x"})) == [("query.fields", "invalid")]
    assert Task.objects.get().title == "Water the plants"


@pytest.mark.parametrize("known", ["*", '"1"', 'W/"1"', '"7", "1"'])
@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_what_the_client_knows_is_not_written_if_it_says_so(
    verb: str, known: str, task: Task, owner_client: APIClient
) -> None:
    """`If-None-Match` on a write (RFC 9110, 13.1.2)."""
    response = getattr(owner_client, verb)(f"{TASKS}/{task.pk}", {"title": "y"}, headers={"If-None-Match": known})

    assert (response.status_code, response["ETag"]) == (412, '"1"')
    task.refresh_from_db()
    assert (task.version, task.trashed_at) == (1, None)


def test_what_the_client_does_not_know_is_written(task: Task, owner_client: APIClient) -> None:
    response = owner_client.put(f"{TASKS}/{task.pk}", {"title": "y"}, headers={"If-None-Match": '"2"'})

    assert (response.status_code, response["ETag"]) == (200, '"2"')
