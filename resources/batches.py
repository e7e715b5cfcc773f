"""Many rows of a resource at once: one statement each, or one for each set of columns that is changed."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from resources.rows import LIVE, Row, Rows

Values = Mapping[str, Any]
LENGTH = re.compile(r"\([0-9]+\)")


def lock_all(rows: Rows, owner_id: UUID, pks: Collection[UUID], *, columns: Iterable[str]) -> dict[UUID, int]:
    """The versions of those of the owner's rows that are live. Nobody else changes them before the transaction's end.

    They are locked in the order of their ids: of two who want the same rows one waits for the other, and not both.

    columns: those that will be written, in these rows or in new ones.
    """
    sql = (
        f"SELECT id, version FROM {rows.table} WHERE owner_id = %s AND id = ANY (%s) AND {LIVE} "
        "ORDER BY id FOR NO KEY UPDATE"
    )
    with connection.cursor() as cursor:
        if rows.locked.intersection(columns):
            # A statement of its own, though in one message, so that the other sees what the wait was for.
            cursor.execute(f"SELECT {rows.lock}; {sql}", [owner_id, owner_id, list(pks)])
            cursor.nextset()
        else:
            cursor.execute(sql, [owner_id, list(pks)])
        return dict(cursor.fetchall())


def insert_all(rows: Rows, owner_id: UUID, many: Sequence[Values]) -> dict[UUID, Any]:
    """New rows of the owner's: id → what is left to be done, in the order of what they are to hold.

    Raises `IntegrityError`.
    """
    columns = list(dict.fromkeys(column for values in many for column in values))
    marks = ("".join(", %s" if column in values else ", DEFAULT" for column in columns) for values in many)
    sql = (
        f"INSERT INTO {rows.table} ({', '.join(['owner_id', *columns])}) "
        f"VALUES {', '.join(f'(%s{row})' for row in marks)} RETURNING id, {rows.left}"
    )
    params = [param for values in many for param in (owner_id, *rows.params(_ordered(values, columns)))]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return dict(cursor.fetchall())


def update_all(rows: Rows, owner_id: UUID, changes: Mapping[UUID, Values]) -> dict[UUID, Any]:
    """Change the owner's rows: id → what is to be in which column.

    Gives of those that were changed: id → what is left to be done. One in which a column is guarded isn't among them.

    Raises `IntegrityError`.
    """
    alike: dict[tuple[str, ...], dict[UUID, Values]] = defaultdict(dict)
    for pk, values in changes.items():
        alike[tuple(sorted(values))][pk] = values
    changed: dict[UUID, Any] = {}
    for columns, group in alike.items():
        changed |= _update_alike(rows, owner_id, columns, group) if columns else dict.fromkeys(group)
    return changed


def _update_alike(
    rows: Rows, owner_id: UUID, columns: Sequence[str], changes: Mapping[UUID, Values]
) -> dict[UUID, Any]:
    # Without the length, for a cast to `varchar(9)` cuts off what is longer.
    types = [LENGTH.sub("", rows.fields[column].db_type(connection)) for column in ("id", *columns)]
    row = f"({', '.join(f'%s::{type_}' for type_ in types)})"
    given = ", ".join(f"value{number}" for number in range(len(types)))
    assignments = ", ".join(f"{column} = given.value{number}" for number, column in enumerate(columns, 1))
    guards = "".join(f" AND {guard.condition}" for guard in rows.guarding(columns))
    sql = (
        f"UPDATE {rows.table} SET {assignments} FROM (VALUES {', '.join([row] * len(changes))}) AS given ({given}) "
        f"WHERE owner_id = %s AND id = given.value0{guards} RETURNING id, {rows.left}"
    )
    params = [param for pk, values in changes.items() for param in (pk, *rows.params(_ordered(values, columns)))]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, owner_id])
        return dict(cursor.fetchall())


def trash_all(rows: Rows, owner_id: UUID, pks: Collection[UUID]) -> None:
    """Move the owner's rows to the trash. All bear the same moment; what is there already stays as it is."""
    sql = f"UPDATE {rows.table} SET trashed_at = statement_timestamp() WHERE owner_id = %s AND id = ANY (%s) AND {LIVE}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [owner_id, list(pks)])


def find_all(rows: Rows, owner_id: UUID, pks: Collection[UUID]) -> dict[UUID, Row]:
    """Those of the owner's rows that are there, in the trash or not, as lists give them."""
    sql = f"SELECT {rows.selected(rows.listed)} FROM {rows.table} WHERE owner_id = %s AND id = ANY (%s)"
    with connection.cursor() as cursor:
        cursor.execute(sql, [owner_id, list(pks)])
        return {found[0]: Row(*found) for found in cursor.fetchall()}


def _ordered(values: Values, columns: Iterable[str]) -> Values:
    return {column: values[column] for column in columns if column in values}
