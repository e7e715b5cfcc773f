"""Metadata: a JSON object that clients keep with a resource, given back as it was written."""

import json
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.lookups import Exact
from psycopg.types.json import Json

from web.parsers import Number, holds_nul, parsed

MAX_METADATA = 16_384
# Where a number with a fraction or an exponent may be, though it may be a text that looks like one.
FRACTION = re.compile("[0-9][.e]")


def written(value: Any) -> str:
    """The value as JSON, each number by the digits that it came with.

    Raises `ValueError` for NaN and infinity.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _written(value) if FRACTION.search(text) else text


def _written(value: Any) -> str:
    match value:
        case dict():
            members = (f"{json.dumps(key, ensure_ascii=False)}: {_written(each)}" for key, each in value.items())
            return f"{{{', '.join(members)}}}"
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case Number():
            return value.text
    return json.dumps(value, ensure_ascii=False)


def validate_metadata(value: Any) -> None:
    """A JSON object of at most 16 KiB that PostgreSQL can store: no NaN, no infinity, no NUL, no lone surrogate."""
    if not isinstance(value, dict):
        raise ValidationError("This must be a JSON object.", "not_an_object")
    try:
        text = written(value)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValidationError("A string holds a lone surrogate.", "surrogate") from None
    except ValueError:
        raise ValidationError("NaN and infinity are not JSON numbers.", "not_finite") from None
    if holds_nul(text):
        raise ValidationError("A string holds the NUL character.", "nul")
    if size > MAX_METADATA:
        raise ValidationError(f"This is larger than {MAX_METADATA} bytes.", "max_length")


class Decoder(json.JSONDecoder):
    """Keeps the digits."""

    def decode(self, text: str, *args: Any) -> Any:
        """The value. Raises `JSONDecodeError`."""
        try:
            return parsed(text)
        except ValueError as exc:
            raise json.JSONDecodeError(str(exc), text, 0) from None


class PreservedFormField(forms.JSONField):
    """Shows a value as it was written, and takes it so."""

    def prepare_value(self, value: Any) -> Any:
        """The text that the form begins with."""
        return written(value) if isinstance(value, dict) else super().prepare_value(value)


class PreservedJSONField(models.JSONField):
    """JSON kept as it was written: the order of keys and the digits of numbers, which `jsonb` would normalise."""

    def db_type(self, connection: Any) -> str:
        """The column's type."""
        return "json"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Django would send it as `jsonb`, and the order of the keys would be gone before it is stored."""
        return Json(value, dumps=written)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The value, its numbers with their digits."""
        return parsed(value) if isinstance(value, str) else value

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """As text: psycopg would parse `json`, and the digits would be gone."""
        return f"({sql})::text", params

    def formfield(self, **kwargs: Any) -> Any:
        """For the admin."""
        return super().formfield(**{"form_class": PreservedFormField, "decoder": Decoder, **kwargs})


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
