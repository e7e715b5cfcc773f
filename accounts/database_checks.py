"""System checks of the live database: the second wall stands there as the models declare it.

They run with `manage.py check --database default` and before `migrate`. While migrations are pending they say nothing:
what is missing may be what the next one brings.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from accounts.identity import AUDITOR_ROLE, ROLE
from accounts.ownership import Isolated, OwnedReference

# Columns that API requests may read without row-level security: they hold nobody's data.
PUBLISHED = {
    "audit_leaf": ["index", "hash"],  # which event a leaf seals isn't among them
    "audit_node": ["level", "position", "hash"],
    "audit_checkpoint": ["size", "note"],
}
# Tables with an owner that no API request is to read: only functions with their owner's rights do.
WITHHELD = ["audit_saltkey"]
# All that the auditors' role may read.
RECORD = ["audit_event", *PUBLISHED]

# In front of each query. A view or foreign table counts as a table; what an extension brings holds nobody's data.
RIGHTS = """
    WITH role AS (SELECT oid, rolname FROM pg_roles WHERE rolname IN (%(app)s, %(auditor)s)),
    tables AS (
        SELECT pg_class.oid, pg_class.oid::regclass::text AS name, relname, relrowsecurity AS secured,
               EXISTS (
                   SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'owner_id' AND NOT attisdropped
               ) AND NOT relispartition AND relname <> ALL (%(withheld)s::text[]) AS owned
        FROM pg_class
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
          AND NOT EXISTS (
              SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
          )
    ),
    rights AS (
        SELECT tables.*, rolname,
               has_any_column_privilege(role.oid, tables.oid, 'SELECT') AS readable,
               has_any_column_privilege(role.oid, tables.oid, 'INSERT, UPDATE')
                   OR has_table_privilege(role.oid, tables.oid, 'DELETE') AS writable,
               EXISTS (
                   SELECT FROM pg_attribute
                   WHERE attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
                     AND has_column_privilege(role.oid, tables.oid, attnum, 'SELECT')
                     AND NOT coalesce(%(published)s::jsonb -> relname ? attname, false)
               ) AS unpublished,
               has_table_privilege(role.oid, tables.oid, 'TRUNCATE, TRIGGER, MAINTAIN')
                   OR has_any_column_privilege(role.oid, tables.oid, 'REFERENCES') AS unpoliced
        FROM tables, role
    )
"""


@dataclass(frozen=True)
class Rule:
    """What must hold: `query` names, in its one column, everything for which it doesn't.

    It may use `rights`: what each of the two roles may do with each table.
    """

    id: str
    message: str
    hint: str
    query: str


RULES = [
    Rule(
        id="accounts.E006",
        message="The role of API requests, or the auditors', doesn't exist.",
        hint="The first migrations of audit make them; see CREATE ROLE there.",
        query="SELECT name FROM unnest(ARRAY[%(app)s, %(auditor)s]) AS name WHERE to_regrole(name) IS NULL",
    ),
    Rule(
        id="accounts.E007",
        message="The role has an attribute that it must not have.",
        hint="ALTER ROLE … NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION.",
        query="""
            SELECT rolname FROM pg_roles
            WHERE rolname IN (%(app)s, %(auditor)s)
              AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolreplication)
        """,
    ),
    Rule(
        id="accounts.E008",
        message="The role is a member of another, and has its rights, too.",
        hint="REVOKE the membership.",
        query="""
            SELECT member::regrole::text FROM pg_auth_members
            WHERE member IN (to_regrole(%(app)s), to_regrole(%(auditor)s))
        """,
    ),
    Rule(
        id="accounts.E009",
        message="The role owns something, and nothing keeps it from what it owns.",
        hint="REASSIGN OWNED BY … TO the role that migrates.",
        query="""
            SELECT DISTINCT refobjid::regrole::text FROM pg_shdepend
            WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o'
              AND refobjid IN (to_regrole(%(app)s), to_regrole(%(auditor)s))
              AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        """,
    ),
    Rule(
        id="accounts.E010",
        message="The connecting role may not become the role of API requests, or the auditors'.",
        hint="GRANT … TO the connecting role WITH INHERIT FALSE, SET TRUE.",
        query="""
            SELECT rolname FROM pg_roles
            WHERE rolname IN (%(app)s, %(auditor)s) AND NOT pg_has_role(session_user, oid, 'SET')
        """,
    ),
    Rule(
        id="accounts.E011",
        message="The table's rows have an owner, or API requests reach them, but it has no row-level security.",
        hint="Declare Isolated(…) in the model's Meta.constraints, or revoke the role's rights on the table.",
        query="""
            SELECT name FROM rights
            WHERE rolname = %(app)s AND NOT secured AND (owned OR unpublished OR writable)
        """,
    ),
    Rule(
        id="accounts.E012",
        message="The table's policies for API requests aren't the one equality of owner and user.",
        hint="Drop what was made by hand, and declare Isolated(…) in the model's Meta.constraints.",
        query="""
            SELECT name FROM rights
            WHERE rolname = %(app)s AND secured AND (owned OR readable OR writable) AND (
                SELECT bool_and(expression = format(%(equality)s, coalesce(%(owners)s::jsonb ->> relname, 'owner_id')))
                FROM pg_policy
                CROSS JOIN LATERAL (
                    VALUES (pg_get_expr(polqual, polrelid)), (pg_get_expr(polwithcheck, polrelid))
                ) AS condition (expression)
                WHERE polrelid = rights.oid AND polpermissive AND expression IS NOT NULL
                  AND polroles && ARRAY[0::oid, to_regrole(%(app)s)]
            ) IS NOT TRUE
        """,
    ),
    Rule(
        id="accounts.E013",
        message="API requests have a right on the table that row-level security doesn't apply to.",
        hint="REVOKE TRUNCATE, REFERENCES, TRIGGER, MAINTAIN.",
        query="SELECT DISTINCT name FROM rights WHERE unpoliced",
    ),
    Rule(
        id="accounts.E014",
        message="A foreign key between two tables whose rows have an owner leaves the owner out.",
        hint="Declare OwnedReference(…) in the model's Meta.constraints, and db_constraint=False in its field.",
        query="""
            SELECT conname::text
            FROM pg_constraint
            JOIN pg_attribute AS mine ON mine.attrelid = conrelid AND mine.attname = 'owner_id'
            JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attname = 'owner_id'
            WHERE contype = 'f' AND NOT EXISTS (
                SELECT FROM unnest(conkey, confkey) AS pair (mine, theirs)
                WHERE pair.mine = mine.attnum AND pair.theirs = theirs.attnum
            )
        """,
    ),
    Rule(
        id="accounts.E015",
        message="A foreign key that a model declares isn't in force.",
        hint="Add it again, as the migration that brought it does.",
        query="""
            SELECT name FROM unnest(%(references)s::text[]) AS name
            WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conname = name AND contype = 'f' AND conenforced)
        """,
    ),
    Rule(
        id="accounts.E016",
        message="The auditors' role has a right beyond reading the record.",
        hint="REVOKE it: staff reach everything else through the admin.",
        query="""
            SELECT name FROM rights
            WHERE rolname = %(auditor)s AND (writable OR readable AND relname <> ALL (%(record)s::text[]))
        """,
    ),
]

# As PostgreSQL writes back what Isolated makes.
EQUALITY = """(%s = ( SELECT (NULLIF(current_setting('daybook.user_id'::text, true), ''::text))::uuid AS "nullif"))"""


@register(Tags.database)
def check_databases(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """All rules, in each database that is asked for."""
    return [error for alias in databases or () for error in _errors(connections[alias])]


def _errors(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    with connection.cursor() as cursor:
        for rule in RULES:
            cursor.execute(RIGHTS + rule.query, _parameters())
            for (name,) in cursor.fetchall():
                yield Error(rule.message, hint=rule.hint, obj=name, id=rule.id)


def _parameters() -> dict[str, Any]:
    rules = [(model._meta.db_table, rule) for model in apps.get_models() for rule in model._meta.constraints]
    return {
        "app": ROLE,
        "auditor": AUDITOR_ROLE,
        "equality": EQUALITY,
        "owners": json.dumps({table: rule.owner for table, rule in rules if isinstance(rule, Isolated)}),
        "references": [rule.name for _, rule in rules if isinstance(rule, OwnedReference)],
        "published": json.dumps(PUBLISHED),
        "withheld": WITHHELD,
        "record": RECORD,
    }
