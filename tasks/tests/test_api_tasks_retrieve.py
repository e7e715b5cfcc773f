"""GET /api/v1/tasks/{id}."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tasks.models import Task
from tasks.tests.api import TASKS, assert_foreign_is_missing, errors, refusal


def test_api_tasks_retrieve_owner(
    task: Task, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.get(f"{TASKS}/{task.pk}")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["ETag"] == '"1"'
    assert (response.json()["id"], response.json()["title"]) == (str(task.pk), "Water the plants")


@pytest.mark.parametrize("query", ["", "?trashed=false", "?trashed=true", "?fields=id"])
def test_api_tasks_retrieve_peer_gets_the_404_of_a_missing_task(query: str, task: Task, peer_client: APIClient) -> None:
    assert_foreign_is_missing(peer_client, "get", f"{TASKS}/{{}}{query}", task.pk)


@pytest.mark.parametrize("header", ["*", '"1"'])
def test_api_tasks_retrieve_peer_cannot_ask_for_changes_either(header: str, task: Task, peer_client: APIClient) -> None:
    assert_foreign_is_missing(peer_client, "get", f"{TASKS}/{{}}", task.pk, None, {"If-None-Match": header})


def test_api_tasks_retrieve_stranger_gets_401(task: Task, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.get(f"{TASKS}/{task.pk}")) == (401, "not_authenticated")


@pytest.mark.parametrize("pk", ["1", "00000000-0000-0000-0000-00000000000g", "%00"])
def test_api_tasks_retrieve_malformed_id_is_404(pk: str, owner_client: APIClient) -> None:
    assert refusal(owner_client.get(f"{TASKS}/{pk}")) == (404, "not_found")


@pytest.mark.parametrize("known", ['"1"', 'W/"1"', '"0", "1"', "*", ' W/"x" , "1" '])
def test_api_tasks_retrieve_what_the_client_has_is_304(known: str, task: Task, owner_client: APIClient) -> None:
    response = owner_client.get(f"{TASKS}/{task.pk}", headers={"If-None-Match": known})

    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == '"1"'


@pytest.mark.parametrize("known", ['"2"', '"01"', '"11"', '"1!"', '"0", "2"'])
def test_api_tasks_retrieve_another_version_is_given(known: str, task: Task, owner_client: APIClient) -> None:
    assert owner_client.get(f"{TASKS}/{task.pk}", headers={"If-None-Match": known}).json()["version"] == 1


@pytest.mark.parametrize("known", ["1", '"1', "", '"1" "2"', ",", "W/1", '"\t"'])
def test_api_tasks_retrieve_what_is_no_list_of_tags_is_400(known: str, task: Task, owner_client: APIClient) -> None:
    response = owner_client.get(f"{TASKS}/{task.pk}", headers={"If-None-Match": known})

    assert refusal(response) == (400, "parse_error")


def test_api_tasks_retrieve_fields_are_those_asked_for_in_our_order(task: Task, owner_client: APIClient) -> None:
    response = owner_client.get(f"{TASKS}/{task.pk}", {"fields": "title,version,id,title"})

    assert list(response.json().items()) == [("id", str(task.pk)), ("title", "Water the plants"), ("version", 1)]
    assert response["ETag"] == '"1"'


@pytest.mark.parametrize(
    "fields", ["owner", "title,", ",", ",".join(["id"] * 99), "title, id", "Title", "due", "changed_in", "owner_id"]
)
def test_api_tasks_retrieve_a_field_that_is_not_there_is_422(fields: str, task: Task, owner_client: APIClient) -> None:
    assert errors(owner_client.get(f"{TASKS}/{task.pk}", {"fields": fields})) == [("query.fields", "invalid")]


@pytest.mark.parametrize("query", ["completed=true", "fields=", "fields=id&fields=title", "trashed=1", "cursor=x"])
def test_api_tasks_retrieve_takes_no_other_parameter(query: str, task: Task, owner_client: APIClient) -> None:
    name = query.partition("=")[0]

    assert errors(owner_client.get(f"{TASKS}/{task.pk}?{query}")) == [(f"query.{name}", "invalid")]


def test_api_tasks_retrieve_from_the_trash_only_if_asked(task: Task, owner_client: APIClient) -> None:
    owner_client.delete(f"{TASKS}/{task.pk}")

    assert refusal(owner_client.get(f"{TASKS}/{task.pk}")) == (404, "not_found")
    assert refusal(owner_client.get(f"{TASKS}/{task.pk}?trashed=false")) == (404, "not_found")
    assert owner_client.get(f"{TASKS}/{task.pk}?trashed=true").json()["trashed_at"].endswith("Z")


def test_api_tasks_retrieve_a_live_task_is_not_in_the_trash(task: Task, owner_client: APIClient) -> None:
    assert refusal(owner_client.get(f"{TASKS}/{task.pk}?trashed=true")) == (404, "not_found")
