"""POST /api/v1/tasks/bulk: what it does."""

from functools import partial
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from tasks.models import Label, Task
from tasks.tests.api import LABELS, TASKS, at_once, queued
from tasks.tests.bulk import bulk, create, make, named, places, update

# Of each bulk: the transaction's two ends, and the look at what has come of it.
FRAME = 3


def test_api_tasks_bulk_owner_gets_the_tasks_in_the_order_of_the_operations(
    owner: User, owner_client: APIClient, label: Label
) -> None:
    deleted, changed, done = make(owner, "a"), make(owner, "b", description="B", priority=3), make(owner, "c")
    response = bulk(
        owner_client,
        named("delete", deleted),
        create(" d ", priority="high", labels=[str(label.pk)], parent=str(changed.pk), metadata={"z": 1, "a": 2}),
        update(changed, 1, description="", due_on="2030-01-02"),
        named("complete", done, 1),
        create("e"),
    )

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    results = response.json()["results"]
    assert [task["title"] for task in results] == ["a", "d", "b", "c", "e"]
    assert [task["version"] for task in results] == [2, 1, 2, 2, 1]
    assert results[0]["trashed_at"] is not None
    assert (results[1]["priority"], results[1]["labels"], results[1]["parent"]) == (
        "high",
        [str(label.pk)],
        str(changed.pk),
    )
    assert list(results[1]["metadata"]) == ["z", "a"]
    assert (results[2]["description"], results[2]["due_on"], results[2]["priority"]) == ("", "2030-01-02", "high")
    assert results[3]["completed_at"] is not None
    assert Task.objects.filter(owner=owner, trashed_at=None).count() == 4


def test_api_tasks_bulk_results_are_what_the_single_endpoints_give(owner: User, owner_client: APIClient) -> None:
    results = bulk(owner_client, create(metadata={"n": 1.50}), update(make(owner), title="y")).json()

    for task in results["results"]:
        assert owner_client.get(f"{TASKS}/{task['id']}").json() == task


def test_api_tasks_bulk_new_tasks_are_in_the_order_of_the_operations(owner_client: APIClient) -> None:
    titles = [f"task {number}" for number in range(100)]
    members = [{"priority": "low"}, {"description": "x"}, {"completed": True}, {}]
    operations = [create(title, **members[number % 4]) for number, title in enumerate(titles)]
    results = bulk(owner_client, *operations).json()["results"]

    assert [task["title"] for task in results] == titles
    assert [task["completed"] for task in results] == [False, False, True, False] * 25
    assert [task["id"] for task in results] == sorted(task["id"] for task in results)
    assert [task["position"] for task in results] == sorted(task["position"] for task in results)


def test_api_tasks_bulk_changes_members_of_all_kinds(owner: User, owner_client: APIClient, label: Label) -> None:
    first, second, parent = make(owner), make(owner), make(owner)
    full = {
        **{"title": "ü" * 255, "description": "%s ' \\ \n", "completed": True, "priority": "urgent"},
        **{"due_at": "2030-01-02T03:04:05.678901Z", "due_on": None, "labels": [str(label.pk)]},
        **{"parent": str(parent.pk), "external_source": "s", "metadata": {"b": [1.50, None], "a": "%"}},
    }
    bare = {
        **{"title": "x", "description": "", "completed": False, "priority": "none", "due_at": None},
        **{"due_on": "2030-01-02", "labels": [], "parent": None, "external_source": "t", "metadata": {}},
    }
    for one, other in ((full, bare), (bare, full)):
        sent = [one | {"external_id": "1"}, other | {"external_id": "2"}]
        changes = [update(task, **members) for task, members in zip((first, second), sent, strict=True)]
        results = bulk(owner_client, *changes).json()["results"]

        assert [result | members for result, members in zip(results, sent, strict=True)] == results


@pytest.mark.parametrize("count", [1, 3, 100])
def test_api_tasks_bulk_creates_with_one_statement(
    count: int, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(FRAME + 1):
        assert bulk(owner_client, *[create()] * count).status_code == 200


@pytest.mark.parametrize("count", [1, 3, 25])
def test_api_tasks_bulk_takes_a_statement_for_each_kind(
    count: int, owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    tasks = [[make(owner) for _ in range(count)] for _ in range(3)]
    operations = [
        operation
        for changed, done, deleted in zip(*tasks, strict=True)
        for operation in (
            *(create(), update(changed, title="y", priority="low")),
            *(named("complete", done), named("delete", deleted, 1)),
        )
    ]
    with django_assert_num_queries(FRAME + 5):  # lock, two sets of changed columns, new, deleted
        response = bulk(owner_client, *operations)

    assert response.status_code == 200
    assert Task.objects.filter(title="y", priority=1, version=2).count() == count
    assert Task.objects.filter(completed=True, version=2).count() == count
    assert Task.objects.exclude(trashed_at=None).values("trashed_at").distinct().count() == 1


def test_api_tasks_bulk_each_change_is_on_record(owner: User, owner_client: APIClient) -> None:
    task = make(owner)
    bulk(owner_client, create(), create(), update(task, title="y"))

    events = Event.objects.filter(actor=str(owner.pk), object_type="task").values_list("action", flat=True)
    assert sorted(events) == ["task.created", "task.created", "task.updated"]


@pytest.mark.parametrize("task", [{"completed": True}, {}])
def test_api_tasks_bulk_without_a_change_leaves_the_version(
    task: dict[str, Any], owner: User, owner_client: APIClient
) -> None:
    done, other = make(owner, completed=True), make(owner, completed=True)
    results = bulk(owner_client, update(done, **task), named("complete", other)).json()["results"]

    assert [result["version"] for result in results] == [1, 1]


@pytest.mark.parametrize("operations", [("update", "delete"), ("delete", "update")])
def test_api_tasks_bulk_gives_each_task_as_it_is_after_all_of_it(
    operations: tuple[str, str], owner: User, owner_client: APIClient
) -> None:
    parent = make(owner, "parent")
    child = make(owner, "child", parent=parent)
    both = {"update": update(child, title="changed"), "delete": named("delete", parent)}
    results = bulk(owner_client, *(both[op] for op in operations)).json()["results"]

    moments = {result["trashed_at"] for result in results}
    assert len(moments) == 1
    assert None not in moments
    assert {result["title"] for result in results} == {"parent", "changed"}


def test_api_tasks_bulk_parent_and_child_are_deleted_and_restored_together(
    owner: User, owner_client: APIClient
) -> None:
    parent = make(owner, "parent")
    child = make(owner, "child", parent=parent)
    assert bulk(owner_client, named("delete", parent), named("delete", child)).status_code == 200
    assert owner_client.post(f"{TASKS}/{parent.pk}/restore").status_code == 200

    assert owner_client.get(f"{TASKS}/{child.pk}").status_code == 200


def test_api_tasks_bulk_external_id_that_a_change_makes_free_is_taken(owner: User, owner_client: APIClient) -> None:
    task = make(owner, external_source="s", external_id="1")
    freed = update(task, external_source=None, external_id=None)

    assert bulk(owner_client, create(external_source="s", external_id="1"), freed).status_code == 200


# With others


def test_api_tasks_bulk_is_retry_safe(owner: User, owner_client: APIClient) -> None:
    task = make(owner, external_source="s", external_id="1")
    operations = create(), update(task, title="y")
    first, again = (bulk(owner_client, *operations, **{"Idempotency-Key": "k"}) for _ in range(2))

    assert (first.status_code, again.content) == (200, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert Task.objects.count() == 2
    refused = bulk(owner_client, create(external_source="s", external_id="1"), **{"Idempotency-Key": "l"})
    assert (refused.status_code, places(refused)[0][0]) == (409, "body.operations.0.task")


@pytest.mark.django_db(transaction=True)
def test_api_tasks_bulk_crosswise_wait_for_each_other(owner: User, owner_client: APIClient) -> None:
    parent = make(owner)
    tasks = [parent, *(make(owner, parent=parent) for _ in range(5))]
    for round_ in range(10):
        answers = at_once(
            *(
                partial(bulk, owner_client, *(update(task, title=f"{way} {round_}") for task in tasks[::way]))
                for way in (1, -1, 1, -1)
            )
        )
        assert [answer.status_code for answer in answers] == [200] * 4
        assert Task.objects.values("title").distinct().count() == 1


@pytest.mark.django_db(transaction=True)
def test_api_tasks_bulk_waits_for_who_holds_the_tree_before_it_locks_rows(owner: User, owner_client: APIClient) -> None:
    for _ in range(10):
        parent, task = make(owner), make(owner)
        operations = named("complete", task), create(parent=str(parent.pk))
        answers = at_once(
            partial(bulk, owner_client, *operations),
            partial(bulk, owner_client, named("delete", task)),
            partial(owner_client.delete, f"{TASKS}/{task.pk}"),
        )

        assert {answer.status_code for answer in answers} <= {200, 204, 404}


@pytest.mark.django_db(transaction=True)
def test_api_tasks_bulk_of_new_tasks_waits_for_the_tree_before_it_locks_labels(
    owner: User, owner_client: APIClient, label: Label
) -> None:
    parent = make(owner)

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tasks_lock_tree(%s)", [owner.pk])

    operations = create(labels=[str(label.pk)]), create(parent=str(parent.pk))
    answers = queued(
        hold, partial(owner_client.delete, f"{LABELS}/{label.pk}"), partial(bulk, owner_client, *operations)
    )

    assert [answer.status_code for answer in answers] == [204, 422]
    assert places(answers[1]) == [("body.operations.0.task.labels", "invalid")]
