"""Strict JSON."""

import json
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings
from rest_framework.exceptions import ParseError

from web.errors import PayloadTooLarge
from web.parsers import MAX_DEPTH, StrictJSONParser

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def parse(raw: bytes) -> Any:
    return StrictJSONParser().parse(BytesIO(raw))


@given(VALUES, st.booleans())
def test_valid_json_comes_through_as_it_is(value: Any, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    with suppress(ParseError):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"\xff", "can't decode"),
        (b'{"a": 1, "a": 2}', "names a key twice"),
        (b'{"a": {"b": 1, "b": 1}}', "names a key twice"),
        (b"NaN", "NaN is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"1e999", "1e999 is out of range"),
        (b'{"a": ["\\u0000"]}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'"\\ud800"', "lone surrogate"),
        (b'"\x00"', "Invalid control character"),
        (b"9" * 5000, "digits"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "deeper than 64 levels"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "deeper than 64 levels"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_strict_json_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse(raw)


@pytest.mark.parametrize("raw", [b'"\\\\u0000"', b'"\\ud83d\\ude00"', b"[" * 64 + b"]" * 64, b"[[],[],{}]" * 1])
def test_what_only_looks_suspicious_is_accepted(raw: bytes) -> None:
    assert parse(raw) == json.loads(raw)


def test_many_shallow_lists_are_not_deep() -> None:
    assert parse(b"[" + b",".join([b"[]"] * 100) + b"]") == [[]] * 100


def test_a_body_over_the_limit_is_refused(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 4

    assert parse(b'"ab"') == "ab"
    with pytest.raises(PayloadTooLarge):
        parse(b'"abc"')
