"""PATCH /api/v1/tasks/{id}."""

from datetime import datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label, Task
from tasks.tests.api import TASKS, assert_foreign_is_missing, at_once, errors, refusal
from tasks.tests.test_api_tasks_create import INVALID

A_DAY, A_MOMENT, ID = "2026-12-01", "2026-12-01T10:00:00.000000Z", "01890a5d-ac96-774b-bcce-b302099a8057"
# What follows from a change, whatever was changed.
FOLLOWS = {"updated_at", "version"}


@pytest.fixture
def full(owner: User, label: Label, owner_client: APIClient) -> dict[str, Any]:
    """A task, as its owner gets it, of which nothing is as it is by default."""
    body = {
        "title": "Water the plants",
        "description": "All of them.",
        "completed": True,
        "priority": "high",
        "due_at": A_MOMENT,
        "labels": [str(label.pk)],
        "parent": str(Task.objects.create(owner=owner, title="Garden").pk),
        "external_source": "tracker",
        "external_id": "T-1",
        "metadata": {"b": 1, "a": 2},
    }
    made: dict[str, Any] = owner_client.post(TASKS, body).json()
    return made


def test_api_tasks_partial_update_owner_changes_one_thing_in_one_statement(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.patch(f"{TASKS}/{task.pk}", {"title": "Feed the cat"})

    assert response.status_code == 200
    assert (response.json()["title"], response.json()["description"]) == ("Feed the cat", "All of them.")
    assert (response.json()["version"], response["ETag"]) == (2, '"2"')
    before = task.updated_at
    task.refresh_from_db()
    assert task.title == "Feed the cat"
    assert before < task.updated_at == datetime.fromisoformat(response.json()["updated_at"])


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({"title": "Feed the cat"}, {}),
        ({"description": ""}, {}),
        ({"completed": False}, {"completed_at": None}),
        ({"priority": "none"}, {}),
        ({"due_at": None}, {}),
        ({"due_at": "2027-01-01T00:00:00.000000Z"}, {}),
        ({"due_at": None, "due_on": A_DAY}, {}),
        ({"labels": []}, {}),
        ({"parent": None}, {}),
        ({"external_source": None, "external_id": None}, {}),
        ({"external_id": "T-2"}, {}),
        ({"metadata": {}}, {}),
        ({"metadata": {"a": 2, "b": 1}}, {}),
    ],
)
def test_api_tasks_partial_update_owner_changes_what_is_named_and_nothing_else(
    change: dict[str, Any], more: dict[str, Any], full: dict[str, Any], owner_client: APIClient
) -> None:
    after = owner_client.patch(f"{TASKS}/{full['id']}", change).json()

    assert after.pop("version") == 2
    assert after.pop("updated_at") > full["updated_at"]
    assert after == {name: value for name, value in full.items() if name not in FOLLOWS} | change | more
    assert list(after["metadata"]) == list((full | change)["metadata"])


@pytest.mark.parametrize("change", [{}, {"title": "Water the plants"}, {"metadata": {"b": 1, "a": 2}}])
def test_api_tasks_partial_update_that_changes_nothing_leaves_the_version(
    change: dict[str, Any], full: dict[str, Any], owner_client: APIClient
) -> None:
    response = owner_client.patch(f"{TASKS}/{full['id']}", change)

    assert (response.json(), response["ETag"]) == (full, '"1"')


@pytest.mark.parametrize(
    "member", ["title", "description", "completed", "priority", "labels", "metadata"], ids=lambda name: f"{name}"
)
def test_api_tasks_partial_update_null_is_not_absent(
    member: str, full: dict[str, Any], owner_client: APIClient
) -> None:
    assert errors(owner_client.patch(f"{TASKS}/{full['id']}", {member: None})) == [(f"body.{member}", "null")]
    assert owner_client.get(f"{TASKS}/{full['id']}").json() == full


@pytest.mark.parametrize(
    ("body", "location", "code"), [case for case in INVALID if case[2] not in ("required", "max_length")]
)
def test_api_tasks_partial_update_invalid_is_422_and_changes_nothing(
    body: Any, location: str, code: str, task: Task, owner_client: APIClient
) -> None:
    assert errors(owner_client.patch(f"{TASKS}/{task.pk}", body)) == [(location, code)]
    task.refresh_from_db()
    assert (task.title, task.version) == ("Water the plants", 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"due_on": A_DAY}, ("body", "invalid")),
        ({"external_source": None}, ("body", "invalid")),
        ({"external_id": None}, ("body", "invalid")),
        ({"parent": ID}, ("body.parent", "does_not_exist")),
        ({"labels": [ID]}, ("body.labels", "invalid")),
    ],
)
def test_api_tasks_partial_update_what_the_database_refuses_changes_nothing(
    change: dict[str, Any], error: tuple[str, str], full: dict[str, Any], owner_client: APIClient
) -> None:
    response = owner_client.patch(f"{TASKS}/{full['id']}", {"title": "Feed the cat", **change})

    assert errors(response) == [error]
    assert owner_client.get(f"{TASKS}/{full['id']}").json() == full


@pytest.mark.django_db(transaction=True)
def test_api_tasks_partial_update_to_a_taken_external_id_is_409(full: dict[str, Any], owner_client: APIClient) -> None:
    other = owner_client.post(TASKS, {"title": "x"}).json()["id"]

    response = owner_client.patch(f"{TASKS}/{other}", {"external_source": "tracker", "external_id": "T-1"})

    assert refusal(response) == (409, "external_id_taken")


def test_api_tasks_partial_update_peer_gets_the_404_of_a_missing_task(task: Task, peer_client: APIClient) -> None:
    for body, headers in (({}, {}), ({"title": "Mine"}, {}), ({"title": "Mine"}, {"If-Match": '"7"'})):
        assert_foreign_is_missing(peer_client, "patch", f"{TASKS}/{{}}", task.pk, body, headers)
    task.refresh_from_db()
    assert (task.title, task.version) == ("Water the plants", 1)


def test_api_tasks_partial_update_stranger_gets_401(task: Task, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.patch(f"{TASKS}/{task.pk}", {"title": "x"})) == (401, "not_authenticated")


def test_api_tasks_partial_update_in_the_trash_is_404(task: Task, owner_client: APIClient) -> None:
    owner_client.delete(f"{TASKS}/{task.pk}")

    assert refusal(owner_client.patch(f"{TASKS}/{task.pk}", {"title": "x"})) == (404, "not_found")
    assert refusal(owner_client.patch(f"{TASKS}/{task.pk}", {})) == (404, "not_found")


def test_api_tasks_partial_update_takes_no_parameters(task: Task, owner_client: APIClient) -> None:
    response = owner_client.patch(f"{TASKS}/{task.pk}?trashed=true", {"title": "x"})

    assert errors(response) == [("query.trashed", "invalid")]
    assert Task.objects.get().title == "Water the plants"


@pytest.mark.parametrize("expected", ['"1"', "*", " * ", '"7", "1"', 'W/"9" , "1"', '"",\t"1"'])
def test_api_tasks_partial_update_of_the_expected_version(expected: str, task: Task, owner_client: APIClient) -> None:
    response = owner_client.patch(f"{TASKS}/{task.pk}", {"title": "x"}, headers={"If-Match": expected})

    assert (response.status_code, response["ETag"]) == (200, '"2"')


@pytest.mark.parametrize("expected", ['"2"', 'W/"1"', '"01"', '"1.0"', '"x"', '""', '"2", "3"', '"99999999999999999"'])
@pytest.mark.parametrize("change", [{"title": "x"}, {}])
def test_api_tasks_partial_update_of_another_version_is_412_and_says_which(
    change: dict[str, str], expected: str, task: Task, owner_client: APIClient
) -> None:
    response = owner_client.patch(f"{TASKS}/{task.pk}", change, headers={"If-Match": expected})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == '"1"'
    assert Task.objects.get().title == "Water the plants"


@pytest.mark.parametrize("expected", ["1", '"1', "", '"1" "2"', ",", "**", '*, "1"', 'w/"1"', "\x00"])
def test_api_tasks_partial_update_malformed_if_match_is_400(expected: str, task: Task, owner_client: APIClient) -> None:
    response = owner_client.patch(f"{TASKS}/{task.pk}", {"title": "x"}, headers={"If-Match": expected})

    assert refusal(response) == (400, "parse_error")
    assert Task.objects.get().title == "Water the plants"


@pytest.mark.django_db(transaction=True)
def test_api_tasks_partial_update_of_eight_at_once_with_one_version_exactly_one_wins(
    task: Task, owner_client: APIClient
) -> None:
    def attempt(number: int) -> int:
        body, headers = {"title": str(number)}, {"If-Match": '"1"'}
        return int(owner_client.patch(f"{TASKS}/{task.pk}", body, headers=headers).status_code)

    statuses = at_once(*(lambda number=number: attempt(number) for number in range(8)))

    assert sorted(statuses) == [200] + [412] * 7
    task.refresh_from_db()
    assert (task.title, task.version) == (str(statuses.index(200)), 2)


@pytest.mark.django_db(transaction=True)
def test_api_tasks_partial_update_of_different_members_at_once_loses_none(task: Task, owner_client: APIClient) -> None:
    changes = [{"title": "x"}, {"description": "y"}, {"priority": "low"}, {"due_on": A_DAY}, {"completed": True}]

    at_once(*(lambda change=change: owner_client.patch(f"{TASKS}/{task.pk}", change) for change in changes))

    after = owner_client.get(f"{TASKS}/{task.pk}").json()
    assert all(after.items() >= change.items() for change in changes)
    assert after["version"] == 1 + len(changes)
