"""What an event's leaf is made of: one JSON text of all its columns, hashed as RFC 9162 says.

Whoever verifies a leaf hashes this text as it is, and reads the event from it: no canonical form is needed. The three
JSON columns stand in it as PostgreSQL writes them, so that no number is rounded on the way.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from audit.merkle import leaf_hash

VERSION = 1
# In this order for ever, because the text is hashed; the order of what the API shows is its own.
PLAIN = (
    "id",
    "transaction_id",
    "occurred_at",
    "actor",
    "owner_id",
    "request_id",
    "address",
    "user_agent",
    "action",
    "object_type",
    "object_id",
    "outcome",
)
JSON = ("changes", "commitments", "detail")
FIELDS = (*PLAIN, *JSON)
# An event as `COLUMNS` gives it, and where in it what is.
Values = Sequence[str | None]
ID, TRANSACTION, TIME, ACTOR, ACTION = map(FIELDS.index, ("id", "transaction_id", "occurred_at", "actor", "action"))
# As texts, which hold whatever a column can: an instant of the year 20000, an infinite one.
COLUMNS = ", ".join(
    # An era has to be asked for: without it two instants have the same text.
    "to_char(event.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    " || CASE WHEN event.occurred_at < '0001-01-01 00:00Z' THEN ' BC' ELSE '' END"
    if name == "occurred_at"
    else f"event.{name}::text"
    for name in FIELDS
)


def instant_text(instant: datetime) -> str:
    """An instant in UTC as `COLUMNS` writes it."""
    return f"{instant.isoformat(timespec='microseconds')[:-6]}Z"


def leaf_text(values: Values) -> str:
    """The leaf of an event, given its `COLUMNS`."""
    members: dict[str, Any] = {"version": VERSION, **dict(zip(PLAIN, values, strict=False))}
    plain = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    rest = ",".join(f'"{name}":{text}' for name, text in zip(JSON, values[len(PLAIN) :], strict=True))
    return f"{plain[:-1]},{rest}}}"


def hash_of(values: Values) -> bytes:
    """The leaf hash of an event, given its `COLUMNS`."""
    return leaf_hash(leaf_text(values).encode())
