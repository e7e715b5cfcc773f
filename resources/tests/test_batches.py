"""Many rows at once, by those who see everybody's."""

import pytest
from django.db import DataError, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from resources.batches import find_all, insert_all, lock_all, trash_all, update_all
from tasks.models import Task
from tasks.rows import TASKS


def test_batches_are_of_one_owners_rows_only(owner: User, peer: User) -> None:
    foreign = Task.objects.create(owner=peer, title="x")
    mine = Task.objects.create(owner=owner, title="x")
    both = [mine.pk, foreign.pk]

    with transaction.atomic():
        assert lock_all(TASKS, owner.pk, both, columns=["title"]) == {mine.pk: 1}
    update_all(TASKS, owner.pk, {pk: {"title": "y"} for pk in both})
    trash_all(TASKS, owner.pk, both)
    assert list(find_all(TASKS, owner.pk, both)) == [mine.pk]
    foreign.refresh_from_db()
    assert (foreign.title, foreign.trashed_at, foreign.version) == ("x", None, 1)


def test_insert_all_gives_ids_in_order_and_leaves_what_is_not_named_to_the_database(owner: User) -> None:
    pks = insert_all(TASKS, owner.pk, [{"title": "a"}, {"priority": 3, "title": "b"}, {"title": "c", "labels": []}])

    tasks = Task.objects.filter(owner=owner).in_bulk(pks)
    assert [(tasks[pk].title, tasks[pk].priority) for pk in pks] == [("a", 0), ("b", 3), ("c", 0)]


@pytest.mark.parametrize("columns", [["title"], ["title", "metadata"]])
def test_update_all_cuts_nothing_off(columns: list[str], owner: User) -> None:
    task = Task.objects.create(owner=owner, title="x")
    values = {"title": "y" * 256, "metadata": {}}

    with pytest.raises(DataError, match="too long"), transaction.atomic():
        update_all(TASKS, owner.pk, {task.pk: {column: values[column] for column in columns}})


def test_update_all_of_nothing_is_no_statement(owner: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    task = Task.objects.create(owner=owner, title="x")

    with django_assert_num_queries(0):
        update_all(TASKS, owner.pk, {task.pk: {}})


def test_trash_all_leaves_what_is_there_already(owner: User) -> None:
    task = Task.objects.create(owner=owner, title="x")
    moments = set()
    for _ in range(2):
        trash_all(TASKS, owner.pk, [task.pk])
        task.refresh_from_db()
        moments.add((task.trashed_at, task.version))

    assert len(moments) == 1
