"""Retention: whole months whose time is up are dropped, and a signed statement says so for ever.

The leaves stay, so that the tree can still be computed; of the events nothing but their hash is left. A month goes
only if each of its events is sealed and is what was sealed: what has been tampered with is evidence.
"""

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import structlog
from django.conf import settings
from django.db import connection, transaction

from audit.cursors import in_batches, settle
from audit.findings import Kind, Report
from audit.keys import signer
from audit.leaves import COLUMNS, hash_of
from audit.models import Purge
from audit.note import NoteError, Verifier, read_note
from audit.sealing import try_lock
from audit.services import record

log = structlog.get_logger(__name__)

MONTHS_AHEAD = 3
# Who waits for a table's lock is waited for by all who come after: rather try again in an hour.
IMPATIENT = "SET LOCAL lock_timeout = '200ms'"


class RetentionError(Exception):
    """A month that must not go, because its events aren't all sealed as they are."""


def ensure_partitions() -> None:
    """See to it that this month and the next have a partition. Months without one share the nameless one till then."""
    month = datetime.now(UTC).date().replace(day=1)
    for _ in range(1 + MONTHS_AHEAD):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(IMPATIENT)
            cursor.execute("SELECT audit_add_partition(%s)", [month])
        month = _next(month)


def purge() -> list[str]:
    """Drop each month that ended more than `AUDIT_RETENTION_DAYS` ago; which, as `YYYY-MM`.

    Raises `RetentionError`, when the others are done, for months with an event that isn't sealed, or isn't what was.
    """
    expired = datetime.now(UTC).date() - timedelta(days=settings.AUDIT_RETENTION_DAYS)
    purged, refused = [], []
    for month in months_kept():
        if _next(month) <= expired:
            try:
                purged += [f"{month:%Y-%m}"] if _purge(month) else []
            except RetentionError as exc:
                refused.append(str(exc))
    if refused:
        raise RetentionError(" ".join(refused))
    return purged


def months_kept() -> list[date]:
    """The months that have a partition, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_date(substr(relname, 13), 'YYYY_MM') FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE inhparent = 'audit_event'::regclass AND relname ~ '^audit_event_[0-9]{4}_[0-9]{2}$' ORDER BY 1"
        )
        return [month for (month,) in cursor.fetchall()]


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


@transaction.atomic
def _purge(month: date) -> bool:
    settle()
    if not try_lock():
        return False
    name = f"{month:%Y-%m}"
    count, digest = _seal_of(month)
    key = signer()
    note = key.sign(statement(key.verifier.name, name, count, digest))
    Purge.objects.create(month=month, note=note)
    record(action="audit.purged", object_type="audit", object_id=name, detail={"events": count, "note": note})
    with connection.cursor() as cursor:
        cursor.execute(IMPATIENT)
        cursor.execute(f"DROP TABLE {_table(month)}")
    log.info("audit_purged", month=name, events=count)
    return True


def _seal_of(month: date) -> tuple[int, bytes]:
    """How many events a month has, and SHA-256 over their leaf hashes in the tree's order, each of them verified."""
    count, digest = 0, sha256()
    rows_of_month = f"""
        SELECT leaf.hash, {COLUMNS}
        FROM {_table(month)} AS event LEFT JOIN audit_leaf AS leaf ON leaf.event_id = event.id
        ORDER BY leaf.index
    """  # noqa: S608 - of constants and a date
    for rows in in_batches(rows_of_month):
        for leaf, *values in rows:
            if leaf is None or hash_of(values) != leaf:
                raise RetentionError(f"{month:%Y-%m} isn't purged: the event {values[0]} isn't sealed as it is.")
            digest.update(leaf)
            count += 1
    with connection.cursor() as cursor:
        bounds = "event_id >= audit_first_id(%s) AND event_id < audit_first_id(%s)"
        cursor.execute(f"SELECT count(*) FROM audit_leaf WHERE {bounds}", [month, _next(month)])  # noqa: S608
        (sealed,) = cursor.fetchone()
    if sealed != count:
        raise RetentionError(f"{month:%Y-%m} isn't purged: {sealed} of its events were sealed, and {count} are there.")
    return count, digest.digest()


def _table(month: date) -> str:
    return f"audit_event_{month:%Y_%m}"


def statement(origin: str, month: str, count: int, digest: bytes) -> str:
    """What is signed of a purge: origin, month, number of events, SHA-256 over their leaf hashes in order."""
    return f"{origin} purge\n{month}\n{count}\n{b64encode(digest).decode()}\n"


class Purges:
    """The purges on record, and during a verification what is missing of each purged month."""

    def __init__(self, verifiers: Iterable[Verifier], report: Report) -> None:
        self.report = report
        self.signed: dict[str, str] = {}
        self.missing = {}
        known = list(verifiers)
        for month, note in Purge.objects.values_list("month", "note"):
            name = f"{month:%Y-%m}"
            try:
                self.signed[name] = read_note(note, known)
            except NoteError as exc:
                report.add(Kind.PURGE_INVALID, f"The purge of {name}: {exc}")
            else:
                self.missing[name] = (0, sha256())

    def __contains__(self, month: str) -> bool:
        return month in self.signed

    def count(self, month: str, leaf: bytes) -> None:
        """A leaf of the month has no event."""
        count, digest = self.missing[month]
        digest.update(leaf)
        self.missing[month] = count + 1, digest

    def close(self) -> None:
        """After the last leaf: is what is missing exactly what was purged?"""
        for month, text in self.signed.items():
            count, digest = self.missing[month]
            self.report.purged += count
            if text != statement(text.partition(" purge\n")[0], month, count, digest.digest()):
                told = f"What is missing of {month}, {count} events, isn't what the purge was signed for."
                self.report.add(Kind.PURGE_INVALID, told)
