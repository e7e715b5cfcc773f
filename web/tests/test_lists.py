"""Typed values of list parameters."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError

from web.lists import InstantField

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2026-01-01T12:00:00Z", "2026-01-01t12:00:00.000z", "2026-01-01T13:30:00+01:30", "2025-12-31T16:19:00-19:41"],
)
def test_an_instant_is_taken_from_rfc_3339_whatever_its_offset(text: str) -> None:
    instant = InstantField().clean(text)

    assert (instant, instant.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-01-01",
        "2026-01-01T12:00:00",
        "2026-01-01 12:00:00Z",
        "2026-01-01T12:00:00Z\n",
        "20260101T120000Z",
        "2026-13-01T12:00:00Z",
        "٢٠٢٦-01-01T12:00:00Z",
        "0001-01-01T00:00:00+00:01",
    ],
)
def test_an_instant_without_an_offset_in_another_form_or_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        InstantField().clean(text)


def test_no_instant_is_none() -> None:
    assert InstantField(required=False).clean("") is None
