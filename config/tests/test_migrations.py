"""From the schema that was released first to today's, with what was on record then."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.slow

NAME = "test_carried_over"
MIGRATE = """
import sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from django.core.management import call_command
for target in sys.argv[2:]:
    call_command("migrate", *target.split(), verbosity=0)
if not sys.argv[2:]:
    call_command("migrate", verbosity=0)
    call_command("check", databases=["default"])
    call_command("seal_audit")
    call_command("verify_audit")
"""
FIRST = ("accounts 0001", "audit 0001", "tasks 0001", "knowledge 0001")
HAPPENED = """
INSERT INTO accounts_user (email, password, is_active, is_staff, is_superuser)
VALUES ('here@example.com', '', true, false, false), ('gone@example.com', '', true, false, false);
INSERT INTO tasks_task (owner_id, title, description, completed)
SELECT id, 'A title', '', false FROM accounts_user, generate_series(1, 100);
UPDATE tasks_task SET completed = true;
DELETE FROM tasks_task WHERE owner_id IN (SELECT id FROM accounts_user WHERE email ~ 'gone');
DELETE FROM accounts_user WHERE email ~ 'gone';
INSERT INTO tasks_task (owner_id, title, description, completed) SELECT id, 'Open', '', false FROM accounts_user;
SELECT audit_record('search.performed', 'search', '', '{"hits": 1}');
INSERT INTO audit_event (id, occurred_at, actor, request_id, address, action, object_type, object_id, changes)
VALUES ('019c167f-cbff-7000-8000-000000000000', '2026-02-01 00:00Z', 'x', '', '', 'thing.done', 'thing', '', '{}')
"""
# Of a read and a search what was told moved from `changes` to `detail`.
RECORD = """
SELECT id, transaction_id::text, occurred_at, actor, owner_id, request_id, address, action, object_type, object_id,
       outcome, {told}::text
FROM audit_event WHERE action <> 'key.erased' ORDER BY id
"""


# What tasks have got since: each a place of its own, and who was complete the moment of it, as far as it is known.
TASKS = """
SELECT count(DISTINCT position), count(completed_at), bool_and(completed_at = updated_at),
       bool_and(due = tasks_never()), min(version), max(version)
FROM tasks_task
"""


@pytest.fixture
def database(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """An empty one beside the tests' own."""
    parameters = connection.get_connection_params() | {"autocommit": True}
    parameters.pop("cursor_factory")
    with psycopg.connect(**parameters) as here:
        here.execute(f"DROP DATABASE IF EXISTS {NAME}")
        here.execute(f"CREATE DATABASE {NAME}")
        with psycopg.connect(**parameters | {"dbname": NAME}) as there:
            yield there
        here.execute(f"DROP DATABASE {NAME}")


def migrate(*targets: str) -> str:
    command = [sys.executable, "-c", MIGRATE, NAME, *targets]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_was_on_record_is_carried_over(database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    migrate(*FIRST)
    for statement in HAPPENED.split(";"):
        database.execute(statement)
    before = database.execute(RECORD.format(told="changes")).fetchall()

    printed = migrate()

    told = "CASE WHEN action = 'search.performed' THEN detail ELSE changes END"
    events = database.execute(RECORD.format(told=told)).fetchall()
    assert events == before
    assert len(events) == 2 + 200 + 200 + 100 + 1 + 1 + 1 + 1
    assert "The record is what was sealed." in printed
    kept = database.execute("SELECT email FROM audit_saltkey JOIN accounts_user ON id = owner_id").fetchall()
    assert kept == [("here@example.com",)]
    assert database.execute("SELECT count(*) FROM audit_saltkey").fetchone() == (1,)
    assert database.execute("SELECT count(*) FROM audit_event_other").fetchone() == (0,)
    assert database.execute(TASKS).fetchone() == (101, 100, True, True, 1, 1)


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
