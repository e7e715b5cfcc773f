"""What texts of clients mean: how each kind is read, and how OpenAPI describes it."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

RFC3339 = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
CANONICAL_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """read: text → value; raises `ValueError` with a message for people. schema: of OpenAPI."""

    read: Callable[[str], Any]
    schema: Mapping[str, Any] = field(default_factory=dict)


def choice(choices: Mapping[str, Any]) -> Kind:
    """One of some names, each of which means a value."""

    def read(given: str) -> Any:
        if given not in choices:
            raise ValueError(f"One of {', '.join(choices)}.")
        return choices[given]

    return Kind(read, {"type": "string", "enum": list(choices)})


def text(max_length: int) -> Kind:
    """A text that PostgreSQL can store."""

    def read(given: str) -> str:
        if len(given) > max_length or "\0" in given or not given.strip():
            raise ValueError(f"At most {max_length} characters, not only white space, and no NUL.")
        return given

    return Kind(read, {"type": "string", "minLength": 1, "maxLength": max_length})


def _uuid(given: str) -> UUID:
    if not CANONICAL_UUID.fullmatch(given):
        raise ValueError("A UUID, as in 01890a5d-ac96-774b-bcce-b302099a8057.")
    return UUID(given)


def _instant(given: str) -> datetime:
    with suppress(ValueError, OverflowError):
        if re.fullmatch(RFC3339, given):
            # In UTC, for PostgreSQL knows no offset beyond 15:59.
            return datetime.fromisoformat(given.upper()).astimezone(UTC)
    raise ValueError("A date and a time with its offset, as in 2026-01-01T00:00:00Z.")


def _date(given: str) -> date:
    with suppress(ValueError):
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", given):
            return date.fromisoformat(given)
    raise ValueError("A date, as in 2026-01-01.")


BOOLEAN = Kind(choice({"true": True, "false": False}).read, {"type": "boolean"})
INSTANT = Kind(_instant, {"type": "string", "format": "date-time"})
DATE = Kind(_date, {"type": "string", "format": "date"})
UUID_ = Kind(_uuid, {"type": "string", "format": "uuid"})
