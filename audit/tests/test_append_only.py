"""What can't be done to the record, whoever tries and however."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from psycopg.errors import Error, InsufficientPrivilege, RestrictViolation

from accounts.identity import AUDITOR_ROLE
from accounts.identity import ROLE as APP_ROLE
from accounts.models import User
from audit.models import Event
from config.embedded.cluster import ROLE, SUPERUSER

# A column of each table that is append-only.
GUARDED = {
    "audit_event": "id",
    "audit_leaf": "index",
    "audit_node": "level",
    "audit_checkpoint": "size",
    "audit_purge": "month",
}
PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_event'::regclass"


@contextmanager
def superuser(replication_role: str = "origin") -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own, on which `session_replication_role` can be set."""
    parameters = connection.get_connection_params() | {"user": SUPERUSER, "cursor_factory": psycopg.ClientCursor}
    with psycopg.connect(**parameters) as database:
        database.execute(f"SET session_replication_role = {replication_role}; SET lock_timeout = '10s'")
        yield database
        database.rollback()


def attempts(database: psycopg.Connection[Any]) -> Iterator[str]:
    """Each way to change what is there, for each table and each month's partition by its own name."""
    partitions = [name for (name,) in database.execute(PARTITIONS)]
    assert len(partitions) >= 4, "this month, the next two, and the rest"
    for table, column in [*GUARDED.items(), *((name, "id") for name in partitions)]:
        yield f'UPDATE {table} SET "{column}" = "{column}"'
        yield f"DELETE FROM {table}"
        yield f"DELETE FROM ONLY {table} WHERE false"
        yield f"TRUNCATE {table}"
        yield f"MERGE INTO {table} USING tasks_task ON false WHEN MATCHED THEN DELETE"


@pytest.mark.django_db
@pytest.mark.parametrize("replication_role", ["origin", "replica"])
@pytest.mark.parametrize(
    ("role", "refusal"),
    [
        (SUPERUSER, RestrictViolation),
        (ROLE, RestrictViolation),
        (APP_ROLE, InsufficientPrivilege),
        (AUDITOR_ROLE, InsufficientPrivilege),
    ],
)
def test_the_record_is_append_only_for_every_role(role: str, refusal: type[Error], replication_role: str) -> None:
    with superuser(replication_role) as database:
        database.execute(f"SET ROLE {role}")
        database.commit()
        for attempt in [*attempts(database)]:
            with pytest.raises(refusal), database.transaction():
                database.execute(attempt)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'somebody else'",
        "DELETE FROM audit_event WHERE false",
        "TRUNCATE audit_event, tasks_task",
        "INSERT INTO audit_event SELECT * FROM audit_event ON CONFLICT (id) DO UPDATE SET actor = 'somebody else'",
    ],
)
def test_what_is_on_record_stays_as_it_was(statement: str, owner: User) -> None:
    before = list(Event.objects.values())

    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert list(Event.objects.values()) == before != []


@pytest.mark.django_db
def test_writes_are_on_record_even_where_a_replica_skips_its_triggers() -> None:
    with superuser("replica") as database:
        database.execute("INSERT INTO auth_group (name) VALUES ('Nurses')")
        database.execute("UPDATE auth_group SET name = 'Doctors'")
        database.execute("DELETE FROM auth_group")
        database.execute("TRUNCATE auth_group CASCADE")
        actions = database.execute("SELECT action FROM audit_event WHERE object_type = 'group' ORDER BY id").fetchall()

    assert [action for (action,) in actions] == ["group.created", "group.updated", "group.deleted", "group.truncated"]


@pytest.mark.django_db
def test_no_trigger_of_the_record_is_one_that_a_replica_skips() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname ~ 'audited|append_only' AND tgenabled <> 'A'")
        assert cursor.fetchall() == []
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname ~ 'audited_(insert|update|delete|truncate)$'")
        assert cursor.fetchone() == (4 * 10,)
