"""The record: its table, the functions that write it, and the role that API requests run as."""

import django.db.models.functions.datetime
from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations, models

import audit.models

# API requests run as this role. It can't sign in, owns nothing, and no row-level security steps aside for it. Roles
# belong to the whole server, so another database (or another migration at the same moment) may have made it.
ROLE = """
DO $$
BEGIN
    CREATE ROLE daybook_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
GRANT daybook_app TO CURRENT_USER WITH INHERIT FALSE, SET TRUE;
GRANT USAGE ON SCHEMA public TO daybook_app;
-- A temporary table could stand in for a real one for whoever uses the connection next.
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;
"""

# `changes` of one row: {"field": [before, after]} of what differs.
CHANGES = """
CREATE FUNCTION audit_changes(before jsonb, after jsonb, masked text[], omitted text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT coalesce(
        jsonb_object_agg(
            field.key,
            CASE WHEN field.key = ANY (masked)
                 THEN jsonb_build_array(
                     CASE WHEN before -> field.key <> 'null' THEN '•••' END,
                     CASE WHEN after -> field.key <> 'null' THEN '•••' END
                 )
                 ELSE jsonb_build_array(before -> field.key, after -> field.key) END
        ),
        '{}'
    )
    FROM jsonb_object_keys(coalesce(after, before)) AS field (key)
    WHERE field.key <> ALL (omitted)
      -- Of a row that comes or goes the event itself says these; that they change is news.
      AND (before IS NOT NULL AND after IS NOT NULL OR field.key NOT IN ('id', 'owner_id', 'created_at'))
      AND nullif(before -> field.key, 'null') IS DISTINCT FROM nullif(after -> field.key, 'null');
END;
"""

# Who acts, from the session's settings; where no user does, the program that is connected.
ACTOR = """
CREATE FUNCTION audit_actor() RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(
        nullif(current_setting('daybook.actor', true), ''),
        'system:' || regexp_replace(current_setting('application_name'), '^daybook:', '')
    );
END;
"""

# The one trigger function of all audited tables. Its arguments are those of `audit.triggers.Audited`. It runs with its
# owner's rights, because nobody else may write the record; pg_temp comes last, so that no temporary table stands in.
WRITE = """
CREATE FUNCTION audit_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    noun CONSTANT text := TG_ARGV[0];
    owner_column CONSTANT text := TG_ARGV[1];
    masked CONSTANT text[] := TG_ARGV[2];
    omitted CONSTANT text[] := TG_ARGV[3];
    verb CONSTANT text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END;
    request_id CONSTANT text := coalesce(current_setting('daybook.request_id', true), '');
    address CONSTANT text := coalesce(current_setting('daybook.address', true), '');
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO public.audit_event (occurred_at, actor, request_id, address, action, object_type, object_id, changes)
        VALUES (clock_timestamp(), audit_actor(), request_id, address, noun || '.truncated', noun, '', '{}');
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO public.audit_event
            (occurred_at, actor, owner_id, request_id, address, action, object_type, object_id, changes)
        SELECT clock_timestamp(), audit_actor(), (after ->> owner_column)::uuid, request_id, address,
               noun || '.' || verb, noun, after ->> 'id', audit_changes(NULL, after, masked, omitted)
        FROM (SELECT to_jsonb(new_rows) AS after FROM new_rows) AS written;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO public.audit_event
            (occurred_at, actor, owner_id, request_id, address, action, object_type, object_id, changes)
        SELECT clock_timestamp(), audit_actor(), (before ->> owner_column)::uuid, request_id, address,
               noun || '.' || verb, noun, before ->> 'id', audit_changes(before, NULL, masked, omitted)
        FROM (SELECT to_jsonb(old_rows) AS before FROM old_rows) AS written;
    ELSE
        INSERT INTO public.audit_event
            (occurred_at, actor, owner_id, request_id, address, action, object_type, object_id, changes)
        SELECT clock_timestamp(), audit_actor(), (coalesce(after, before) ->> owner_column)::uuid, request_id, address,
               noun || '.' || verb, noun, coalesce(after, before) ->> 'id',
               audit_changes(before, after, masked, omitted)
        -- A full join, so that a changed id, or a row handed to another owner, shows as two events: each side's.
        FROM (SELECT to_jsonb(old_rows) AS before FROM old_rows) AS old_side
        FULL JOIN (SELECT to_jsonb(new_rows) AS after FROM new_rows) AS new_side
            ON before ->> 'id' = after ->> 'id' AND before ->> owner_column = after ->> owner_column;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION audit_write() FROM PUBLIC;
"""

# What no trigger sees: reads, searches, sign-ins. Whose event it is comes from the session, never from an argument.
RECORD = """
CREATE FUNCTION audit_record(action text, object_type text, object_id text, detail jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    INSERT INTO public.audit_event
        (occurred_at, actor, owner_id, request_id, address, action, object_type, object_id, changes)
    VALUES (clock_timestamp(), audit_actor(), nullif(current_setting('daybook.user_id', true), '')::uuid,
            coalesce(current_setting('daybook.request_id', true), ''),
            coalesce(current_setting('daybook.address', true), ''),
            action, object_type, object_id, detail);
$$;
REVOKE ALL ON FUNCTION audit_record(text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_record(text, text, text, jsonb) TO daybook_app;
"""

# Row triggers don't see TRUNCATE, and session_replication_role = replica skips triggers that aren't ENABLE ALWAYS.
APPEND_ONLY = """
CREATE FUNCTION audit_refuse() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the audit record is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only;
"""

# A user reads what concerns them, and writes nothing.
POLICY = """
ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_event_isolated ON audit_event FOR SELECT TO daybook_app
    USING (owner_id = (SELECT nullif(current_setting('daybook.user_id', true), '')::uuid));
GRANT SELECT ON audit_event TO daybook_app;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        # The role stays when the migration is undone: another database may need it.
        migrations.RunSQL(ROLE, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=models.Func(function="uuidv7"),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "transaction_id",
                    audit.models.TransactionIdField(db_default=models.Func(function="pg_current_xact_id")),
                ),
                ("occurred_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor", models.TextField()),
                ("owner_id", models.UUIDField(null=True)),
                ("request_id", models.TextField()),
                ("address", models.TextField()),
                ("action", models.TextField()),
                ("object_type", models.TextField()),
                ("object_id", models.TextField()),
                (
                    "outcome",
                    models.TextField(
                        choices=[("success", "Success"), ("denied", "Denied"), ("failed", "Failed")],
                        db_default="success",
                    ),
                ),
                ("changes", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["owner_id", "-id"], name="audit_event_owner"),
                    models.Index(fields=["object_id", "-id"], name="audit_event_object"),
                    models.Index(fields=["request_id"], name="audit_event_request"),
                    BrinIndex(fields=["occurred_at"], name="audit_event_time"),
                ],
            },
        ),
        migrations.RunSQL(CHANGES, "DROP FUNCTION audit_changes(jsonb, jsonb, text[], text[])"),
        migrations.RunSQL(ACTOR, "DROP FUNCTION audit_actor()"),
        migrations.RunSQL(WRITE, "DROP FUNCTION audit_write()"),
        migrations.RunSQL(RECORD, "DROP FUNCTION audit_record(text, text, text, jsonb)"),
        migrations.RunSQL(
            APPEND_ONLY,
            "DROP TRIGGER audit_event_append_only ON audit_event; DROP FUNCTION audit_refuse()",
        ),
        migrations.RunSQL(
            POLICY,
            "REVOKE ALL ON audit_event FROM daybook_app; DROP POLICY audit_event_isolated ON audit_event",
        ),
    ]
