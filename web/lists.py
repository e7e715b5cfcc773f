"""Lists: typed filters and keyset pages, and for the admin a page count that doesn't count."""

import base64
import re
import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet
from django.utils.functional import cached_property
from django_filters.rest_framework import DjangoFilterBackend, FilterSet, IsoDateTimeFilter
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from web.errors import InvalidParameter
from web.kinds import INSTANT

# 16 bytes in base64url without padding; the last character holds two bits of them.
CURSOR = "^[A-Za-z0-9_-]{21}[AQgw]$"


class NewestFirst(BasePagination):
    """Keyset pages by descending UUIDv7, that is newest first: `{"results": […], "next": "<opaque>" | null}`.

    No page is skipped or repeated by concurrent inserts and deletes, and no page costs more than the first.
    """

    parameters = ("cursor", "limit")
    order = "-pk"
    beyond = "pk__lt"
    default_limit = 50
    max_limit = 100
    next: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """One row more than asked for tells whether there is a next page."""
        limit = self._limit(request)
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(**{self.beyond: _decode(cursor)})
        rows = list(queryset.order_by(self.order)[: limit + 1])
        self.next = _encode(rows[limit - 1].pk) if len(rows) > limit else None
        return rows[:limit]

    def _limit(self, request: Request) -> int:
        raw = request.query_params.get("limit", str(self.default_limit))
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 3 and 1 <= int(raw) <= self.max_limit):
            raise InvalidParameter({"limit": [f"A whole number from 1 to {self.max_limit}."]})
        return int(raw)

    def get_paginated_response(self, data: Any) -> Response:
        """The page as the client sees it."""
        return Response({"results": data, "next": self.next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page as OpenAPI describes it."""
        cursor = {
            "type": ["string", "null"],
            "pattern": CURSOR,
            "description": "Pass it as `cursor` for the next page; null on the last.",
        }
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": cursor},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """`cursor` and `limit` as OpenAPI describes them."""
        limit = {
            "type": "integer",
            "minimum": 1,
            "maximum": self.max_limit,
            "default": self.default_limit,
        }
        return [
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string", "pattern": CURSOR}},
            {"name": "limit", "in": "query", "required": False, "schema": limit},
        ]


class OldestFirst(NewestFirst):
    """The same by ascending UUIDv7: in the order in which the rows were made."""

    order = "pk"
    beyond = "pk__gt"


def _encode(key: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(key.bytes).decode().rstrip("=")


def _decode(cursor: str) -> uuid.UUID:
    if not re.fullmatch(CURSOR, cursor):
        raise InvalidParameter({"cursor": ["This isn't a cursor that we gave out."]})
    return uuid.UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))


class TypedFilterBackend(DjangoFilterBackend):
    """Typed filters from the view's `filterset_class`, in lists; a malformed value is a 422."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Check the values, then filter."""
        filterset: FilterSet | None = None if view.detail else self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise InvalidParameter(dict(filterset.errors))
        filtered: QuerySet[Any] = filterset.qs
        return filtered


class InstantField(forms.DateTimeField):
    """A date and a time with its offset from UTC, as RFC 3339 writes it: nothing is left to a guess."""

    def to_python(self, value: Any) -> datetime | None:
        """In UTC."""
        if value in self.empty_values:
            return None
        try:
            instant: datetime = INSTANT.read(value)
        except ValueError as exc:
            raise ValidationError(str(exc), "invalid") from None
        return instant


class InstantFilter(IsoDateTimeFilter):
    """`?from=2026-01-01T00:00:00Z`."""

    field_class = InstantField


class EstimatingPaginator(Paginator):
    """The admin's paginator: an exact count up to `exact_limit` rows, the planner's estimate beyond."""

    exact_limit = 1_000

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        """Rows in the list. Counting stops at `exact_limit`; beyond, one EXPLAIN says how many the planner expects."""
        exact = self.object_list[: self.exact_limit + 1].count()
        return exact if exact <= self.exact_limit else max(exact, self._estimate())

    def _estimate(self) -> int:
        sql, params = self.object_list.order_by().query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            plan: int = cursor.fetchone()[0][0]["Plan"]["Plan Rows"]
        return plan
