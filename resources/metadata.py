"""Metadata: a JSON object that clients keep with a resource, given back as it was written."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.lookups import Exact
from psycopg.types.json import Json

from web.parsers import holds_nul

MAX_METADATA = 16_384


def validate_metadata(value: Any) -> None:
    """A JSON object of at most 16 KiB that PostgreSQL can store: no NaN, no infinity, no NUL, no lone surrogate."""
    if not isinstance(value, dict):
        raise ValidationError("This must be a JSON object.", "not_an_object")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValidationError("A string holds a lone surrogate.", "surrogate") from None
    except ValueError:
        raise ValidationError("NaN and infinity are not JSON numbers.", "not_finite") from None
    if holds_nul(text):
        raise ValidationError("A string holds the NUL character.", "nul")
    if size > MAX_METADATA:
        raise ValidationError(f"This is larger than {MAX_METADATA} bytes.", "max_length")


class PreservedJSONField(models.JSONField):
    """JSON kept as it was written: key order and big numbers survive, which `jsonb` would normalise."""

    def db_type(self, connection: Any) -> str:
        """The column's type."""
        return "json"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Django would send it as `jsonb`, and the order of the keys would be gone before it is stored."""
        return Json(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """psycopg has parsed it already; only `jsonb` it leaves to Django."""
        return value


def metadata_constraints(prefix: str) -> list[models.BaseConstraint]:
    """What the database itself holds a table's `metadata` to."""
    return [
        models.CheckConstraint(
            condition=models.Q(
                Exact(models.Func("metadata", function="json_typeof", output_field=models.TextField()), "object")
            ),
            name=f"{prefix}_metadata_object",
            violation_error_message="Metadata is a JSON object.",
        )
    ]
