"""What the admin tells about the record: whether it is sealed, how far back it goes, what has been going on."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.timesince import timesince

from audit.ids import first_id
from audit.keys import verifiers
from audit.models import Checkpoint, Event, Purge
from audit.note import NoteError, read_note
from audit.sealing import obstacle, window
from audit.seals import Seal

# Counting stops here, so that a page about a sealer that stands still doesn't count all that it left.
MANY = 10_000
# The actions that can be chosen from are those of as many events, the latest.
RECENT = 10_000
# How long a round of sealing may take, until an event that waits for it means that something is wrong.
PATIENCE = timedelta(minutes=1)

# The page's own transaction is the newest there is: an older cluster's ids, which may be higher, are left out.
UNSEALED = """
    SELECT count(*), clock_timestamp() - min(occurred_at)
    FROM (
        SELECT occurred_at FROM audit_event AS event
        WHERE transaction_id >= %s::text::xid8 AND transaction_id <= pg_current_xact_id()
          AND NOT EXISTS (SELECT FROM audit_leaf WHERE audit_leaf.event_id = event.id)
        ORDER BY transaction_id
        LIMIT %s
    ) AS waiting
"""
ACTIVITY = """
    SELECT action, date_bin(%s, uuid_extract_timestamp(id), %s) AS step, count(*)
    FROM audit_event WHERE id >= %s AND id < %s
    GROUP BY action, step
"""
ACTIONS = """
    SELECT DISTINCT action FROM (SELECT action FROM audit_event ORDER BY id DESC LIMIT %s) AS latest ORDER BY action
"""


@dataclass(frozen=True)
class SealState:
    """How the record is sealed.

    note: the last checkpoint as it is stored; empty if there is none.
    seal: what it says, if it is signed by a known key. fault: why it isn't.
    unsealed: how many events wait to be sealed, counted up to `MANY` + 1. lag: the age of the oldest.
    """

    note: str = ""
    seal: Seal | None = None
    fault: str = ""
    unsealed: int = 0
    lag: timedelta = timedelta()

    @property
    def word(self) -> str:
        """`sealed`, `behind`, `unsealed` (no checkpoint yet) or `broken`."""
        if self.fault:
            return "broken"
        if self.seal is None:
            return "unsealed"
        return "behind" if self.lag > PATIENCE + timedelta(seconds=settings.AUDIT_SEAL_SECONDS) else "sealed"

    @property
    def root(self) -> str:
        """The tree's, in base64 as in the note."""
        return b64encode(self.seal.checkpoint.root).decode() if self.seal else ""

    @property
    def waiting(self) -> str:
        """`unsealed` in words."""
        return f"more than {MANY:,}" if self.unsealed > MANY else f"{self.unsealed:,}"

    @property
    def age(self) -> str:
        """`lag` in words."""
        seconds = int(self.lag.total_seconds())
        return f"{seconds} s" if seconds < 120 else timesince(timezone.now() - self.lag)


def seal_state() -> SealState:
    """As it is now: whether the last checkpoint is signed by a known key, and is of the tree that is stored."""
    stored = Checkpoint.objects.order_by("-size").first()
    if stored is None:
        return SealState("", None, "", *_unsealed(0))
    try:
        seal = Seal.parse(read_note(stored.note, verifiers()))
    except NoteError as exc:
        return SealState(stored.note, fault=str(exc))
    if fault := obstacle():
        return SealState(stored.note, fault=fault)
    # Where transactions are counted anew, after a restore, the last seal's number says nothing.
    start = seal.window.horizon if seal.window.cluster == window().cluster else 0
    return SealState(stored.note, seal, "", *_unsealed(start))


def _unsealed(horizon: int) -> tuple[int, timedelta]:
    with connection.cursor() as cursor:
        cursor.execute(UNSEALED, [str(horizon), MANY + 1])
        count, lag = cursor.fetchone()
    return count, lag or timedelta()


@dataclass(frozen=True)
class Retention:
    """How far back the record goes. oldest: when its first event was; purged: the months that are gone, in order."""

    oldest: datetime | None
    purged: Sequence[str]


def retention() -> Retention:
    """By the key, whose first row any table has at hand."""
    oldest = Event.objects.order_by("pk").values_list("occurred_at", flat=True).first()
    months = Purge.objects.order_by("month").values_list("month", flat=True)
    return Retention(oldest, [f"{month:%Y-%m}" for month in months])


@dataclass(frozen=True)
class Period:
    """A stretch of time up to now, and how it is cut: into steps, of which those that start a tick are labelled.

    form: the label, as `strftime()` takes it.
    """

    name: str
    length: timedelta
    step: timedelta
    tick: timedelta
    form: str

    def starts(self, now: datetime) -> list[datetime]:
        """Of each step, in UTC; the last is the one that `now` is in."""
        last = _floor(now, self.step)
        count = self.length // self.step
        return [last - self.step * ago for ago in reversed(range(count))]

    def label(self, start: datetime) -> str:
        """Of a step; empty for most."""
        return start.strftime(self.form) if start == _floor(start, self.tick) else ""


PERIODS: Mapping[str, Period] = {
    "24h": Period("24 hours", timedelta(hours=24), timedelta(hours=1), timedelta(hours=3), "%H:%M"),
    "7d": Period("7 days", timedelta(days=7), timedelta(hours=6), timedelta(days=1), "%a %d %b"),
    "30d": Period("30 days", timedelta(days=30), timedelta(days=1), timedelta(days=5), "%d %b"),
}


def _floor(instant: datetime, unit: timedelta) -> datetime:
    seconds = unit.total_seconds()
    return datetime.fromtimestamp(instant.timestamp() // seconds * seconds, UTC)


def activity(period: Period, starts: Sequence[datetime]) -> dict[str, list[int]]:
    """Action → number of events in each step."""
    place = {start: number for number, start in enumerate(starts)}
    bounds = [first_id(starts[0]), first_id(starts[-1] + period.step)]
    counts: dict[str, list[int]] = {}
    arguments: list[Any] = [period.step, starts[0], *bounds]
    with connection.cursor() as cursor:
        cursor.execute(ACTIVITY, arguments)
        for action, start, count in cursor.fetchall():
            counts.setdefault(action, [0] * len(starts))[place[start]] = count
    return counts


def recent_actions() -> list[str]:
    """What to choose from: a DISTINCT over the whole record would read all of it."""
    with connection.cursor() as cursor:
        cursor.execute(ACTIONS, [RECENT])
        return [action for (action,) in cursor.fetchall()]
