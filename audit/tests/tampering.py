"""What only the tables' owner can do to the record: anything."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection

from audit.keys import verifiers
from audit.models import Leaf
from audit.retention import ensure_partitions, months_kept
from audit.verification import verify

GUARDED = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'audit_append_only'"


@contextmanager
def another_connection() -> Iterator[psycopg.Connection[Any]]:
    """Somebody else at the tests' database, whose transaction is committed at the end."""
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory")
    with psycopg.connect(**parameters) as other:
        yield other


@contextmanager
def unguarded() -> Iterator[Any]:
    """A cursor for which nothing is append-only."""
    with connection.cursor() as cursor:
        cursor.execute(GUARDED)
        tables = [table for (table,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER audit_append_only")
        yield cursor
        cursor.execute(GUARDED)
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_append_only")


def tamper(*statements: str, parameters: Sequence[Any] = ()) -> None:
    """Run statements as the owner, past every guard. Each takes the same parameters, or none."""
    with unguarded() as cursor:
        for statement in statements:
            cursor.execute(statement, parameters if "%s" in statement else None)


def only_months_to_come() -> None:
    """What a test has put into the past goes, partitions and all."""
    ensure_partitions()
    past = [month for month in months_kept() if month < datetime.now(UTC).date().replace(day=1)]
    tamper(*(f"DROP TABLE audit_event_{month:%Y_%m}" for month in past))


def found(*given: tuple[str, str]) -> set[str]:
    """The kinds of what a verification finds."""
    return set(verify(given=given, verifiers=verifiers()).found)


def event_at(index: int) -> str:
    """The id of the event that a leaf is about."""
    return str(Leaf.objects.values_list("event_id", flat=True).get(index=index))
