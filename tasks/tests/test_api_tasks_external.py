"""PUT /api/v1/tasks/external/{external_source}/{external_id}, and external ids elsewhere."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Session, User
from accounts.tokens import issue
from audit.models import Event
from tasks.models import Task
from tasks.tests.api import TASKS, at_once, errors, refusal

ADDRESS = f"{TASKS}/external/git/acme/site%2312"
NAMED = {"external_source": "git", "external_id": "acme/site#12"}


def test_api_tasks_external_owner_makes_it_and_then_replaces_it(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        made = owner_client.put(ADDRESS, {"title": "Broken link", "priority": "high", "metadata": {"a": 1}})
    with django_assert_num_queries(1):
        replaced = owner_client.put(ADDRESS, {"title": "Broken links"})

    task = made.json()
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    assert made["Location"].endswith(f"{TASKS}/{task['id']}")
    assert {name: task[name] for name in NAMED} == NAMED
    assert (replaced.status_code, replaced["ETag"], "Location" in replaced) == (200, '"2"', False)
    assert replaced.json() == task | {
        "title": "Broken links",
        "priority": "none",
        "metadata": {},
        "version": 2,
        "updated_at": replaced.json()["updated_at"],
    }
    assert Task.objects.count() == 1


def test_api_tasks_external_the_same_again_changes_nothing(owner_client: APIClient) -> None:
    first = owner_client.put(ADDRESS, {"title": "Broken link"})
    again = owner_client.put(ADDRESS, {"title": "Broken link"})

    assert (again.status_code, again["ETag"]) == (200, '"1"')
    assert again.content == first.content


def test_api_tasks_external_both_ways_are_on_record(owner_client: APIClient) -> None:
    owner_client.put(ADDRESS, {"title": "Broken link"})
    owner_client.put(ADDRESS, {"title": "Broken link", "completed": True})

    assert list(Event.objects.filter(object_type="task").order_by("pk").values_list("action", flat=True)) == [
        "task.created",
        "task.updated",
    ]
    assert Event.objects.get(action="task.updated").changes["completed"] == [False, True]


def test_api_tasks_external_a_peers_task_of_the_same_name_is_another(
    owner_client: APIClient, peer_client: APIClient
) -> None:
    owner_client.put(ADDRESS, {"title": "Owner's"})

    response = peer_client.put(ADDRESS, {"title": "Peer's"})

    assert response.status_code == 201
    assert owner_client.put(ADDRESS, {"title": "Owner's"})["ETag"] == '"1"'


def test_api_tasks_external_stranger_gets_401(stranger_client: APIClient) -> None:
    assert refusal(stranger_client.put(ADDRESS, {"title": "x"})) == (401, "not_authenticated")
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("address", "body", "expected"),
    [
        (ADDRESS, {}, [("body.title", "required")]),
        (ADDRESS, {"title": "x", "external_id": "y"}, [("body.external_id", "read_only")]),
        (ADDRESS, {"title": "x", "position": "8"}, [("body.position", "read_only")]),
        (f"{ADDRESS}?trashed=true", {"title": "x"}, [("query.trashed", "invalid")]),
        (f"{TASKS}/external/{'s' * 65}/x", {"title": "x"}, [("body.external_source", "max_length")]),
        (f"{TASKS}/external/s/{'x' * 256}", {"title": "x"}, [("body.external_id", "max_length")]),
        (f"{TASKS}/external/s/a%00b", {"title": "x"}, [("body.external_id", "null_characters_not_allowed")]),
    ],
)
def test_api_tasks_external_what_is_wrong_is_named(
    address: str, body: Any, expected: list[tuple[str, str]], owner_client: APIClient
) -> None:
    assert errors(owner_client.put(address, body)) == expected


def test_api_tasks_external_if_none_match_makes_only(owner_client: APIClient) -> None:
    only_new = {"If-None-Match": "*"}

    assert owner_client.put(ADDRESS, {"title": "x"}, headers=only_new).status_code == 201
    again = owner_client.put(ADDRESS, {"title": "y"}, headers=only_new)

    assert refusal(again) == (412, "precondition_failed")
    assert (again["ETag"], Task.objects.get().title) == ('"1"', "x")


def test_api_tasks_external_if_match_replaces_only(owner_client: APIClient) -> None:
    expecting = {"If-Match": '"1"'}

    assert refusal(owner_client.put(ADDRESS, {"title": "x"}, headers=expecting)) == (412, "precondition_failed")
    assert not Task.objects.exists()
    owner_client.put(ADDRESS, {"title": "x"})
    assert owner_client.put(ADDRESS, {"title": "y"}, headers=expecting)["ETag"] == '"2"'
    stale = owner_client.put(ADDRESS, {"title": "z"}, headers=expecting)
    assert (stale.status_code, stale["ETag"], Task.objects.get().title) == (412, '"2"', "y")


def test_api_tasks_external_options_tells_what_can_be_done(owner_client: APIClient) -> None:
    response = owner_client.options(ADDRESS)

    assert (response.status_code, response["Allow"]) == (200, "PUT, OPTIONS")


def test_api_tasks_external_if_match_any_makes_none(owner_client: APIClient) -> None:
    there = {"If-Match": "*"}

    assert refusal(owner_client.put(ADDRESS, {"title": "x"}, headers=there)) == (412, "precondition_failed")
    assert not Task.objects.exists()
    owner_client.put(ADDRESS, {"title": "x"})
    assert owner_client.put(ADDRESS, {"title": "y"}, headers=there)["ETag"] == '"2"'


def test_api_tasks_external_if_none_match_of_its_version_is_412(owner_client: APIClient) -> None:
    owner_client.put(ADDRESS, {"title": "x"})

    assert owner_client.put(ADDRESS, {"title": "y"}, headers={"If-None-Match": '"1"'}).status_code == 412
    assert owner_client.put(ADDRESS, {"title": "y"}, headers={"If-None-Match": '"2"'})["ETag"] == '"2"'


def test_api_tasks_external_in_the_trash_is_told_and_not_touched(owner_client: APIClient) -> None:
    key = owner_client.put(ADDRESS, {"title": "x"}).json()["id"]
    owner_client.delete(f"{TASKS}/{key}")

    response = owner_client.put(ADDRESS, {"title": "y"})

    assert refusal(response) == (409, "in_trash")
    assert response.json()["existing"] == key
    assert Task.objects.get().title == "x"
    owner_client.post(f"{TASKS}/{key}/restore")
    assert owner_client.put(ADDRESS, {"title": "y"}).status_code == 200


def test_api_tasks_create_of_an_external_id_that_is_taken_tells_whose_it_is(
    owner_client: APIClient, peer_client: APIClient
) -> None:
    key = owner_client.put(ADDRESS, {"title": "x"}).json()["id"]

    response = owner_client.post(TASKS, {"title": "y"} | NAMED)

    assert refusal(response) == (409, "external_id_taken")
    assert response.json()["existing"] == key
    assert peer_client.post(TASKS, {"title": "y"} | NAMED).status_code == 201


@pytest.mark.parametrize("half", [{"external_source": "git"}, {"external_id": "12"}])
def test_api_tasks_create_with_half_an_external_name_is_refused(half: dict[str, str], owner_client: APIClient) -> None:
    assert errors(owner_client.post(TASKS, {"title": "x"} | half)) == [("body", "invalid")]


@pytest.mark.parametrize(
    ("source", "key"), [("git", None), (None, "12"), ("", "12"), ("git", ""), ("", None), (None, "")]
)
def test_half_an_external_name_is_refused_by_the_database(source: str | None, key: str | None, owner: User) -> None:
    with pytest.raises(IntegrityError, match="tasks_task_external_pair"), transaction.atomic():
        Task.objects.create(owner=owner, title="x", external_source=source, external_id=key)


def test_an_external_name_is_one_tasks_only_by_the_database(owner: User, peer: User) -> None:
    Task.objects.create(owner=owner, title="x", **NAMED)
    Task.objects.create(owner=peer, title="x", **NAMED)
    with pytest.raises(IntegrityError, match="tasks_task_external"), transaction.atomic():
        Task.objects.create(owner=owner, title="y", **NAMED)


@pytest.mark.django_db(transaction=True)
def test_api_tasks_external_put_at_once_makes_one_task() -> None:
    owner = User.objects.create_user("owner@example.com")
    token = issue(Session.objects.create(owner=owner))["access"]

    def put(number: int) -> int:
        client = APIClient(headers={"Authorization": f"Bearer {token}"})
        return client.put(ADDRESS, {"title": str(number)}).status_code

    statuses = at_once(*(lambda number=number: put(number) for number in range(6)))  # type: ignore[misc]

    assert sorted(statuses) == [200, 200, 200, 200, 200, 201]
    assert Task.objects.get().version == 6
