"""Lists of a resource: typed filters, any allowed order, keyset pages, chosen members. One statement a page."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import QueryDict

from resources.rows import Rows
from web.errors import InvalidParameter
from web.kinds import Kind

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
PATTERN = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


@dataclass(frozen=True)
class Filter:
    """A parameter that narrows a list.

    kind: what values it takes. condition: value → SQL of constants, and its parameters.
    """

    kind: Kind
    condition: Callable[[Any], tuple[str, list[Any]]]
    description: str = ""


def compared(sql: str) -> Callable[[Any], tuple[str, list[Any]]]:
    """A condition with the value as its one parameter."""
    return lambda value: (sql, [value])


def either(yes: str, no: str) -> Callable[[Any], tuple[str, list[Any]]]:
    """One condition for true and one for false."""
    return lambda value: (yes if value else no, [])


def contained(sql: str) -> Callable[[str], tuple[str, list[Any]]]:
    """A condition for a text: each of its words stands somewhere in what the SQL gives, in any case."""
    # ILIKE compares lower case, and so neither finds "Straße" by "STRASSE" nor "ΣΑΣΑ" by "ΣΑΣ".
    condition = (
        f'casefold(({sql}) COLLATE "pg_unicode_fast") LIKE ALL ('
        'ARRAY(SELECT casefold(pattern COLLATE "pg_unicode_fast") FROM unnest(%s::text[]) AS pattern))'
    )
    return lambda words: (condition, [[f"%{word.translate(PATTERN)}%" for word in words.split()]])


@dataclass(frozen=True)
class Sort:
    """An order: by a column that is never null, and where that is equal by the id.

    key: the SQL of the column's value in a cursor, which `kind` reads again.
    unique: whether it is never equal.
    """

    column: str
    key: str
    kind: Kind
    unique: bool = False


@dataclass(frozen=True)
class Listing:
    """What a resource's list can be asked for.

    always: conditions that hold unless the filter of that name is given.
    """

    rows: Rows
    filters: Mapping[str, Filter]
    sorts: Mapping[str, Sort]
    default_sort: str
    always: Mapping[str, str]

    @property
    def parameters(self) -> tuple[str, ...]:
        """All that it knows."""
        return ("cursor", "limit", "sort", "fields", *self.filters)

    def page(
        self,
        owner_id: UUID,
        query: QueryDict,
        *,
        counted: bool = False,
        members: tuple[str, ...] | None = None,
        among: Mapping[str, Any] | None = None,
    ) -> str:
        """The page as JSON: `{"results": […], "next": …}`, and `count` if that is wanted.

        members: those that are wanted; None for what `query` says. among: column → what must be in it.

        Raises `InvalidParameter`.
        """
        sort, descending = self._sort(query.get("sort", self.default_sort))
        limit = _limit(query.get("limit"))
        where, params = self.conditions(owner_id, query)
        for column, value in (among or {}).items():
            where, params = f"{where} AND {column} = %s", [*params, value]
        start, start_params = self._start(query.get("cursor"), sort, descending)
        way = "DESC" if descending else "ASC"
        order = f"{sort.column} {way}" + ("" if sort.unique else f", id {way}")
        body = self.rows.json(members or self.members(query))
        sql = (
            f"SELECT {body} AS body, id, {sort.key} AS key FROM {self.rows.table} WHERE {where}{start} "
            f"ORDER BY {order} LIMIT %s"
        )
        everything = [*params, *start_params, limit + 1]
        if counted:
            # With the page beside it, so that they are of one snapshot; and there if the page is empty.
            sql = (
                f"SELECT page.*, total.count FROM (SELECT count(*) FROM {self.rows.table} WHERE {where}) AS total "
                f"LEFT JOIN LATERAL ({sql}) AS page ON true"
            )
            everything = [*params, *everything]
        with connection.cursor() as cursor:
            cursor.execute(sql, everything)
            found = cursor.fetchall()
        rows = [row for row in found if row[0] is not None]
        following = self._cursor(query, sort, rows[limit - 1]) if len(rows) > limit else None
        count = f',"count":{found[0][3]}' if counted else ""
        return f'{{"results":[{",".join([row[0] for row in rows[:limit]])}],"next":{json.dumps(following)}{count}}}'

    def conditions(self, owner_id: UUID, query: QueryDict) -> tuple[str, list[Any]]:
        """The SQL of which rows the list is of, whatever the page, and its parameters."""
        conditions, params = ["owner_id = %s"], [owner_id]
        conditions += [condition for name, condition in self.always.items() if name not in query]
        for name in query:
            if known := self.filters.get(name):
                sql, values = known.condition(read(known.kind, name, str(query[name])))
                conditions.append(sql)
                params += values
        return " AND ".join(conditions), params

    def members(self, query: QueryDict) -> tuple[str, ...]:
        """`fields`: the members that are wanted, in the resource's order; without it those that lists give."""
        return chosen(self.rows, query) or self.rows.listed

    def _sort(self, given: str) -> tuple[Sort, bool]:
        sort = self.sorts.get(given.removeprefix("-"))
        if sort is None:
            raise InvalidParameter({"sort": [f"One of {', '.join(self.sorts)}, with - before it for descending."]})
        return sort, given.startswith("-")

    def _start(self, given: str | None, sort: Sort, descending: bool) -> tuple[str, list[Any]]:
        """The SQL of what comes after a cursor."""
        if given is None:
            return "", []
        sign = "<" if descending else ">"
        name = next(name for name, known in self.sorts.items() if known is sort)
        key, pk = _read_cursor(given, f"{'-' * descending}{name}", sort)
        if sort.unique:
            return f" AND {sort.column} {sign} %s", [key]
        return f" AND ({sort.column}, id) {sign} (%s, %s)", [key, pk]

    def _cursor(self, query: QueryDict, sort: Sort, last: tuple[Any, ...]) -> str:
        value = [query.get("sort", self.default_sort), last[2], last[1].hex]
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def chosen(rows: Rows, query: QueryDict) -> tuple[str, ...] | None:
    """`fields`: the members that are wanted, in the resource's order; None for all. Raises `InvalidParameter`."""
    given = query.get("fields")
    if given is None:
        return None
    names = given.split(",")
    if len(given) > len(",".join(rows.shape)):
        raise InvalidParameter({"fields": ["This is longer than all fields together: name each once."]})
    if unknown := [name for name in names if name not in rows.shape]:
        raise InvalidParameter({"fields": [f"There is no field {unknown[0]!r}; there are {', '.join(rows.shape)}."]})
    return tuple(name for name in rows.shape if name in names)


def read(kind: Kind, name: str, given: str) -> Any:
    """The value of a parameter. Raises `InvalidParameter`."""
    try:
        return kind.read(given)
    except ValueError as exc:
        raise InvalidParameter({name: [str(exc)]}) from None


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT_LIMIT
    if not (given.isascii() and given.isdigit() and len(given) <= 3 and 1 <= int(given) <= MAX_LIMIT):
        raise InvalidParameter({"limit": [f"A whole number from 1 to {MAX_LIMIT}."]})
    return int(given)


def _read_cursor(given: str, order: str, sort: Sort) -> tuple[Any, UUID]:
    """A cursor's key and id. Raises `InvalidParameter` for one of another order, or that isn't ours."""
    try:
        raw = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
        its_order, key, pk = map(_storable, json.loads(raw))
        if its_order != order:
            raise InvalidParameter({"cursor": [f"This cursor is of another order: {its_order}."]})
        return sort.kind.read(key), UUID(hex=pk)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise InvalidParameter({"cursor": ["This isn't a cursor that we gave out."]}) from None


def _storable(value: Any) -> str:
    """A text as JSON that isn't ours may hold it. Raises `TypeError`, and `ValueError` for a lone surrogate."""
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()
    return value
