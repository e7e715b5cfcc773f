"""Strict JSON: what a lenient parser would guess at or the database couldn't store is refused."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import IO, Any, NoReturn, Self

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from web.errors import PayloadTooLarge

MAX_DEPTH = 64
# The one whole number whose sign Python's don't keep.
NEGATIVE_ZERO = re.compile(r"[\s\[:,]-0[\s\],}]")


class Number(float):
    """A number that knows by which digits it was written: `1.50`, `1e2`, `-0`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """text: as JSON has it. Raises `ValueError` for one that no double holds."""
        number = super().__new__(cls, text)
        if not math.isfinite(number):
            raise ValueError(f"{text} is out of range")
        number.text = text
        return number


def parsed(text: str) -> Any:
    """A JSON text's value, each number with its own digits. Raises `ValueError`."""
    return json.loads(text, parse_float=Number, parse_int=_whole, parse_constant=_refuse_constant)


class StrictJSONParser(BaseParser):
    """UTF-8 JSON without duplicate keys, NaN, infinities, NUL characters or lone surrogates.

    Raises `ParseError` (400), or `PayloadTooLarge` (413) beyond `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes.
    """

    media_type = "application/json"
    # What becomes of a number with a fraction or an exponent.
    number: Callable[[str], float] = Number

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse one JSON text."""
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
        try:
            return _decode(raw, self.number)
        except RecursionError as exc:
            raise ParseError("The JSON is nested too deeply.") from exc
        except ValueError as exc:
            raise ParseError(f"This isn't valid JSON: {exc}.") from exc


class PlainNumbersParser(StrictJSONParser):
    """The same for bodies that are full of numbers: doubles, of which those out of range are infinite."""

    number = float


def _decode(raw: bytes, number: Callable[[str], float]) -> Any:
    text = raw.decode("utf-8", "strict")
    whole = _whole if "-0" in text and NEGATIVE_ZERO.search(text) else None
    value = json.loads(
        text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=number, parse_int=whole
    )
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    # Only an escape can bring a NUL or a surrogate into a decoded text, and PostgreSQL stores neither.
    if "\\u" in text:
        _check_characters(json.dumps(value, ensure_ascii=False))
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    if level:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _check_characters(text: str) -> None:
    if holds_nul(text):
        raise ValueError("a string holds the NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a string holds a lone surrogate") from None


def holds_nul(text: str) -> bool:
    """Whether a JSON text has a NUL in it, which is always escaped; u0000 after an escaped backslash isn't one."""
    return "\\u0000" in text.replace("\\\\", "")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object names a key twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _whole(digits: str) -> float:
    return Number(digits) if digits == "-0" else int(digits)
