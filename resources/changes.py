"""What was changed or deleted, in the order of the transactions that did it, with nothing skipped.

A transaction can be committed long after others that began later: a cursor over ids, times or numbers of transactions
would have passed it by. So a page ends at the oldest transaction that is still running, by the snapshot that the rows
are read in: what comes before is decided. Who leaves a transaction open delays the changes; nothing makes them wrong.

Who starts without a cursor reads what is there, in the same order, and then what was changed since that began.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.db import connection
from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.ownership import requester
from resources.cursors import NOTHING, NOW, Cursor, CursorExpired, Moment
from resources.lists import DEFAULT_LIMIT, MAX_LIMIT, read
from resources.models import Deletion
from resources.rows import LIVE, Rows
from resources.serializers import MAX_VERSION
from resources.tracking import Tracked
from resources.views import JSON
from web.kinds import Kind
from web.refusals import refusal
from web.views import StrictView

HORIZON, UPCOMING = (f"pg_snapshot_{end}(pg_current_snapshot())" for end in ("xmin", "xmax"))
# What was changed by transactions that have ended.
ENDED = f"changed_in < {HORIZON}"
# The same, and what was restored from a database whose count is ahead of this one's.
THERE = f"({ENDED} OR changed_in >= {UPCOMING})"


def _whole(given: str) -> int:
    if not (given.isascii() and given.isdigit() and len(given) <= 3 and 1 <= int(given) <= MAX_LIMIT):
        raise ValueError(f"A whole number from 1 to {MAX_LIMIT}.")
    return int(given)


CURSOR = "^[A-Za-z0-9_-]{75}$"
LIMIT = Kind(_whole, {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT})

# Stands for no cursor: what is there, from the beginning.
BEGINNING = Cursor(life=0, size=0, seal=0, resume=1, changed_in=0, id=NOTHING)

Shape = type[serializers.BaseSerializer[Any]]
EXPIRED = refusal(410, "The cursor can't be continued.", CursorExpired.default_code, CursorExpired.default_detail)


def _statement(branches: Iterable[str]) -> str:
    """The SQL of the moment, in the first row, and of the changes that the branches give, in one order."""
    moment = f"(SELECT {NOW} AS type, NULL::uuid AS id, '0'::xid8 AS changed_in, NULL::integer, NULL::text)"
    return f"{' UNION ALL '.join([moment, *branches])} ORDER BY changed_in, id LIMIT 1 + %(limit)s"


def _branch(table: str, columns: str, condition: str, key: str = "id") -> str:
    """The SQL of one table's part: a page of a range of its index on owner, transaction and key."""
    return (
        f"(SELECT {columns} FROM {table} WHERE owner_id = %(owner)s "
        f"AND (changed_in, {key}) > (%(changed_in)s::xid8, %(id)s) AND {condition} "
        f"ORDER BY changed_in, {key} LIMIT %(limit)s)"
    )


DELETED = _branch(
    Deletion._meta.db_table, "object_type, object_id, changed_in, NULL::integer, NULL::text", ENDED, "object_id"
)


class Change(NamedTuple):
    """One object as it is now: `version`, and as `body` the JSON that its list gives. Both are None if it is gone."""

    type: str
    id: UUID
    changed_in: str
    version: int | None
    body: str | None

    def __str__(self) -> str:
        deleted, version = ("true", "null") if self.body is None else ("false", self.version)
        return (
            f'{{"type":"{self.type}","id":"{self.id}","deleted":{deleted},"version":{version},'
            f'"object":{self.body or "null"}}}'
        )


class Feed:
    """The changes of several resources together, each object in the shape of its list."""

    def __init__(self, shapes: Mapping[Rows, Shape]) -> None:
        self.shapes = dict(shapes)
        self.there = _statement(map(_there, shapes))
        self.changed = _statement([*map(_changed, shapes), DELETED])

    def page(self, owner_id: UUID, cursor: Cursor | None, limit: int) -> str:
        """The page as JSON: `{"results": […], "next": …, "more": …}`. One statement.

        Raises `CursorExpired`.
        """
        now, changes = self._read(owner_id, cursor, limit + 1)
        if cursor:
            cursor.check(now)
        resume = cursor.resume if cursor else now.horizon
        more = len(changes) > limit
        if more:
            last = changes[limit - 1]
            place = (resume, int(last.changed_in), last.id)
        elif resume:
            # What was changed while the client read what was there may come once more.
            more, place = now.horizon > resume, (0, resume, NOTHING)
        else:
            place = (0, now.horizon, NOTHING)
        following = Cursor(now.life, now.size, now.seal, *place)
        results = ",".join(map(str, changes[:limit]))
        return f'{{"results":[{results}],"next":"{following}","more":{json.dumps(more)}}}'

    def _read(self, owner_id: UUID, cursor: Cursor | None, limit: int) -> tuple[Moment, list[Change]]:
        """What comes after a cursor, and the moment that it is read at, in one snapshot."""
        after = cursor or BEGINNING
        params = {**after._asdict(), "owner": owner_id, "changed_in": str(after.changed_in), "limit": limit}
        with connection.cursor() as database:
            database.execute(self.there if after.resume else self.changed, params)
            (moment, *_), *found = database.fetchall()
        return Moment.parse(moment), [Change(*row) for row in found]


def _there(rows: Rows) -> str:
    """The SQL of a table's rows that aren't in the trash."""
    live = f" AND {LIVE}" if _has_trash(rows) else ""
    return _branch(rows.table, f"'{_noun(rows)}', id, changed_in, version, {rows.json(rows.listed)}", THERE + live)


def _changed(rows: Rows) -> str:
    """The SQL of a table's rows, those in the trash as deleted: whoever asks for them elsewhere is told so, too."""
    columns = ["version", rows.json(rows.listed)]
    if _has_trash(rows):
        columns = [f"CASE WHEN {LIVE} THEN {column} END" for column in columns]
    return _branch(rows.table, f"'{_noun(rows)}', id, changed_in, {', '.join(columns)}", ENDED)


def _has_trash(rows: Rows) -> bool:
    return "trashed_at" in rows.fields


def _noun(rows: Rows) -> str:
    rules = rows.fields["id"].model._meta.constraints
    return next(rule.noun for rule in rules if isinstance(rule, Tracked))


class ObjectField(serializers.JSONField):
    """An object as its list gives it."""


class ObjectExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """What the feed is of is known to the view only."""

    target_class = ObjectField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """One of the lists' shapes, or null."""
        shapes = auto_schema.view.feed.shapes.values()
        return {
            "oneOf": [*(auto_schema.resolve_serializer(shape, direction).ref for shape in shapes), {"type": "null"}]
        }


class ChangeSerializer(serializers.Serializer[Any]):
    """What became of one object."""

    type = serializers.RegexField("^[a-z]+$", max_length=32, help_text="`task`, `label` or `document`.")
    id = serializers.UUIDField()
    deleted = serializers.BooleanField(help_text="Deleted for good, or in the trash.")
    version = serializers.IntegerField(min_value=1, max_value=MAX_VERSION, allow_null=True)
    object = ObjectField(help_text="As the list gives it; null if it was deleted.")


class ChangesSerializer(serializers.Serializer[Any]):
    """A page of changes."""

    example: ClassVar[dict[str, Any]] = {
        "results": [
            {
                "type": "label",
                "id": "01a1ff94-6367-7904-9212-5ed00e7d9c67",
                "deleted": False,
                "version": 1,
                "object": {
                    "id": "01a1ff94-6367-7904-9212-5ed00e7d9c67",
                    "name": "Garden",
                    "created_at": "2026-11-21T19:27:57.278425Z",
                    "updated_at": "2026-11-21T19:27:57.278425Z",
                    "version": 1,
                },
            },
            {
                "type": "task",
                "id": "01a1ff94-63fc-724e-8256-c65521b1ff37",
                "deleted": True,
                "version": None,
                "object": None,
            },
        ],
        "next": "A" * 75,
        "more": False,
    }

    results = ChangeSerializer(many=True, max_length=MAX_LIMIT)  # type: ignore[call-arg] # the list's
    next = serializers.RegexField(
        CURSOR, max_length=75, help_text="The cursor for the next page, or for the next time."
    )
    more = serializers.BooleanField(help_text="Whether there is more already.")


class ChangesView(StrictView):
    """What was changed or deleted since, of everything that is the signed-in user's."""

    noun = "change"
    query_parameters = ("cursor", "limit")
    feed = Feed({})

    @extend_schema(
        operation_id="changes",
        summary="List what was changed or deleted",
        parameters=[
            OpenApiParameter(
                "cursor",
                {"type": "string", "pattern": CURSOR, "maxLength": 75},
                description="`next` of the page before, or of the last time.",
            ),
            OpenApiParameter("limit", dict(LIMIT.schema)),
        ],
        responses={200: ChangesSerializer, 410: EXPIRED},
    )
    def get(self, request: Request) -> HttpResponse:
        """Without a cursor: everything that is there. With one: what was changed or deleted since."""
        given = request.query_params.get("cursor")
        cursor = Cursor.parse(given) if given else None
        limit = read(LIMIT, "limit", request.query_params.get("limit", str(DEFAULT_LIMIT)))
        return HttpResponse(self.feed.page(requester(request), cursor, limit), content_type=JSON)
