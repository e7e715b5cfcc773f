"""A wall that is missing, in a model or in the live database, fails a system check with an id of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import connection, connections, models, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import isolate_apps

from accounts.checks import UNAUDITED, check_models
from accounts.database_checks import PUBLISHED, WITHHELD, check_databases
from accounts.models import User
from accounts.ownership import Isolated, Owned, OwnedReference
from audit.triggers import Audited
from config.embedded.cluster import SUPERUSER
from tasks.models import Task

Refusals = list[tuple[str, Any]]
AUDITED = Audited(name="audited", noun="thing")
MINE = "(SELECT nullif(current_setting('daybook.user_id', true), '')::uuid)"


def of_models(*made: type[models.Model]) -> Refusals:
    """What the checks say of throw-away models."""
    errors = check_models(app_configs=list(made[0]._meta.apps.get_app_configs()))
    return [(str(error.id), error.obj) for error in errors]


def of_database(alias: str = "default") -> Refusals:
    return [(str(error.id), error.obj) for error in check_databases(databases=[alias])]


@pytest.mark.django_db
def test_the_house_as_it_stands_passes() -> None:
    """A new model, table, policy or right that breaks a rule fails here."""
    assert run_checks(databases=["default"]) == []


@pytest.mark.django_db
def test_a_declared_exception_is_about_something_that_exists() -> None:
    assert {*PUBLISHED, *WITHHELD} <= set(connection.introspection.table_names())
    assert all(apps.get_model(label) for label in UNAUDITED)


@isolate_apps("tasks")
def test_a_model_with_an_owner_and_no_row_level_security_is_refused() -> None:
    class Bare(models.Model):  # noqa: DJ008
        owner = models.ForeignKey(User, models.CASCADE)

        class Meta:
            app_label = "tasks"
            constraints = [AUDITED]

    class Forgetful(Owned):
        class Meta:
            app_label = "tasks"
            constraints = [AUDITED]  # without Owned's

    assert of_models(Bare) == [("accounts.E003", Bare), ("accounts.E003", Forgetful)]


@isolate_apps("tasks")
def test_a_reference_that_leaves_the_owner_out_is_refused() -> None:
    class Comment(Owned):
        task = models.ForeignKey(Task, models.DO_NOTHING, db_constraint=False)
        checked_twice = models.ForeignKey(Task, models.DO_NOTHING)
        bound = models.ForeignKey(Task, models.DO_NOTHING, db_constraint=False)

        class Meta:
            app_label = "tasks"
            constraints = [
                *Owned.Meta.constraints,
                AUDITED,
                OwnedReference(name="twice", field="checked_twice"),
                OwnedReference(name="bound", field="bound"),
            ]

    fields = [Comment._meta.get_field(name) for name in ("task", "checked_twice")]
    assert of_models(Comment) == [("accounts.E004", field) for field in fields]


@isolate_apps("tasks")
def test_a_join_table_that_nobody_declared_is_refused() -> None:
    class Project(Owned):
        tasks = models.ManyToManyField(Task)

        class Meta:
            app_label = "tasks"
            constraints = [*Owned.Meta.constraints, AUDITED]

    through = Project._meta.get_field("tasks").remote_field.through  # type: ignore[union-attr]
    assert of_models(Project) == [("accounts.E004", through._meta.get_field(name)) for name in ("project", "task")]


@isolate_apps("tasks")
def test_a_model_whose_writes_leave_no_event_is_refused() -> None:
    class Silent(models.Model):  # noqa: DJ008
        class Meta:
            app_label = "tasks"

    class Proxy(Silent):  # noqa: DJ008
        class Meta:
            app_label = "tasks"
            proxy = True

    assert of_models(Silent, Proxy) == [("accounts.E005", Silent)]


@isolate_apps("tasks")
def test_a_model_with_all_its_walls_passes() -> None:
    class Walled(models.Model):  # noqa: DJ008
        owner = models.ForeignKey(User, models.CASCADE)

        class Meta:
            app_label = "tasks"
            constraints = [Isolated(name="isolated"), AUDITED]

    assert of_models(Walled) == []


@pytest.mark.parametrize(
    ("statement", "refusals"),
    [
        ("ALTER ROLE daybook_app LOGIN", [("accounts.E007", "daybook_app")]),
        ("ALTER ROLE daybook_app CREATEDB", [("accounts.E007", "daybook_app")]),
        ("ALTER ROLE daybook_auditor CREATEROLE", [("accounts.E007", "daybook_auditor")]),
        ("CREATE ROLE clerk; GRANT clerk TO daybook_app", [("accounts.E008", "daybook_app")]),
        ("REVOKE daybook_app FROM CURRENT_USER", [("accounts.E010", "daybook_app")]),
        ("ALTER TABLE tasks_task DISABLE ROW LEVEL SECURITY", [("accounts.E011", "tasks_task")]),
        ("ALTER TABLE accounts_user DISABLE ROW LEVEL SECURITY", [("accounts.E011", "accounts_user")]),
        ("CREATE TABLE planted (owner_id uuid)", [("accounts.E011", "planted")]),
        ("CREATE TABLE planted (id int); GRANT DELETE ON planted TO daybook_app", [("accounts.E011", "planted")]),
        (
            "CREATE TABLE planted (id int); GRANT SELECT ON planted TO PUBLIC",
            [("accounts.E011", "planted"), ("accounts.E016", "planted")],
        ),
        ("GRANT SELECT (app) ON django_migrations TO daybook_app", [("accounts.E011", "django_migrations")]),
        ("GRANT SELECT (event_id) ON audit_leaf TO daybook_app", [("accounts.E011", "audit_leaf")]),
        ("GRANT UPDATE ON audit_node TO daybook_app", [("accounts.E011", "audit_node")]),
        ("GRANT SELECT ON audit_event_other TO daybook_app", [("accounts.E012", "audit_event_other")]),
        ("GRANT SELECT ON audit_saltkey TO daybook_app", [("accounts.E012", "audit_saltkey")]),
        (
            "CREATE VIEW planted AS SELECT * FROM tasks_task; GRANT SELECT ON planted TO daybook_app",
            [("accounts.E011", "planted")],
        ),
        ("DROP POLICY tasks_task_isolated ON tasks_task", [("accounts.E012", "tasks_task")]),
        ("DROP POLICY audit_event_isolated ON audit_event", [("accounts.E012", "audit_event")]),
        (
            "CREATE TABLE planted (owner_id uuid); ALTER TABLE planted ENABLE ROW LEVEL SECURITY",
            [("accounts.E012", "planted")],
        ),
        ("CREATE POLICY wide ON tasks_task TO daybook_app USING (true)", [("accounts.E012", "tasks_task")]),
        ("CREATE POLICY wide ON tasks_task FOR INSERT WITH CHECK (true)", [("accounts.E012", "tasks_task")]),
        (
            f"ALTER POLICY tasks_task_isolated ON tasks_task USING (owner_id = {MINE} OR completed)",
            [("accounts.E012", "tasks_task")],
        ),
        (
            f"ALTER POLICY tasks_task_isolated ON tasks_task USING (id = {MINE})",
            [("accounts.E012", "tasks_task")],
        ),
        ("ALTER POLICY tasks_task_isolated ON tasks_task TO daybook_auditor", [("accounts.E012", "tasks_task")]),
        ("GRANT TRUNCATE ON tasks_task TO daybook_app", [("accounts.E013", "tasks_task")]),
        ("GRANT REFERENCES (id) ON tasks_task TO daybook_app", [("accounts.E013", "tasks_task")]),
        (
            "ALTER TABLE tasks_task ADD COLUMN document_id uuid CONSTRAINT loose REFERENCES knowledge_knowledgedoc",
            [("accounts.E014", "loose")],
        ),
        (
            "ALTER TABLE knowledge_chunkvector DROP CONSTRAINT knowledge_chunkvector_document",
            [("accounts.E015", "knowledge_chunkvector_document")],
        ),
        (
            "ALTER TABLE knowledge_chunkvector ALTER CONSTRAINT knowledge_chunkvector_document NOT ENFORCED",
            [("accounts.E015", "knowledge_chunkvector_document")],
        ),
        ("GRANT SELECT ON django_session TO daybook_auditor", [("accounts.E016", "django_session")]),
        ("GRANT INSERT ON audit_event TO daybook_auditor", [("accounts.E016", "audit_event")]),
        # What narrows, or is nobody's business, is no error.
        ("CREATE POLICY narrow ON tasks_task AS RESTRICTIVE USING (true)", []),
        ("CREATE TABLE planted (id int)", []),
        ("REVOKE ALL ON tasks_task FROM daybook_app", []),
    ],
)
@pytest.mark.django_db
def test_a_wall_that_is_broken_in_the_live_database_is_named(statement: str, refusals: Refusals) -> None:
    connection.cursor().execute(statement)

    assert of_database() == refusals


@pytest.mark.django_db
def test_a_role_that_is_gone_is_named() -> None:
    connection.cursor().execute("ALTER ROLE daybook_app RENAME TO gone")

    refusals = of_database()

    assert ("accounts.E006", "daybook_app") in refusals


@pytest.fixture
def as_superuser() -> Iterator[str]:
    """The alias of a connection that may do everything, and leaves nothing behind."""
    wrapper = connection.copy("superuser")
    parameters = {**connection.get_connection_params(), "user": SUPERUSER}
    wrapper.get_connection_params = lambda: parameters  # type: ignore[method-assign]
    connections["superuser"] = wrapper
    with transaction.atomic("superuser"):
        yield "superuser"
        transaction.set_rollback(True, "superuser")
    wrapper.close()
    del connections["superuser"]


@pytest.mark.parametrize(
    ("statement", "refusals"),
    [
        ("ALTER ROLE daybook_app BYPASSRLS", [("accounts.E007", "daybook_app")]),
        ("ALTER ROLE daybook_app SUPERUSER", [("accounts.E007", "daybook_app")]),
        ("GRANT pg_read_all_data TO daybook_app", [("accounts.E008", "daybook_app")]),
        ("ALTER FUNCTION audit_actor() OWNER TO daybook_app", [("accounts.E009", "daybook_app")]),
    ],
)
@pytest.mark.django_db
def test_a_role_that_can_do_too_much_is_named(statement: str, refusals: Refusals, as_superuser: str) -> None:
    connections[as_superuser].cursor().execute(statement)

    assert set(refusals) <= set(of_database(as_superuser))


@pytest.mark.django_db
def test_a_database_that_is_not_migrated_is_not_judged() -> None:
    MigrationRecorder(connection).migration_qs.filter(app="tasks").delete()
    connection.cursor().execute("ALTER TABLE tasks_task DISABLE ROW LEVEL SECURITY")

    assert of_database() == []
