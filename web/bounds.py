"""The bounds in OpenAPI's schemas that follow from what is said of them already: from a format, from the database."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import connection, models
from rest_framework import serializers

from web.lists import CURSOR, NewestFirst

# PostgreSQL stores no NUL, and the parser lets none in.
TEXT = r"^[^\x00]*$"
# The most characters in which a value of this format is written.
LENGTHS = {"date": 10, "date-time": 32, "email": 254, "time": 21, "uri": 2048, "uuid": 36}
# Those of a pattern.
EXACT = {CURSOR: 22}
INT32 = 2**31 - 1


def bounds_of(field: serializers.Field) -> dict[str, Any]:
    """Those that drf-spectacular doesn't see: a nested list's, and of what is read-only its column's."""
    if isinstance(field, serializers.ListSerializer):
        most = getattr(field, "max_length", None)
        return {"maxItems": most} if most else {}
    column = _column(field) if field.read_only else None
    if isinstance(column, models.IntegerField):
        smallest, largest = connection.ops.integer_field_range(column.get_internal_type())
        return {"minimum": smallest, "maximum": largest}
    length = getattr(column, "max_length", None)
    return {"maxLength": length} if length and isinstance(field, serializers.CharField) else {}


def _column(field: serializers.Field) -> models.Field | None:
    shape: Any = field.parent
    try:
        column = shape.Meta.model._meta.get_field(field.source)
    except (AttributeError, FieldDoesNotExist):
        return None
    return column if isinstance(column, models.Field) else None


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's hook: the whole description, with the bounds, and without what it made and nobody needs."""
    _drop_unused(result)
    for schema in schemas(result):
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if "string" in types:
            _bound_text(schema)
        if "integer" in types:
            small = max(abs(schema.get("minimum", 0)), schema.get("maximum", INT32 + 1)) <= INT32
            schema.setdefault("format", "int32" if small else "int64")
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Page"):
            schema["properties"]["results"].setdefault("maxItems", NewestFirst.max_limit)
    return result


def schemas(part: Any) -> Iterator[dict[str, Any]]:
    """Every schema with a type."""
    if isinstance(part, dict):
        if isinstance(part.get("type"), str | list):
            yield part
        part = [value for key, value in part.items() if key not in ("examples", "default")]
    for each in part if isinstance(part, list) else ():
        yield from schemas(each)


def _bound_text(schema: dict[str, Any]) -> None:
    if "enum" in schema or "const" in schema:
        return
    length = LENGTHS.get(schema.get("format", "")) or EXACT.get(schema.get("pattern", ""))
    if length:
        schema.setdefault("maxLength", length)
    if "format" not in schema:
        schema.setdefault("pattern", TEXT)


def _drop_unused(result: dict[str, Any]) -> None:
    """A nested serializer that is read-only is described as part of a request, too, and then taken out of it."""
    while unused := result["components"]["schemas"].keys() - set(_referred(result)):
        for name in unused:
            del result["components"]["schemas"][name]


def _referred(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(reference := part.get("$ref"), str):
            yield reference.removeprefix("#/components/schemas/")
        part = list(part.values())
    for each in part if isinstance(part, list) else ():
        yield from _referred(each)
