"""UUIDv7 (RFC 9562): the first 48 bits are milliseconds since 1970, so the key says when an event was written."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = 253_402_300_799_000  # the year 9999, where datetime ends


def first_id(instant: datetime) -> UUID:
    """The lowest id that an event from this instant on can have."""
    return UUID(int=(instant - EPOCH) // timedelta(milliseconds=1) << 80)


def made_at(event_id: str) -> datetime:
    """The instant in an id, to the millisecond; the latest that there is for one beyond."""
    return EPOCH + timedelta(milliseconds=min(int(event_id.replace("-", "")[:12], 16), LATEST))
