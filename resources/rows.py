"""A resource's rows as PostgreSQL turns them into JSON: read and written by one statement each, without instances.

All SQL here is made of constants and of the names of columns; what a client sends is a parameter.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models
from rest_framework.exceptions import NotFound

from web.errors import Conflict
from web.preconditions import PreconditionFailed

# Which rows a statement is about.
ALL, LIVE, TRASHED = "true", "trashed_at IS NULL", "trashed_at IS NOT NULL"


class Row(NamedTuple):
    """One row: `body` is the JSON text that clients get. left: what a write left to be done, as `Rows.left` has it."""

    id: UUID
    version: int
    body: str
    left: Any = None


class SQL(str):
    """In the place of a value: what the database is to compute."""


@dataclass(frozen=True)
class NaturalKey:
    """What names a row beside its id, by a rule of the database that is unique.

    columns: in which the key is. target: the index's columns or expressions. condition: which row has the key.
    message, code: what a client is told whose new row has the key of another. among: of which rows the index is.
    """

    columns: tuple[str, ...]
    target: str
    condition: str
    message: str
    code: str
    among: str = ALL

    @property
    def arbiter(self) -> str:
        """The SQL that names the index."""
        return f"({self.target}) WHERE {self.among}"


@dataclass(frozen=True)
class Guard:
    """Of which rows alone a column may be written. message, code: what is said of the others (409)."""

    condition: str
    message: str
    code: str

    def refusal(self) -> Conflict:
        """To be raised."""
        return Conflict(self.message, self.code)


def instant(column: str) -> str:
    """The SQL of a moment as RFC 3339 writes it, in UTC."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


class Rows:
    """The rows of a model's table.

    shape: what clients get: the member's name → the SQL of its value. Members stand in this order.
    key: what must be unique of a new row.
    unlisted: members that are given only where they are asked for, or where one row is read.
    guards: column → of which rows alone it may be written.
    left: the SQL, of `old` and `new`, of what a write leaves to be done; null for nothing.
    lock: the SQL of a lock, on an owner's id, that deletions and changes of the columns `locked` take before they lock
    a row, so that no two of them come to rows and lock in different orders.
    """

    def __init__(
        self,
        model: type[models.Model],
        shape: Mapping[str, str],
        *,
        key: NaturalKey,
        unlisted: Collection[str] = (),
        guards: Mapping[str, Guard] | None = None,
        left: str = "NULL",
        lock: str = "",
        locked: Collection[str] = (),
    ) -> None:
        self.shape = dict(shape)
        self.listed = tuple(name for name in shape if name not in unlisted)
        self.key = key
        self.guards = dict(guards or {})
        self.left = left
        self.table = f'"{model._meta.db_table}"'
        self.fields: dict[str, Any] = {str(field.column): field for field in model._meta.concrete_fields}
        self.lock = lock
        self.locked = frozenset(locked)
        self.json = lru_cache(maxsize=256)(self._json)

    def _json(self, members: tuple[str, ...] | None = None) -> str:
        """The SQL of a row's JSON text, of all members or of some."""
        shown = ", ".join(f'{self.shape[name]} AS "{name}"' for name in members or self.shape)
        return f"row_to_json((SELECT shown FROM (SELECT {shown}) AS shown))::text"

    def selected(self, members: tuple[str, ...] | None = None) -> str:
        """The SQL of a `Row` that is read."""
        return f"id, version, {self.json(members)}"

    @property
    def returning(self) -> str:
        """The SQL of a `Row` that was written, after RETURNING."""
        return f"{self.selected(self.listed)}, {self.left}"

    def guarding(self, columns: Iterable[str]) -> list[Guard]:
        """What must hold of a row in which these columns are written."""
        return [self.guards[column] for column in columns if column in self.guards]

    def find(self, owner_id: UUID, pk: UUID, *, which: str, members: tuple[str, ...] | None = None) -> Row:
        """The owner's row. Raises `NotFound`."""
        sql = f"SELECT {self.selected(members)} FROM {self.table} WHERE owner_id = %s AND id = %s AND {which}"
        row = self.fetch(sql, [owner_id, pk])
        if row is None:
            raise NotFound
        return row

    def insert(self, owner_id: UUID, values: Mapping[str, Any]) -> Row:
        """A new row of the owner's.

        Raises `Conflict` if its natural key is taken, and `IntegrityError` for what another constraint refuses.
        """
        locks = any(values.get(column) is not None for column in self.locked)
        lock, lock_params, insertion = self._insertion(owner_id, values, locks=locks)
        sql = f"{lock}{insertion} ON CONFLICT {self.key.arbiter} DO NOTHING RETURNING {self.returning}"
        row = self.fetch(sql, [*lock_params, owner_id, *self.params(values)])
        if row is None:
            taken = self.named(owner_id, [values[column] for column in self.key.columns])
            raise Conflict(self.key.message, self.key.code, existing=taken.id if taken else None)
        return row

    def put(self, owner_id: UUID, values: Mapping[str, Any]) -> tuple[Row, bool] | None:
        """The row that has the values' natural key, made or changed; and whether it was made. None if it is trashed.

        Raises `IntegrityError` for what a constraint refuses.
        """
        assignments = ", ".join(f"{column} = excluded.{column}" for column in values if column not in self.key.columns)
        lock, lock_params, insertion = self._insertion(owner_id, values, locks=bool(self.lock))
        sql = (
            f"{lock}{insertion} ON CONFLICT {self.key.arbiter} DO UPDATE SET {assignments} "
            f"WHERE {self.table}.{LIVE} RETURNING {self.returning}, xmax = 0"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [*lock_params, owner_id, *self.params(values)])
            found = cursor.fetchone()
        return found and (Row(*found[:-1]), found[-1])

    def named(self, owner_id: UUID, key: Sequence[Any]) -> Row | None:
        """The owner's row that has a natural key; of its members the id."""
        sql = f"SELECT {self.selected(('id',))} FROM {self.table} WHERE owner_id = %s AND {self.key.condition}"
        return self.fetch(sql, [owner_id, *key])

    def _insertion(self, owner_id: UUID, values: Mapping[str, Any], *, locks: bool) -> tuple[str, list[Any], str]:
        """What comes first if a lock is taken, its parameters, and the INSERT, whose first parameter is the owner."""
        lock, lock_params = self._locking(owner_id) if locks else ("", [])
        owner = "(SELECT %s::uuid FROM lock)" if locks else "%s"
        names, marks = ", ".join(("owner_id", *values)), owner + ", %s" * len(values)
        return lock, lock_params, f"INSERT INTO {self.table} ({names}) VALUES ({marks})"

    def update(
        self,
        owner_id: UUID,
        pk: UUID,
        values: Mapping[str, Any],
        *,
        which: str,
        only: str | None = None,
        versions: Collection[int] | None = None,
    ) -> Row:
        """Change columns of the owner's row, or leave it as it is if there is nothing to change.

        only: the rows that there is something to change in.
        versions: one of which the row must have, so that nobody's change is lost; None for any.

        Raises `NotFound`, `PreconditionFailed`, `Conflict` if a column is guarded, and `IntegrityError` for what a
        constraint refuses.
        """
        guards = self.guarding(values)
        conditions = " AND ".join([which, *([only] if only else ()), *(guard.condition for guard in guards)])
        row = self._changed(owner_id, pk, values, conditions, versions) if values else None
        if row is None:
            row = self.find(owner_id, pk, which=which, members=self.listed)
            self._check(row, versions)
            if values and not only:
                # Or it came back between the two statements.
                raise guards[0].refusal() if guards else Conflict()
        return row

    def _changed(
        self, owner_id: UUID, pk: UUID, values: Mapping[str, Any], which: str, versions: Collection[int] | None
    ) -> Row | None:
        lock, lock_params = self._locking(owner_id) if self.locked.intersection(values) else ("", [])
        beside = " FROM lock" if lock else ""
        assignments = ", ".join(
            f"{column} = {value if isinstance(value, SQL) else '%s'}" for column, value in values.items()
        )
        guard, guard_params = _guard(versions)
        sql = (
            f"{lock}UPDATE {self.table} SET {assignments}{beside} WHERE owner_id = %s AND id = %s AND {which}{guard} "
            f"RETURNING {self.returning}"
        )
        return self.fetch(sql, [*lock_params, *self.params(values), owner_id, pk, *guard_params])

    def delete(self, owner_id: UUID, pk: UUID, *, which: str, versions: Collection[int] | None = None) -> None:
        """Delete the owner's row for good. Raises `NotFound` and `PreconditionFailed`."""
        lock, lock_params = self._locking(owner_id) if self.lock else ("", [])
        beside = " USING lock" if lock else ""
        guard, guard_params = _guard(versions)
        sql = (
            f"{lock}DELETE FROM {self.table}{beside} WHERE owner_id = %s AND id = %s AND {which}{guard} "
            "RETURNING id, version, ''"
        )
        if self.fetch(sql, [*lock_params, owner_id, pk, *guard_params]) is None:
            self._check(self.find(owner_id, pk, which=which), versions)
            raise Conflict

    def _locking(self, owner_id: UUID) -> tuple[str, list[Any]]:
        """What stands before a statement that waits for the lock, and its parameters. The statement joins `lock`."""
        return f"WITH lock AS MATERIALIZED (SELECT {self.lock}) ", [owner_id]

    @staticmethod
    def _check(row: Row, versions: Collection[int] | None) -> None:
        if versions is not None and row.version not in versions:
            raise PreconditionFailed(row.version)

    def params(self, values: Mapping[str, Any]) -> Iterator[Any]:
        """Values as psycopg takes them."""
        for column, value in values.items():
            if not isinstance(value, SQL):
                yield self.fields[column].get_db_prep_save(value, connection)

    @staticmethod
    def fetch(sql: str, params: Sequence[Any]) -> Row | None:
        """The one row that a statement gives."""
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            found = cursor.fetchone()
        return None if found is None else Row(*found)


def _guard(versions: Collection[int] | None) -> tuple[str, list[Any]]:
    return ("", []) if versions is None else (" AND version = ANY (%s)", [list(versions)])
