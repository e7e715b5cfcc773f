"""What texts of clients mean."""

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.kinds import BOOLEAN, DATE, INSTANT, UUID_, Kind, choice, text

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NUMBER = choice({"one": 1, "two": 2})
KINDS = [BOOLEAN, INSTANT, DATE, UUID_, NUMBER, text(5)]


@pytest.mark.parametrize(
    ("kind", "given_", "value"),
    [
        (BOOLEAN, "true", True),
        (BOOLEAN, "false", False),
        (NUMBER, "two", 2),
        (DATE, "2024-02-29", date(2024, 2, 29)),
        (DATE, "0001-01-01", date.min),
        (DATE, "9999-12-31", date.max),
        (UUID_, ID, UUID(ID)),
        (UUID_, ID.upper(), UUID(ID)),
        (text(5), "文🙂ü%\\", "文🙂ü%\\"),
        (INSTANT, "2026-01-01T12:00:00Z", NOON),
        (INSTANT, "2026-01-01t12:00:00.000z", NOON),
        (INSTANT, "2026-01-01T13:30:00+01:30", NOON),
        (INSTANT, "2025-12-31T16:19:00-19:41", NOON),
        (INSTANT, "2026-01-01T12:00:00.1Z", NOON.replace(microsecond=100_000)),
        (INSTANT, "2026-01-01T12:00:00.1234567Z", NOON.replace(microsecond=123_456)),
        (INSTANT, "9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_a_text_of_the_kind_is_read(kind: Kind, given_: str, value: Any) -> None:
    assert kind.read(given_) == value


@pytest.mark.parametrize(
    ("kind", "given_"),
    [
        *((BOOLEAN, value) for value in ("True", "1", "yes", "", " true", "true\n")),
        *((NUMBER, value) for value in ("One", "1", "", "one,two", "three")),
        *((DATE, value) for value in ("2026-02-29", "2026-1-1", "20260101", "2026-W01-1", "today", "0000-01-01", "")),
        *((DATE, value) for value in ("2026-01-01T00:00:00Z", "2026-01-01\n", " 2026-01-01", "٢٠٢٦-01-01")),
        *((UUID_, value) for value in (ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", ID[:-1], f"{ID}\n", "")),
        *((UUID_, value) for value in (ID.replace("0", "٠"), ID.replace("a", "g"))),
        *((text(5), value) for value in ("sixsix", "a\0b")),
        *((INSTANT, value) for value in ("yesterday", "2026-01-01", "2026-01-01T12:00:00", "2026-01-01 12:00:00Z", "")),
        *((INSTANT, value) for value in ("2026-01-01T12:00:00Z\n", "20260101T120000Z", "2026-13-01T12:00:00Z")),
        *((INSTANT, value) for value in ("٢٠٢٦-01-01T12:00:00Z", "2026-01-01T12:00Z", "2026-01-01T12:00:00+0100")),
        *((INSTANT, value) for value in ("2026-01-01T12:00:60Z", "2026-01-01T12:00:00.Z", "2026-01-01T12:00:00+24:00")),
        *((INSTANT, value) for value in ("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01")),
    ],
)
def test_another_text_is_refused_in_words_for_people(kind: Kind, given_: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        kind.read(given_)


@given(st.sampled_from(KINDS), st.text())
def test_any_text_is_read_or_refused(kind: Kind, given_: str) -> None:
    with suppress(ValueError):
        kind.read(given_)


@given(st.datetimes(timezones=st.timezones()))
def test_any_moment_is_read_as_python_writes_it(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        return
    if (written := moment.isoformat()).count(":") == 3:
        assert INSTANT.read(written) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_describes_itself(kind: Kind) -> None:
    assert kind.schema["type"] in ("string", "boolean")
