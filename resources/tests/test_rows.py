"""Rows as JSON. As the tables' owner, so that nothing but these statements keeps people apart."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from pytest_django import DjangoAssertNumQueries
from rest_framework.exceptions import NotFound

from accounts.identity import acting_for
from accounts.models import User
from resources.rows import ALL, LIVE, SQL, TRASHED
from tasks.models import Label, Task
from tasks.rows import LABELS, TASKS
from web.errors import Conflict
from web.preconditions import PreconditionFailed

NOW = SQL("clock_timestamp()")


@pytest.fixture
def task(owner: User) -> Task:
    return Task.objects.create(owner=owner, title="Water the plants")


@pytest.fixture
def trashed(owner: User) -> Task:
    task = Task.objects.create(owner=owner, title="Thrown away")
    Task.objects.filter(pk=task.pk).update(trashed_at="2026-01-01T00:00:00Z")
    return task


def test_find_gives_id_version_and_json_in_one_statement(
    task: Task, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        row = TASKS.find(task.owner_id, task.pk, which=ALL)

    assert (row.id, row.version) == (task.pk, 1)
    assert list(json.loads(row.body)) == list(TASKS.shape)


def test_find_gives_some_members_only(task: Task) -> None:
    row = TASKS.find(task.owner_id, task.pk, which=ALL, members=("title", "version"))

    assert json.loads(row.body) == {"title": "Water the plants", "version": 1}


@pytest.mark.parametrize(
    ("which", "live", "in_trash"), [(ALL, True, True), (LIVE, True, False), (TRASHED, False, True)]
)
def test_find_keeps_to_which_rows_are_meant(which: str, live: bool, in_trash: bool, task: Task, trashed: Task) -> None:
    for each, there in ((task, live), (trashed, in_trash)):
        if there:
            assert TASKS.find(each.owner_id, each.pk, which=which).id == each.pk
        else:
            with pytest.raises(NotFound):
                TASKS.find(each.owner_id, each.pk, which=which)


CALLS: list[Callable[[Any, Any], object]] = [
    lambda owner_id, pk: TASKS.find(owner_id, pk, which=ALL),
    lambda owner_id, pk: TASKS.update(owner_id, pk, {"title": "x"}, which=ALL),
    lambda owner_id, pk: TASKS.update(owner_id, pk, {"parent_id": None}, which=ALL),
    lambda owner_id, pk: TASKS.update(owner_id, pk, {"title": "x"}, which=ALL, versions=[1]),
    lambda owner_id, pk: TASKS.update(owner_id, pk, {"title": "x"}, which=ALL, versions=[7]),
    lambda owner_id, pk: TASKS.update(owner_id, pk, {"title": "x"}, which=ALL, only="NOT completed"),
    lambda owner_id, pk: TASKS.update(owner_id, pk, {}, which=ALL),
    lambda owner_id, pk: TASKS.delete(owner_id, pk, which=ALL),
    lambda owner_id, pk: TASKS.delete(owner_id, pk, which=ALL, versions=[1]),
    lambda owner_id, pk: TASKS.delete(owner_id, pk, which=ALL, versions=[7]),
]


@pytest.mark.parametrize("call", CALLS)
def test_neither_anothers_row_nor_a_missing_one_is_found(
    call: Callable[[Any, Any], object], task: Task, peer: User
) -> None:
    for owner_id, pk in ((peer.pk, task.pk), (task.owner_id, uuid4())):
        with pytest.raises(NotFound):
            call(owner_id, pk)

    task.refresh_from_db()
    assert (task.title, task.version) == ("Water the plants", 1)


@pytest.mark.parametrize("call", CALLS)
def test_the_second_wall_stands_where_the_owner_is_right_but_not_the_identity(
    call: Callable[[Any, Any], object], task: Task, peer: User
) -> None:
    with acting_for(peer.pk), pytest.raises(NotFound):
        call(task.owner_id, task.pk)

    task.refresh_from_db()
    assert task.version == 1


def test_insert_gives_the_row_as_it_is_found(owner: User) -> None:
    row = TASKS.insert(owner.pk, {"title": "x", "priority": 2, "metadata": {"b": 1, "a": 2}})

    assert row == TASKS.find(owner.pk, row.id, which=LIVE)
    assert json.loads(row.body)["priority"] == "medium"
    assert list(json.loads(row.body)["metadata"]) == ["b", "a"]


def test_insert_of_a_natural_key_that_is_taken_names_whose_it_is(owner: User, peer: User) -> None:
    LABELS.insert(peer.pk, {"name": "Home"})
    first = LABELS.insert(owner.pk, {"name": "Home"})

    with pytest.raises(Conflict) as caught:
        LABELS.insert(owner.pk, {"name": "HOME"})

    assert (caught.value.get_codes(), caught.value.members) == ("label_exists", {"existing": str(first.id)})
    assert Label.objects.count() == 2


def test_what_a_constraint_refuses_is_an_integrity_error(owner: User) -> None:
    with pytest.raises(IntegrityError, match="tasks_task_title_trimmed"):
        TASKS.insert(owner.pk, {"title": " x"})


def test_update_changes_one_row_and_gives_it_in_one_statement(
    task: Task, trashed: Task, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        row = TASKS.update(task.owner_id, task.pk, {"title": "x", "completed": SQL("NOT completed")}, which=LIVE)

    assert row == TASKS.find(task.owner_id, task.pk, which=LIVE)
    assert (row.version, json.loads(row.body)["title"], json.loads(row.body)["completed"]) == (2, "x", True)
    trashed.refresh_from_db()
    assert (trashed.title, trashed.version) == ("Thrown away", 2)


def test_update_keeps_to_which_rows_are_meant(task: Task, trashed: Task) -> None:
    for pk, which in ((trashed.pk, LIVE), (task.pk, TRASHED)):
        with pytest.raises(NotFound):
            TASKS.update(task.owner_id, pk, {"title": "x"}, which=which)
        with pytest.raises(NotFound):
            TASKS.delete(task.owner_id, pk, which=which)

    assert set(Task.objects.values_list("title", flat=True)) == {"Water the plants", "Thrown away"}


@pytest.mark.parametrize("versions", [None, [1], [7, 1]])
def test_update_of_a_version_that_is_expected(versions: list[int] | None, task: Task) -> None:
    assert TASKS.update(task.owner_id, task.pk, {"title": "x"}, which=LIVE, versions=versions).version == 2


@pytest.mark.parametrize("versions", [[2], []])
@pytest.mark.parametrize("values", [{"title": "x"}, {"parent_id": None}, {}])
def test_update_of_a_version_that_is_not_expected_says_which_there_is(
    versions: list[int], values: dict[str, Any], task: Task
) -> None:
    with pytest.raises(PreconditionFailed) as caught:
        TASKS.update(task.owner_id, task.pk, values, which=LIVE, versions=versions)

    assert caught.value.headers == {"ETag": '"1"'}
    with pytest.raises(PreconditionFailed):
        TASKS.delete(task.owner_id, task.pk, which=LIVE, versions=versions)
    assert Task.objects.get().version == 1


def test_update_of_what_need_not_change_gives_it_as_it_is(task: Task) -> None:
    row = TASKS.update(task.owner_id, task.pk, {"title": "x"}, which=LIVE, only="completed")

    assert row == TASKS.find(task.owner_id, task.pk, which=LIVE)
    assert (row.version, json.loads(row.body)["title"]) == (1, "Water the plants")


def between_two_statements(meanwhile: Callable[[], object]) -> Any:
    """A wrapper that does something after the first statement."""
    pending = [meanwhile]

    def wrap(execute: Callable[..., Any], *arguments: Any) -> Any:
        result = execute(*arguments)
        if pending:
            pending.pop()()
        return result

    return connection.execute_wrapper(wrap)


@pytest.mark.parametrize(
    "call",
    [
        lambda task: TASKS.update(task.owner_id, task.pk, {"title": "x"}, which=LIVE),
        lambda task: TASKS.delete(task.owner_id, task.pk, which=LIVE),
    ],
)
def test_a_row_that_comes_back_between_the_two_statements_is_a_conflict(
    call: Callable[[Task], object], trashed: Task
) -> None:
    with between_two_statements(lambda: Task.objects.update(trashed_at=None)), pytest.raises(Conflict):
        call(trashed)

    assert Task.objects.get().title == "Thrown away"


@pytest.mark.parametrize(
    "call",
    [
        lambda task: TASKS.update(task.owner_id, task.pk, {"title": "x"}, which=LIVE, versions=[2]),
        lambda task: TASKS.delete(task.owner_id, task.pk, which=LIVE, versions=[2]),
    ],
)
def test_a_row_that_comes_to_be_of_the_version_between_the_two_is_a_conflict(
    call: Callable[[Task], object], task: Task
) -> None:
    with between_two_statements(lambda: Task.objects.update(title="y")), pytest.raises(Conflict):
        call(task)

    assert Task.objects.get().title == "y"


def test_delete_takes_one_row(task: Task, trashed: Task, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        TASKS.delete(task.owner_id, task.pk, which=LIVE, versions=[1])

    assert Task.objects.get() == trashed


def test_a_value_is_never_sql(owner: User) -> None:
    title = "x'); DROP TABLE tasks_task; -- %s %(a)s {0} \\"
    row = TASKS.insert(owner.pk, {"title": title})

    assert json.loads(TASKS.update(owner.pk, row.id, {"description": title}, which=LIVE).body)["description"] == title
    assert json.loads(row.body)["title"] == title
