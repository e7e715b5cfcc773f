"""The record as a file: JSON lines, oldest first, of any length."""

import json
from collections.abc import Iterator
from contextvars import Context, copy_context
from typing import Any

from django.db.models import QuerySet
from rest_framework.renderers import JSONRenderer

from audit.models import Event
from audit.serializers import EventSerializer

BATCH = 1_000


class JSONLinesRenderer(JSONRenderer):
    """Lets a client ask for JSON lines; what isn't a stream, an error, is JSON."""

    media_type = "application/jsonl"
    format = "jsonl"
    charset = None


class ExportSerializer(EventSerializer):
    """An event with its commitments."""

    class Meta(EventSerializer.Meta):
        fields = [*EventSerializer.Meta.fields, "commitments"]


def json_lines(events: QuerySet[Event]) -> Iterator[bytes]:
    """The events, a batch a piece. The first is read at once: what fails then is answered with a problem.

    The others are read while the response is sent, which is after the request: as who asks now.
    """
    events = events.order_by("pk")
    return _pieces(_read(events), events, copy_context())


def _pieces(batch: list[Event], events: QuerySet[Event], asking: Context) -> Iterator[bytes]:
    while batch:
        yield b"".join(_line(row) for row in ExportSerializer(batch, many=True).data)
        batch = asking.run(_read, events.filter(pk__gt=batch[-1].pk))


def _read(events: QuerySet[Event]) -> list[Event]:
    return list(events[:BATCH])


def _line(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
