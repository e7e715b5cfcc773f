"""The guards of the record: each is changed once, as the tables' owner, and named."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections

from audit.guards import LISTING, differences
from audit.retention import ensure_partitions
from config.embedded.programs import program

pytestmark = pytest.mark.django_db

MONTH = f"audit_event_{datetime.now(UTC):%Y_%m}"
# Bounds that aren't the month's: all ids of a year long past.
ELSEWHERE = "FROM ('00000000-0000-0000-0000-000000000000') TO ('00757b12-c000-0000-0000-000000000000')"


def change(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def messages() -> list[str]:
    return [difference.message for difference in differences()]


def test_the_listing_is_what_the_migrations_make() -> None:
    output = StringIO()
    call_command("audit_guards", stdout=output)

    renew = "read the difference, and renew it: manage.py migrate && manage.py audit_guards > audit/guards.txt"
    assert output.getvalue().splitlines() == LISTING.read_text().splitlines(), renew


def test_an_untouched_database_has_every_guard() -> None:
    change("SET TRANSACTION READ ONLY")

    assert differences() == []


def test_months_that_come_and_go_make_no_difference() -> None:
    change("SELECT audit_add_partition('1970-01-01'), audit_add_partition('2019-12-01')", f"DROP TABLE {MONTH}")
    assert differences() == []

    ensure_partitions()
    assert differences() == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER TABLE audit_leaf SET UNLOGGED",
         "The table audit_leaf was changed. It is: plain, unlogged; it should be: plain, permanent"),
        ("ALTER TABLE audit_saltkey DISABLE ROW LEVEL SECURITY",
         "The row-level security of audit_saltkey was changed. It is: disabled; it should be: enabled"),
        ("ALTER TABLE audit_leaf ENABLE ROW LEVEL SECURITY",
         "The row-level security of audit_leaf was changed. It is: enabled; it should be: disabled"),
        ("ALTER TABLE audit_event FORCE ROW LEVEL SECURITY",
         "The row-level security of audit_event was changed. It is: enabled, forced; it should be: enabled"),
        ("ALTER TABLE audit_leaf ALTER hash DROP NOT NULL",
         "The column hash of audit_leaf was changed. It is: bytea; it should be: bytea, not null"),
        ("ALTER TABLE audit_leaf ALTER hash DROP NOT NULL; ALTER TABLE audit_leaf ADD NOT NULL hash NOT VALID",
         "The column hash of audit_leaf was changed. It is: bytea, not null, not validated; it should"),
        ("ALTER TABLE audit_leaf ALTER hash TYPE text",
         "The column hash of audit_leaf was changed. It is: text, not null; it should be: bytea, not null"),
        ("ALTER TABLE audit_saltkey ALTER key SET DEFAULT '42'",
         r"The column key of audit_saltkey was changed. It is: bytea, not null, default '\x3432'::bytea; it should"),
        ("ALTER TABLE audit_node DROP hash; ALTER TABLE audit_node ADD hash bytea NOT NULL GENERATED ALWAYS AS ('')",
         r"The column hash of audit_node was changed. It is: bytea, not null, generated '\x'::bytea; it should"),
        ("ALTER TABLE audit_leaf ALTER index ADD GENERATED ALWAYS AS IDENTITY",
         "The column index of audit_leaf was changed. It is: bigint, not null, identity; it should"),
        ("ALTER TABLE audit_leaf DROP hash", "The column hash of audit_leaf is missing."),
        ("ALTER TABLE audit_leaf ADD note text", "The column note of audit_leaf isn't one of Daybook's: text"),
        ("ALTER TABLE audit_leaf DROP CONSTRAINT audit_leaf_pkey",
         "The constraint audit_leaf_pkey of audit_leaf is missing."),
        ("ALTER TABLE audit_event ADD CONSTRAINT quiet CHECK (actor <> 'me') NOT VALID",
         "The constraint quiet of audit_event isn't one of Daybook's: CHECK ((actor <> 'me'::text)) NOT VALID"),
        ("CREATE TABLE quiet () INHERITS (tasks_task)",
         "The child quiet of tasks_task isn't one of Daybook's: inherits"),
        ("CREATE TABLE quiet (LIKE tasks_task); ALTER TABLE tasks_task INHERIT quiet",
         "The child tasks_task of quiet isn't one of Daybook's: inherits"),
        (f"ALTER TABLE audit_event DETACH PARTITION {MONTH}",
         f"The child {MONTH} of audit_event is missing."),
        (f"ALTER TABLE audit_event DETACH PARTITION {MONTH}; "
         f"ALTER TABLE audit_event ATTACH PARTITION {MONTH} FOR VALUES {ELSEWHERE}",
         f"The child {MONTH} of audit_event was changed. It is: FOR VALUES {ELSEWHERE}; it should be: FOR VALUES FROM"),
        (f"CREATE TABLE quiet PARTITION OF audit_event FOR VALUES {ELSEWHERE}",
         f"The child quiet of audit_event isn't one of Daybook's: FOR VALUES {ELSEWHERE}"),
        ("ALTER TABLE audit_event DISABLE TRIGGER audit_append_only",
         "The trigger audit_append_only on audit_event was changed. It is: disabled, CREATE TRIGGER"),
        ("ALTER TABLE audit_leaf ENABLE TRIGGER audit_append_only",
         "The trigger audit_append_only on audit_leaf was changed. It is: not on replicas, CREATE TRIGGER"),
        ("ALTER TABLE tasks_task ENABLE REPLICA TRIGGER tasks_task_audited_update",
         "The trigger tasks_task_audited_update on tasks_task was changed. It is: on replicas only, CREATE TRIGGER"),
        ("DROP TRIGGER tasks_task_audited_update ON tasks_task",
         "The trigger tasks_task_audited_update on tasks_task is missing."),
        (f"DROP TRIGGER audit_append_only ON {MONTH}",
         f"The trigger audit_append_only on {MONTH} is missing."),
        ("CREATE OR REPLACE TRIGGER audit_append_only BEFORE DELETE ON audit_purge EXECUTE FUNCTION audit_refuse(); "
         "ALTER TABLE audit_purge ENABLE ALWAYS TRIGGER audit_append_only",
         "The trigger audit_append_only on audit_purge was changed. It is: always, CREATE TRIGGER"),
        ("CREATE TRIGGER quiet BEFORE INSERT ON audit_event EXECUTE FUNCTION suppress_redundant_updates_trigger()",
         "The function suppress_redundant_updates_trigger() isn't one"),
        ("CREATE TRIGGER quiet BEFORE INSERT ON auth_group EXECUTE FUNCTION audit_refuse()",
         "The trigger quiet on auth_group isn't one of Daybook's: not on replicas, CREATE TRIGGER quiet"),
        ("CREATE RULE quiet AS ON UPDATE TO tasks_task DO INSTEAD NOTHING",
         "The rule quiet on tasks_task isn't one of Daybook's: CREATE RULE"),
        ("DROP POLICY audit_event_isolated ON audit_event",
         "The policy audit_event_isolated on audit_event is missing."),
        ("ALTER POLICY audit_event_isolated ON audit_event USING (true)",
         "The policy audit_event_isolated on audit_event was changed. It is: permissive for SELECT to {daybook_app} "
         "using true; it should"),
        ("ALTER POLICY audit_event_isolated ON audit_event TO PUBLIC",
         "The policy audit_event_isolated on audit_event was changed. It is: permissive for SELECT to {-} using"),
        ("CREATE POLICY quiet ON audit_leaf AS RESTRICTIVE FOR INSERT WITH CHECK (false)",
         "The policy quiet on audit_leaf isn't one of Daybook's: restrictive for a to {-} with check false"),
        ("CREATE POLICY quiet ON audit_leaf USING (true)",
         "The policy quiet on audit_leaf isn't one of Daybook's: permissive for ALL to {-} using true"),
        ("CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
         "The function audit_refuse() was changed. It is: (), returns trigger, plpgsql, volatile, sha256 "),
        ("CREATE OR REPLACE FUNCTION audit_actor() RETURNS text LANGUAGE sql STABLE RETURN 'nobody'",
         "The function audit_actor() was changed. It is: (), returns text, sql, stable, sha256 "),
        ("ALTER FUNCTION audit_new_key STABLE",
         "The function audit_new_key() was changed. It is: (), returns bytea, sql, stable, sha256 "),
        ("ALTER FUNCTION audit_first_id STRICT",
         "The function audit_first_id(date) was changed. It is: (month date), returns uuid, sql, immutable, strict, "),
        ("ALTER FUNCTION audit_write SECURITY INVOKER",
         "The function audit_write() was changed. It is: (), returns trigger, plpgsql, volatile, search_path="),
        ("ALTER FUNCTION audit_refuse SET search_path = quiet",
         "The function audit_refuse() was changed. It is: (), returns trigger, plpgsql, volatile, search_path=quiet, "),
        ("GRANT INSERT ON audit_event TO daybook_app",
         "The grant on audit_event to daybook_app was changed. It is: INSERT, SELECT; it should be: SELECT"),
        ("REVOKE SELECT ON audit_event FROM daybook_auditor",
         "The grant on audit_event to daybook_auditor is missing."),
        (f"GRANT SELECT ON {MONTH} TO PUBLIC",
         f"The grant on {MONTH} to PUBLIC isn't one of Daybook's: SELECT"),
        ("GRANT SELECT (event_id) ON audit_leaf TO daybook_app",
         "The grant on audit_leaf (event_id) to daybook_app isn't one of Daybook's: SELECT"),
        ("CREATE ROLE quiet; GRANT SELECT, TRIGGER ON audit_event TO quiet WITH GRANT OPTION",
         "The grant on audit_event to quiet isn't one of Daybook's: TRIGGER with grant option"),
        ("GRANT EXECUTE ON FUNCTION audit_write TO PUBLIC",
         "The grant on audit_write() to PUBLIC isn't one of Daybook's: EXECUTE"),
        ("GRANT CREATE ON SCHEMA public TO daybook_app; ALTER TABLE audit_purge OWNER TO daybook_app",
         "The grant on audit_purge to daybook_app isn't one of Daybook's: DELETE, INSERT, "),
    ],
)  # fmt: skip
def test_a_guard_that_was_changed_is_named(statement: str, told: str) -> None:
    change(statement)

    named = messages()
    assert named[0].startswith(told)


def test_a_trigger_that_calls_another_function_under_the_same_name_is_named() -> None:
    change(
        "CREATE SCHEMA quiet",
        "CREATE FUNCTION quiet.audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint "
        "EXECUTE FUNCTION quiet.audit_refuse()",
        "ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_append_only",
    )

    function, grant, trigger = messages()
    assert function.startswith("The function quiet.audit_refuse() isn't one of Daybook's: ")
    assert grant == "The grant on quiet.audit_refuse() to PUBLIC isn't one of Daybook's: EXECUTE"
    assert "EXECUTE FUNCTION quiet.audit_refuse(); it should be" in trigger


def test_a_view_in_the_place_of_the_table_is_named() -> None:
    change("ALTER TABLE audit_event RENAME TO quiet", "CREATE VIEW audit_event AS SELECT * FROM quiet")

    told = "The table audit_event was changed. It is: a view, permanent; it should be: partitioned by RANGE (id), "
    assert any(difference.fatal and difference.message.startswith(told) for difference in differences())


def test_a_table_in_the_place_of_an_audited_one_is_named() -> None:
    change("ALTER TABLE auth_group RENAME TO quiet", "CREATE TABLE auth_group AS TABLE quiet")

    assert {
        "The table auth_group is missing.",
        "The table quiet isn't one of Daybook's: plain, permanent",
        "The trigger auth_group_audited_insert on auth_group is missing.",
    } <= {*messages()}


@pytest.mark.parametrize(
    ("statement", "fatal"),
    [
        ("DROP TABLE audit_leaf", True),
        ("ALTER TABLE audit_leaf ALTER hash TYPE text", True),
        ("ALTER TABLE audit_leaf DROP hash", True),
        ("ALTER TABLE audit_leaf ADD note text", False),
        ("CREATE TABLE audit_quiet ()", False),
        ("DROP TABLE tasks_task CASCADE", False),
        ("DROP TRIGGER audit_append_only ON audit_leaf", False),
    ],
)
def test_only_a_record_that_cannot_be_read_is_fatal(statement: str, fatal: bool) -> None:
    change(statement)

    found = differences()
    assert found and any(difference.fatal for difference in found) == fatal


def test_a_catalogue_of_somebody_elses_making_is_not_asked() -> None:
    change(
        "CREATE SCHEMA quiet",
        "CREATE VIEW quiet.pg_trigger AS SELECT * FROM pg_catalog.pg_trigger WHERE tgenabled = 'A'",
        "CREATE FUNCTION quiet.never(oid, oid) RETURNS boolean LANGUAGE sql RETURN false",
        "CREATE OPERATOR quiet.= (FUNCTION = quiet.never, LEFTARG = oid, RIGHTARG = oid)",
        "SET LOCAL search_path = quiet, pg_catalog, public",
    )
    assert differences() == []

    change("SET LOCAL search_path = quiet, pg_catalog, public", "ALTER TABLE audit_leaf DISABLE TRIGGER ALL")
    assert messages()[0].startswith("The trigger audit_append_only on audit_leaf was changed. It is: disabled")


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_the_settings_make_no_difference_either() -> None:
    change("SET search_path = pg_catalog")
    try:
        assert differences() == []
    finally:
        change("RESET search_path")


def test_who_only_reads_is_no_difference() -> None:
    change("CREATE ROLE reader", "GRANT SELECT ON audit_event, audit_leaf TO reader")

    assert differences() == []


@pytest.fixture
def restored() -> Iterator[None]:
    """Instead of the database its copy, as a backup brings it back."""
    original: Any = connections["default"]
    copy: Any = original.copy()
    copy.settings_dict = original.settings_dict | {"NAME": f"{original.settings_dict['NAME']}_restored"}
    name, parameters = copy.settings_dict["NAME"], original.get_connection_params()
    server = ["--host", parameters["host"], "--port", str(parameters["port"]), "--username", parameters["user"]]
    dump = [program("pg_dump"), *server, "--format=custom", original.settings_dict["NAME"]]
    restore = [program("pg_restore"), *server, "--no-owner", "--no-comments", "--exit-on-error", "--dbname", name]
    with original._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            with subprocess.Popen(dump, stdout=subprocess.PIPE) as dumping:
                subprocess.run(restore, stdin=dumping.stdout, check=True)
            connections["default"] = copy
            yield
        finally:
            copy.close()
            connections["default"] = original
            cursor.execute(f"DROP DATABASE {name}")


@pytest.mark.slow
@pytest.mark.usefixtures("restored")
def test_a_backup_that_was_restored_has_every_guard() -> None:
    assert differences() == []

    change("ALTER TABLE audit_event DISABLE TRIGGER audit_append_only")
    assert len(differences()) == 1
