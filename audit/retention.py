"""Retention: whole months whose time is up are dropped, and a signed statement says so for ever.

The leaves stay, so that the tree can still be computed; of the events nothing but their hash is left. A month goes
only if each of its events is sealed and is what was sealed: what has been tampered with is evidence.
"""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import accumulate

import structlog
from django.conf import settings
from django.db import connection, transaction

from audit.cursors import in_batches, settle
from audit.keys import signer
from audit.leaves import COLUMNS, hash_of
from audit.models import Purge
from audit.purges import statement
from audit.sealing import try_lock
from audit.services import record

log = structlog.get_logger(__name__)

MONTHS_AHEAD = 3
# Who waits for a table's lock is waited for by all who come after: rather try again in an hour.
IMPATIENT = "SET LOCAL lock_timeout = '200ms'"


class RetentionError(Exception):
    """A month that must not go, because its events aren't all sealed as they are."""


def ensure_partitions() -> None:
    """See to it that this month, the next, and each that has events without one, has a partition."""
    this = datetime.now(UTC).date().replace(day=1)
    ahead = list(accumulate(range(MONTHS_AHEAD), lambda month, _: _next(month), initial=this))
    for month in [*_months_without_partition(this), *ahead]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(IMPATIENT)
            if try_lock():
                cursor.execute("SELECT audit_add_partition(%s)", [month])


def _months_without_partition(before: date) -> list[date]:
    """Of what a clock that was off has left in the nameless partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT date_trunc('month', uuid_extract_timestamp(id) AT TIME ZONE 'UTC')::date "
            "FROM audit_event_other WHERE id < audit_first_id(%s) AND uuid_extract_version(id) = 7",
            [before],
        )
        return [month for (month,) in cursor.fetchall()]


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
