"""GET /api/v1/tasks: who sees what, in which form. Filters and pages are in the two files beside this one."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Task
from tasks.tests.api import TASKS, errors, refusal

COUNTED = {"Prefer": "count=exact"}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("headers", [{}, COUNTED])
def test_api_tasks_list_owner_sees_own_tasks_newest_first_in_one_statement(
    count: int,
    headers: dict[str, str],
    owner: User,
    peer: User,
    owner_client: APIClient,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(count):
        Task.objects.create(owner=owner, title=str(number))
    Task.objects.create(owner=peer, title="Theirs")

    with django_assert_num_queries(1):
        response = owner_client.get(TASKS, headers=headers)

    assert [task["title"] for task in response.json()["results"]] == [str(n) for n in reversed(range(count))]
    assert response.json()["next"] is None
    assert response.json().get("count") == (count if headers else None)


def test_api_tasks_list_gives_each_task_as_it_is_by_itself(task: Task, owner_client: APIClient) -> None:
    assert owner_client.get(TASKS).json() == {
        "results": [owner_client.get(f"{TASKS}/{task.pk}").json()],
        "next": None,
    }


def test_api_tasks_list_peer_sees_nothing_of_it(task: Task, owner_client: APIClient, peer_client: APIClient) -> None:
    owner_client.post(TASKS, {"title": "x", "parent": str(task.pk), "external_source": "s", "external_id": "i"})
    queries = ["", f"parent={task.pk}", "search=plants", "external_source=s&external_id=i", "trashed=true"]

    for query in queries:
        response = peer_client.get(f"{TASKS}?{query}", headers=COUNTED)

        assert response.json() == {"results": [], "next": None, "count": 0}


def test_api_tasks_list_stranger_gets_401(stranger_client: APIClient) -> None:
    assert refusal(stranger_client.get(TASKS)) == (401, "not_authenticated")


@pytest.mark.parametrize("due", [{"due_on": "9999-12-31"}, {"due_at": "9999-12-31T23:59:59.999999Z"}])
def test_api_tasks_list_the_last_day_there_is_is_a_day(due: dict[str, str], owner_client: APIClient) -> None:
    owner_client.post(TASKS, {"title": "x"} | due)
    owner_client.post(TASKS, {"title": "undated"})

    for query in ("due_on=9999-12-31", "due_after=2026-01-01T00:00:00Z", "sort=due&limit=1"):
        assert [each["title"] for each in owner_client.get(f"{TASKS}?{query}").json()["results"]] == ["x"]


def test_api_tasks_list_trash_only_if_asked(task: Task, owner_client: APIClient) -> None:
    trashed = owner_client.post(TASKS, {"title": "Trashed"}).json()["id"]
    owner_client.delete(f"{TASKS}/{trashed}")

    live, trash = ([str(task.pk)], [trashed])
    for query, expected in (("", live), ("trashed=false", live), ("trashed=true", trash)):
        assert [each["id"] for each in owner_client.get(f"{TASKS}?{query}").json()["results"]] == expected


def test_api_tasks_list_fields_are_those_asked_for_in_our_order(task: Task, owner_client: APIClient) -> None:
    (found,) = owner_client.get(TASKS, {"fields": "version,title,id"}).json()["results"]

    assert list(found.items()) == [("id", str(task.pk)), ("title", "Water the plants"), ("version", 1)]


@pytest.mark.parametrize("prefer", ["count=exact", "respond-async, count=exact", " count = exact ,x=y"])
def test_api_tasks_list_count_is_of_all_pages_and_filtered(prefer: str, owner: User, owner_client: APIClient) -> None:
    for number in range(5):
        Task.objects.create(owner=owner, title="x", completed=number > 0)
    parameters = {"completed": "true", "limit": "3"}

    first = owner_client.get(TASKS, parameters, headers={"Prefer": prefer})
    second = owner_client.get(TASKS, {**parameters, "cursor": first.json()["next"]}, headers={"Prefer": prefer})

    assert (len(first.json()["results"]), len(second.json()["results"])) == (3, 1)
    assert (first.json()["count"], second.json()["count"]) == (4, 4)
    assert first["Preference-Applied"] == second["Preference-Applied"] == "count=exact"


def test_api_tasks_list_count_on_an_empty_page(task: Task, owner_client: APIClient) -> None:
    before = Task.objects.create(owner=task.owner, title="x")
    parameters = {"sort": "created_at", "limit": "1"}
    cursor = owner_client.get(TASKS, parameters).json()["next"]
    before.delete()

    response = owner_client.get(TASKS, {**parameters, "cursor": cursor}, headers=COUNTED)

    assert response.json() == {"results": [], "next": None, "count": 1}


@pytest.mark.parametrize("prefer", ["count=estimated", "count", "xcount=exact", ""])
def test_api_tasks_list_no_count_unless_it_is_preferred(prefer: str, task: Task, owner_client: APIClient) -> None:
    response = owner_client.get(TASKS, headers={"Prefer": prefer})

    assert "count" not in response.json()
    assert "Preference-Applied" not in response


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("complete=true", "query.complete"),
        ("owner=x", "query.owner"),
        ("completed=true&completed=false", "query.completed"),
        ("completed=", "query.completed"),
        *((f"completed={value}", "query.completed") for value in ("maybe", "True", "1", "%00")),
        *((f"overdue={value}", "query.overdue") for value in ("TRUE", "0")),
        *((f"trashed={value}", "query.trashed") for value in ("yes", "only")),
        *((f"priority={value}", "query.priority") for value in ("HIGH", "3", "high,low")),
        *((f"label={value}", "query.label") for value in ("home", "%7B7%7D", "none")),
        *((f"parent={value}", "query.parent") for value in ("null", "None", "7")),
        *(
            (f"{name}={value}", f"query.{name}")
            for name in (f"{column}_{side}" for column in ("due", "created", "updated") for side in ("before", "after"))
            for value in ("2026-01-01", "now", "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00", "1764583200")
        ),
        *((f"due_on={value}", "query.due_on") for value in ("today", "2026-02-29", "2026-01-01T00:00:00Z", "20260101")),
        ("search=%00", "query.search"),
        ("search=%20", "query.search"),
        (f"search={'x' * 201}", "query.search"),
        (f"external_source={'x' * 65}", "query.external_source"),
        (f"external_id={'x' * 256}", "query.external_id"),
        *((f"limit={value}", "query.limit") for value in ("0", "101", "²", "٣", "-1", "1.0", "+1", "9" * 20, "ten")),
        *((f"sort={value}", "query.sort") for value in ("id", "--title", "-", "Title", "title,due", "%2Btitle")),
        *((f"fields={value}", "query.fields") for value in ("owner", "title,", "title,%20id", "*")),
    ],
)
def test_api_tasks_list_unknown_or_malformed_parameter_is_422(
    query: str, location: str, owner_client: APIClient
) -> None:
    assert errors(owner_client.get(f"{TASKS}?{query}")) == [(location, "invalid")]


@pytest.mark.parametrize(("verb", "path"), [("post", "tasks"), ("get", "me"), ("post", "knowledge/search")])
def test_api_no_endpoint_takes_unknown_parameters(verb: str, path: str, owner_client: APIClient) -> None:
    body = {"title": "x", "query": "x"} if verb == "post" else None

    assert errors(getattr(owner_client, verb)(f"/api/v1/{path}?x=1", body)) == [("query.x", "invalid")]
