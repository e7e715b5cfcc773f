"""POST /api/v1/tasks/bulk: what it refuses, and how it says of what."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label, Task
from tasks.tests.api import TASKS, errors, queued, refusal
from tasks.tests.bulk import BULK, MISSING, bulk, create, make, named, places, update


def test_api_tasks_bulk_all_that_is_invalid_is_named_before_any_statement(
    owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    task = make(owner)
    with django_assert_num_queries(1):  # that the session counts
        response = bulk(
            owner_client,
            create(),
            create(""),
            {"op": "create", "task": {"priority": 1, "title": "x"}},
            {"op": "create", "task": {"title": "x", "colour": "red"}, "version": 1},
            {"op": "update", "id": "1", "version": "2", "task": None},
            update(task, title=None, due_on="x"),
            {"op": "update", "id": str(task.pk)},
            named("complete", MISSING) | {"task": {}},
            {"op": "delete", "version": 0},
            {"op": "destroy", "id": str(task.pk)},
            {"id": str(task.pk)},
            {"op": ["create"]},
            "create",
            None,
        )

    assert errors(response) == [
        ("body.operations.1.task.title", "blank"),
        ("body.operations.2.task.priority", "invalid_choice"),
        ("body.operations.3.version", "unknown_field"),
        ("body.operations.4.version", "invalid"),
        ("body.operations.5.task.title", "null"),
        ("body.operations.5.task.due_on", "invalid"),
        ("body.operations.6.task", "required"),
        ("body.operations.7.task", "unknown_field"),
        ("body.operations.8.id", "required"),
        ("body.operations.8.version", "min_value"),
        ("body.operations.9.op", "invalid_choice"),
        ("body.operations.10.op", "required"),
        ("body.operations.11.op", "invalid_choice"),
        ("body.operations.12", "invalid"),
        ("body.operations.13", "null"),
    ]
    assert Task.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({}, "body.operations", "required"),
        ([], "body", "invalid"),
        ({"operations": []}, "body.operations", "min_length"),
        ({"operations": {}}, "body.operations", "not_a_list"),
        ({"operations": "x"}, "body.operations", "not_a_list"),
        ({"operations": None}, "body.operations", "null"),
        ({"operations": [create()], "atomic": False}, "body.atomic", "unknown_field"),
        ({"operations": [create()] * 101}, "body.operations", "max_length"),
        ({"operations": [0] * 100_000}, "body.operations", "max_length"),
    ],
)
def test_api_tasks_bulk_of_another_form_is_422(body: Any, place: str, code: str, owner_client: APIClient) -> None:
    assert errors(owner_client.post(BULK, body)) == [(place, code)]
    assert not Task.objects.exists()


def test_api_tasks_bulk_a_task_that_is_named_twice_is_422(owner: User, owner_client: APIClient) -> None:
    task = make(owner)
    twin = {"external_source": "s", "external_id": "1"}
    response = bulk(
        owner_client,
        *(update(task, title="y"), create(**twin), named("complete", str(task.pk).upper()), create(**twin)),
    )

    assert errors(response) == [
        ("body.operations.2.id", "repeated"),
        ("body.operations.3.task.external_id", "repeated"),
    ]


def test_api_tasks_bulk_peer_gets_the_404_of_missing_tasks(owner: User, peer_client: APIClient) -> None:
    foreign = make(owner)
    answers = [
        bulk(
            peer_client,
            *(create(), named("delete", key), named("complete", MISSING, 7)),
            **{"X-Request-ID": "the-same"},
        )
        for key in (str(foreign.pk), str(uuid4()))
    ]

    assert answers[0].content == answers[1].content
    assert refusal(answers[0]) == (404, "not_found")
    assert places(answers[0]) == [("body.operations.1.id", "not_found"), ("body.operations.2.id", "not_found")]
    assert list(Task.objects.values_list("pk", "trashed_at")) == [(foreign.pk, None)]


@pytest.mark.parametrize("member", ["parent", "labels"])
def test_api_tasks_bulk_peer_cannot_refer_to_anothers_things(
    member: str, owner: User, peer_client: APIClient, label: Label
) -> None:
    foreign = {"parent": str(make(owner).pk), "labels": [str(label.pk)]}
    response = bulk(peer_client, create(), create(**{member: foreign[member]}))

    assert [place for place, _ in errors(response)] == [f"body.operations.1.task.{member}"]


def test_api_tasks_bulk_taken_external_id_owner_is_told_of_which_task(owner: User, owner_client: APIClient) -> None:
    task = make(owner, external_source="s", external_id="1")
    response = bulk(owner_client, create(), create(external_source="s", external_id="1"))

    assert refusal(response) == (409, "external_id_taken")
    assert response.json()["existing"] == str(task.pk)


def test_api_tasks_bulk_stranger_gets_401(owner: User, stranger_client: APIClient) -> None:
    assert refusal(bulk(stranger_client, create(), named("delete", make(owner)))) == (401, "not_authenticated")
    assert Task.objects.get().trashed_at is None


def test_api_tasks_bulk_of_what_lies_in_the_trash_is_404(owner: User, owner_client: APIClient) -> None:
    task = make(owner)
    owner_client.delete(f"{TASKS}/{task.pk}")

    for operation in (update(task, title="y"), named("complete", task), named("delete", task)):
        response = bulk(owner_client, create(), operation)
        assert refusal(response) == (404, "not_found")
        assert places(response) == [("body.operations.1.id", "not_found")]
    assert Task.objects.count() == 1


def test_api_tasks_bulk_stale_versions_are_412_and_all_named(owner: User, owner_client: APIClient) -> None:
    fresh, stale, ahead = make(owner), make(owner), make(owner)
    owner_client.patch(f"{TASKS}/{stale.pk}", {"title": "y"})
    response = bulk(
        owner_client,
        *(named("complete", fresh, 1), update(stale, 1, title="z"), create(), named("delete", ahead, 2**31 - 1)),
    )

    assert refusal(response) == (412, "precondition_failed")
    assert places(response) == [
        ("body.operations.1.version", "precondition_failed"),
        ("body.operations.3.version", "precondition_failed"),
    ]
    assert "ETag" not in response
    assert not Task.objects.filter(completed=True).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("members", "status", "problem", "place", "code"),
    [
        ({"external_source": "s", "external_id": "1"}, 409, "external_id_taken", "", "external_id_taken"),
        ({"due_at": "2030-01-01T00:00:00Z", "due_on": "2030-01-01"}, 422, "validation", "", "invalid"),
        ({"parent": MISSING}, 422, "validation", ".parent", "does_not_exist"),
        ({"labels": [MISSING]}, 422, "validation", ".labels", "invalid"),
    ],
)
def test_api_tasks_bulk_what_the_database_refuses_is_named_and_nothing_is_saved(
    members: dict[str, Any],
    status: int,
    problem: str,
    place: str,
    code: str,
    owner: User,
    owner_client: APIClient,
) -> None:
    make(owner, external_source="s", external_id="1")
    task, other = make(owner), make(owner)
    for operation in (create(**members), update(task, **members)):
        response = bulk(owner_client, named("delete", other), create(), operation, create(), create())

        assert refusal(response) == (status, problem)
        assert places(response) == [(f"body.operations.2.task{place}", code)]
        assert response.json()["detail"].startswith(f"body.operations.2.task{place}: ")
        assert Task.objects.filter(trashed_at=None, version=1).count() == 3


def test_api_tasks_bulk_takes_no_parameters(owner_client: APIClient) -> None:
    assert errors(owner_client.post(f"{BULK}?x=1", {"operations": [create()]})) == [("query.x", "invalid")]


@pytest.mark.parametrize("verb", ["get", "put", "patch", "delete"])
def test_api_tasks_bulk_other_verbs_are_405(verb: str, owner_client: APIClient) -> None:
    assert getattr(owner_client, verb)(BULK).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_api_tasks_bulk_version_that_changes_meanwhile_is_412(owner: User, owner_client: APIClient) -> None:
    task = make(owner)
    (response,) = queued(
        lambda: Task.objects.filter(pk=task.pk).update(title="y"),
        partial(bulk, owner_client, create(), named("complete", task, 1)),
    )

    assert refusal(response) == (412, "precondition_failed")
    assert Task.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_api_tasks_bulk_task_that_is_trashed_meanwhile_is_404(owner: User, owner_client: APIClient) -> None:
    task = make(owner)

    def trash() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tasks_lock_tree(%s)", [task.owner_id])
            cursor.execute("UPDATE tasks_task SET trashed_at = now()")

    (response,) = queued(trash, partial(bulk, owner_client, named("delete", task)))

    assert refusal(response) == (404, "not_found")
