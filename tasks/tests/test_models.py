"""What the database refuses, whoever writes and however: by the ORM, in bulk, in SQL."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import CheckConstraint, UniqueConstraint
from psycopg.types.json import Json

from accounts.models import User
from tasks.models import Label, Task

Write = Callable[[type[Task] | type[Label], User, Mapping[str, Any]], None]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def by_the_orm(model: type[Task] | type[Label], owner: User, columns: Mapping[str, Any]) -> None:
    model.objects.create(owner=owner, **columns)


def in_bulk(model: type[Task] | type[Label], owner: User, columns: Mapping[str, Any]) -> None:
    model.objects.bulk_create([model(owner=owner, **columns)])


def by_insert(model: type[Task] | type[Label], owner: User, columns: Mapping[str, Any]) -> None:
    names = ", ".join(("owner_id", *columns))
    values = [Json(value) if name == "metadata" else value for name, value in columns.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names}) VALUES (%s{', %s' * len(columns)})", [owner.pk, *values]
        )


def by_update(model: type[Task] | type[Label], owner: User, columns: Mapping[str, Any]) -> None:
    name = {"name": "Another"} if model is Label else {"title": "Another"}
    row = model.objects.create(owner=owner, **name)
    assignments = ", ".join(f"{column} = %s" for column in columns)
    values = [Json(value) if column == "metadata" else value for column, value in columns.items()]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET {assignments} WHERE id = %s", [*values, row.pk])


WAYS = pytest.mark.parametrize("write", [by_the_orm, in_bulk, by_insert, by_update])
TASK_VIOLATIONS: dict[str, list[dict[str, Any]]] = {
    "tasks_task_title_trimmed": [{"title": title} for title in ("", " ", " x", "x\t", "\nx", "x\u2003")],
    "tasks_task_description_length": [{"description": "x" * 100_001}],
    "tasks_task_priority": [{"priority": 5}, {"priority": 32_767}],
    "tasks_task_due": [{"due_at": NOON, "due_on": date(2026, 1, 1)}],
    "tasks_task_external_pair": [
        {"external_source": "tracker"},
        {"external_id": "T-1"},
        {"external_source": "", "external_id": "T-1"},
        {"external_source": "tracker", "external_id": ""},
    ],
    "tasks_task_external": [{"external_source": "taken", "external_id": "T-1"}],
    "tasks_task_position_form": [{"position": position} for position in ("", "8g", "80", "8A", "0.8", "8\n")],
    "tasks_task_position": [{"position": "7"}],
    "tasks_task_label_count": [{"labels": [UUID(int=number) for number in range(51)]}],
    "tasks_task_metadata_object": [{"metadata": value} for value in ([], "x", 3, True)],
    "tasks_task_parent": [{"parent_id": UUID(int=7)}],
    "tasks_task_labelled": [{"labels": [UUID(int=7)]}],
}
LABEL_VIOLATIONS: dict[str, list[dict[str, Any]]] = {
    "tasks_label_name_trimmed": [{"name": name} for name in ("", " ", " x", "x\t", "\nx")],
    "tasks_label_name": [{"name": "taken"}, {"name": "TAKEN"}],
}


def cases(violations: dict[str, list[dict[str, Any]]]) -> list[Any]:
    return [(name, columns) for name, several in violations.items() for columns in several]


@pytest.fixture
def taken(owner: User) -> None:
    """What there can't be a second of."""
    Task.objects.create(owner=owner, title="x", external_source="taken", external_id="T-1", position="7")
    Label.objects.create(owner=owner, name="Taken")


@WAYS
@pytest.mark.parametrize(("constraint", "columns"), cases(TASK_VIOLATIONS))
def test_a_task_that_breaks_a_rule_is_refused(
    write: Write, constraint: str, columns: dict[str, Any], owner: User, taken: None
) -> None:
    title = {} if write is by_update else {"title": "x"}

    with pytest.raises(IntegrityError, match=f'"{constraint}"|There is no such label') as caught:
        write(Task, owner, title | columns)

    assert caught.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


@WAYS
@pytest.mark.parametrize(("constraint", "columns"), cases(LABEL_VIOLATIONS))
def test_a_label_that_breaks_a_rule_is_refused(
    write: Write, constraint: str, columns: dict[str, Any], owner: User, taken: None
) -> None:
    with pytest.raises(IntegrityError, match=f'"{constraint}"'):
        write(Label, owner, columns)


@pytest.mark.parametrize(("model", "violations"), [(Task, TASK_VIOLATIONS), (Label, LABEL_VIOLATIONS)])
def test_every_constraint_has_a_case_here(
    model: type[Task] | type[Label], violations: dict[str, list[dict[str, Any]]]
) -> None:
    declared = {
        constraint.name
        for constraint in model._meta.constraints
        if isinstance(constraint, (CheckConstraint, UniqueConstraint))
    }

    # What composite foreign keys refer to says nothing that the primary key doesn't.
    assert declared - violations.keys() == {f"{model._meta.db_table}_owner"}


@WAYS
@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (Task, {"title": "x" * 256}),
        (Task, {"external_source": "x" * 65, "external_id": "x"}),
        (Task, {"external_source": "x", "external_id": "x" * 256}),
        (Task, {"priority": 32_768}),
        (Label, {"name": "x" * 61}),
    ],
)
def test_what_a_column_cannot_hold_is_refused(
    write: Write, model: type[Task] | type[Label], columns: dict[str, Any], owner: User
) -> None:
    title = {} if model is Label or write is by_update else {"title": "x"}

    with pytest.raises(DataError):
        write(model, owner, title | columns)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Task, Label])
def test_what_belongs_to_nobody_is_refused(model: type[Task] | type[Label]) -> None:
    column = "name" if model is Label else "title"
    with pytest.raises(IntegrityError, match="owner_id"), transaction.atomic():
        model.objects.create(**{column: "x"})
    with pytest.raises(IntegrityError, match="owner_id"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({column}) VALUES ('x')")


@pytest.mark.parametrize(
    "column", [field.column for field in Task._meta.concrete_fields if not field.null and field.column != "due"]
)
def test_null_is_refused_where_there_is_always_a_value(column: str, owner: User) -> None:
    columns = {"owner_id": owner.pk, "title": "x", column: None}
    sql = f"INSERT INTO tasks_task ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"

    with connection.cursor() as cursor, pytest.raises(IntegrityError, match=f'"{column}"'):
        cursor.execute(sql, list(columns.values()))


def test_two_tasks_without_an_external_id_are_no_duplicates(owner: User, peer: User) -> None:
    for someone in (owner, owner, peer):
        Task.objects.create(owner=someone, title="x")
    for someone in (owner, peer):
        Task.objects.create(owner=someone, title="x", external_source="tracker", external_id="T-1")

    assert Task.objects.count() == 5


def test_tasks_and_labels_are_called_by_their_names(task: Task, label: Label) -> None:
    assert (str(task), str(label)) == ("Water the plants", "Home")
