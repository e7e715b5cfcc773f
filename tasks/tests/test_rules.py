"""What the database sees to by itself: versions, moments, what follows from what. In bulk and in SQL, too."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from resources.models import Deletion
from tasks.models import Label, Task

NEVER = datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
A_SECOND_AGO = timedelta(seconds=1)


def in_sql(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


CHANGES: list[Callable[[], object]] = [
    lambda: Task.objects.update(title="y"),
    lambda: Task.objects.bulk_update([Task(pk=Task.objects.get().pk, title="y")], ["title"]),
    lambda: in_sql("UPDATE tasks_task SET title = 'y'"),
    lambda: in_sql("UPDATE tasks_task SET title = 'y', version = 40, updated_at = '2000-01-01', changed_in = '3'"),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_kept_track_of_however_it_is_made(change: Callable[[], object], task: Task) -> None:
    change()

    after = Task.objects.get()
    assert (after.title, after.version) == ("y", 2)
    assert task.updated_at < after.updated_at <= timezone.now()
    assert after.created_at == task.created_at
    assert after.changed_in > task.changed_in


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sql", ["title = title", "metadata = metadata::text::json", "labels = '{}', due = now()"])
def test_an_update_that_changes_nothing_leaves_no_track(sql: str, task: Task) -> None:
    in_sql(f"UPDATE tasks_task SET {sql}")

    after = Task.objects.get()
    assert (after.version, after.updated_at, after.changed_in) == (1, task.updated_at, task.changed_in)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("column", ["title", "metadata"])
def test_each_change_counts_even_of_what_compares_as_equal(column: str, owner: User) -> None:
    before, after = {"title": ("x", "X"), "metadata": ({"a": 1, "b": 2}, {"b": 2, "a": 1})}[column]
    Task.objects.create(owner=owner, **{"title": "x", column: before})

    Task.objects.update(**{column: after})

    assert Task.objects.get().version == 2


@pytest.mark.django_db(transaction=True)
def test_labels_are_kept_track_of_too(label: Label) -> None:
    Label.objects.update(name="Home")
    assert Label.objects.get().version == 1
    in_sql("UPDATE tasks_label SET name = 'Garden', version = 40, updated_at = '2000-01-01'")

    after = Label.objects.get()
    assert (after.version, after.created_at) == (2, label.created_at)
    assert after.updated_at > label.updated_at
    assert after.changed_in > label.changed_in


def test_what_is_new_is_of_this_transaction(owner: User) -> None:
    task = Task.objects.create(owner=owner, title="x")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")
        (transaction_id,) = cursor.fetchone()

    assert str(Task.objects.get(pk=task.pk).changed_in) == str(transaction_id)


def test_completion_bears_its_moment_however_it_is_made(task: Task) -> None:
    before = timezone.now() - A_SECOND_AGO
    in_sql("UPDATE tasks_task SET completed = true, completed_at = '2000-01-01'")
    completed = Task.objects.get()
    assert completed.completed_at is not None and before < completed.completed_at <= completed.updated_at

    in_sql("UPDATE tasks_task SET title = 'y', completed_at = '2000-01-01'")
    in_sql("UPDATE tasks_task SET completed_at = NULL")
    assert Task.objects.get().completed_at == completed.completed_at

    Task.objects.update(completed=False)
    assert Task.objects.get().completed_at is None
    in_sql("UPDATE tasks_task SET completed_at = '2000-01-01'")
    assert Task.objects.get().completed_at is None


def test_an_import_brings_the_moment_of_completion_along(owner: User) -> None:
    done = Task.objects.create(owner=owner, title="x", completed=True, completed_at=NOON)
    undone = Task.objects.create(owner=owner, title="x", completed=False, completed_at=NOON)
    for task in (done, undone):
        task.refresh_from_db()

    assert (done.completed_at, undone.completed_at) == (NOON, None)


@pytest.mark.parametrize(
    ("columns", "due"),
    [
        ({}, NEVER),
        ({"due_at": NOON}, NOON),
        ({"due_on": date(2026, 1, 1)}, datetime(2026, 1, 1, 23, 59, 59, 999999, UTC)),
        ({"due_on": date(2028, 2, 29)}, datetime(2028, 2, 29, 23, 59, 59, 999999, UTC)),
        ({"due_on": date(1, 1, 1)}, datetime(1, 1, 1, 23, 59, 59, 999999, UTC)),
        ({"due_on": date(9999, 12, 31)}, datetime(9999, 12, 31, 23, 59, 59, 999998, UTC)),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_due_is_the_moment_or_the_end_of_the_day_in_utc(
    zone: str, columns: dict[str, Any], due: datetime, task: Task
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
        values = [task.owner_id, columns.get("due_at"), columns.get("due_on")]
        in_sql("INSERT INTO tasks_task (owner_id, title, due_at, due_on) VALUES (%s, 'x', %s, %s)", *values)
        Task.objects.filter(pk=task.pk).update(**columns)
        in_sql("UPDATE tasks_task SET due = '2000-01-01+00'")
        cursor.execute("SET LOCAL TimeZone = 'UTC'")

    assert [each.due for each in Task.objects.all()] == [due] * 2


def test_due_follows_when_it_is_taken_back(task: Task) -> None:
    for columns, due in (({"due_at": NOON}, NOON), ({"due_at": None}, NEVER)):
        Task.objects.update(**columns)
        assert Task.objects.get().due == due


def test_new_tasks_come_last_in_the_manual_order(owner: User) -> None:
    made = [Task.objects.create(owner=owner, title=str(number)).pk for number in range(20)]

    assert list(Task.objects.order_by("position").values_list("pk", flat=True)) == made


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE tasks_task SET parent_id = id",
        "UPDATE tasks_task SET labels = ARRAY[owner_id]",
        "UPDATE tasks_task SET labels = ARRAY[NULL]::uuid[]",
        "UPDATE tasks_task SET labels = (SELECT array_agg(id) || array_agg(id) FROM tasks_label)",
        "INSERT INTO tasks_task (owner_id, title, labels) SELECT owner_id, 'x', ARRAY[owner_id] FROM tasks_task",
    ],
)
def test_the_rules_of_trees_and_labels_hold_in_sql(sql: str, task: Task, label: Label) -> None:
    with pytest.raises(IntegrityError) as caught:
        in_sql(sql)

    constraint = caught.value.__cause__.diag.constraint_name  # type: ignore[union-attr]
    assert constraint == ("tasks_task_tree" if "parent" in sql else "tasks_task_labelled")


def test_another_owners_parent_or_label_is_refused(task: Task, label: Label, peer: User) -> None:
    for columns, constraint in (({"parent": task}, "tasks_task_parent"), ({"labels": [label.pk]}, "no such label")):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Task.objects.create(owner=peer, title="x", **columns)


def test_a_subtask_below_what_is_in_the_trash_may_only_be_there_too(task: Task) -> None:
    Task.objects.update(trashed_at=NOON)
    Task.objects.create(owner=task.owner, title="x", parent=task, trashed_at=NOON)

    with pytest.raises(IntegrityError, match="in the trash"):
        Task.objects.create(owner=task.owner, title="x", parent=task)


def test_what_is_deleted_leaves_its_id_however_it_is_deleted(task: Task, label: Label, peer: User) -> None:
    theirs = Task.objects.create(owner=peer, title="x")
    in_sql("DELETE FROM tasks_task WHERE id = %s", task.pk)
    Label.objects.all().delete()
    Task.objects.filter(pk=theirs.pk)._raw_delete("default")

    assert {(each.object_id, each.object_type, each.owner_id) for each in Deletion.objects.all()} == {
        (task.pk, "task", task.owner_id),
        (label.pk, "label", label.owner_id),
        (theirs.pk, "task", peer.pk),
    }


def test_what_is_deleted_twice_is_deleted_last(task: Task) -> None:
    Task.objects.all().delete()
    Task.objects.create(pk=task.pk, owner=task.owner, title="Imported again")
    Task.objects.all().delete()

    assert Deletion.objects.get().object_id == task.pk


def test_a_user_who_is_deleted_leaves_nothing(task: Task, label: Label, owner: User) -> None:
    Label.objects.all().delete()
    owner.delete()

    assert not Deletion.objects.exists()
    assert not Task.objects.exists()
