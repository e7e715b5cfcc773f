"""GET /api/v1/tasks."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Task

URL = "/api/v1/tasks"


def titles(client: APIClient, **parameters: str) -> list[str]:
    response = client.get(URL, parameters)
    assert response.status_code == 200
    return [task["title"] for task in response.json()["results"]]


@pytest.mark.parametrize("count", [1, 3])
def test_api_tasks_list_owner_sees_own_tasks_newest_first_in_two_statements(
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
        response = owner_client.get(URL)

    assert [task["title"] for task in response.json()["results"]] == [str(n) for n in reversed(range(count))]
    assert response.json()["next"] is None


def test_api_tasks_list_pages_give_every_task_once(owner: User, owner_client: APIClient) -> None:
    Task.objects.bulk_create(Task(owner=owner, title=str(number)) for number in range(5))
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = owner_client.get(URL, {"limit": "2"} | ({"cursor": cursor} if cursor else {})).json()
        seen += [task["id"] for task in page["results"]]
        cursor, pages = page["next"], pages + 1
        Task.objects.create(owner=owner, title="Inserted while paging")

    assert pages == 3
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


def test_api_tasks_list_filters_by_completion(owner: User, owner_client: APIClient) -> None:
    Task.objects.create(owner=owner, title="open")
    Task.objects.create(owner=owner, title="done", completed=True)

    assert titles(owner_client, completed="true") == ["done"]
    assert titles(owner_client, completed="false") == ["open"]


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("complete=true", "query.complete"),
        ("completed=true&completed=false", "query.completed"),
        ("completed=maybe", "query.completed"),
        ("completed=True", "query.completed"),
        ("limit=0", "query.limit"),
        ("limit=101", "query.limit"),
        ("limit=²", "query.limit"),
        ("limit=99999999999", "query.limit"),
        ("cursor=!!", "query.cursor"),
        ("cursor=AAAA", "query.cursor"),
    ],
)
def test_api_tasks_list_unknown_or_malformed_parameter_is_422(
    query: str, location: str, owner_client: APIClient
) -> None:
    response = owner_client.get(f"{URL}?{query}")

    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [location]


def test_api_tasks_list_stranger_gets_401(stranger_client: APIClient) -> None:
    assert stranger_client.get(URL).status_code == 401
