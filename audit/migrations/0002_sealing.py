"""The record by months, what a masked value is committed with, and the Merkle tree that seals it."""

from django.db import migrations, models

# Staff who read the record through the API run as this role: it reads the record, and nothing else.
ROLE = """
DO $$
BEGIN
    CREATE ROLE daybook_auditor NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
GRANT daybook_auditor TO CURRENT_USER WITH INHERIT FALSE, SET TRUE;
GRANT USAGE ON SCHEMA public TO daybook_auditor;
"""

# A partitioned table can't be made of a plain one: what is on record is copied, each event as it was written.
PARTITIONED = """
DO $$
BEGIN
    IF (SELECT relowner FROM pg_class WHERE oid = 'audit_event'::regclass) <> current_user::regrole THEN
        RAISE EXCEPTION 'migrate as the owner of audit_event, as whom the triggers write'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;
DROP TRIGGER audit_event_append_only ON audit_event;
ALTER TABLE audit_event RENAME TO audit_event_unpartitioned;
CREATE TABLE audit_event (
    id uuid NOT NULL DEFAULT uuidv7(),
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    occurred_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    actor text NOT NULL,
    owner_id uuid,
    request_id text NOT NULL,
    address text NOT NULL,
    user_agent text NOT NULL DEFAULT '',
    action text NOT NULL,
    object_type text NOT NULL,
    object_id text NOT NULL,
    outcome text NOT NULL DEFAULT 'success',
    changes jsonb NOT NULL DEFAULT '{}',
    commitments jsonb NOT NULL DEFAULT '{}',
    detail jsonb NOT NULL DEFAULT '{}'
) PARTITION BY RANGE (id);
"""

# A month's partition, named audit_event_YYYY_MM. The key is a UUIDv7: its first 48 bits are milliseconds since 1970.
# Attached, and not made in place, because that would lock the writers out of the whole record; it locks the nameless
# partition. A statement that names
# a partition fires no trigger of its parent, so each has its own.
ADD_PARTITION = """
CREATE FUNCTION audit_first_id(month date) RETURNS uuid
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT rpad(
        lpad(to_hex((extract(epoch FROM month::timestamp AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0'), 32, '0'
    )::uuid;
END;

CREATE FUNCTION audit_guard(guarded text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', guarded);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_append_only', guarded);
END $$;

CREATE FUNCTION audit_add_partition(month date) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    name CONSTANT text := 'audit_event_' || to_char(month, 'YYYY_MM');
    first CONSTANT uuid := audit_first_id(month);
    beyond CONSTANT uuid := audit_first_id((month + interval '1 month')::date);
    crowded boolean;
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE audit_event INCLUDING ALL)', name);
    -- Without a policy of its own: nobody but its owner reads it past its parent's.
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    PERFORM audit_guard(name);
    SELECT EXISTS (SELECT FROM audit_event_other WHERE id >= first AND id < beyond) INTO crowded;
    IF crowded THEN
        ALTER TABLE audit_event DETACH PARTITION audit_event_other;
        ALTER TABLE audit_event_other DISABLE TRIGGER audit_append_only;
    END IF;
    EXECUTE format('ALTER TABLE audit_event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, beyond);
    IF crowded THEN
        -- Events that came before their month was ready move into it, as they are.
        WITH moved AS (DELETE FROM audit_event_other WHERE id >= first AND id < beyond RETURNING *)
        INSERT INTO audit_event SELECT * FROM moved;
        ALTER TABLE audit_event_other ENABLE ALWAYS TRIGGER audit_append_only;
        ALTER TABLE audit_event ATTACH PARTITION audit_event_other DEFAULT;
    END IF;
    RETURN true;
END $$;
"""

# The partition without a name takes what no month is ready for (a clock that is years off), so that no write fails.
COPIED = """
CREATE TABLE audit_event_other PARTITION OF audit_event DEFAULT;
SELECT audit_add_partition(month::date)
FROM generate_series(
    date_trunc('month', coalesce((SELECT uuid_extract_timestamp(id) FROM audit_event_unpartitioned ORDER BY id LIMIT 1),
                                 now()) AT TIME ZONE 'UTC'),
    date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months',
    interval '1 month'
) AS month;
INSERT INTO audit_event (id, transaction_id, occurred_at, actor, owner_id, request_id, address, action, object_type,
                         object_id, outcome, changes, detail)
SELECT id, transaction_id, occurred_at, actor, owner_id, request_id, address, action, object_type, object_id, outcome,
       CASE WHEN kept THEN changes ELSE '{}' END, CASE WHEN kept THEN '{}' ELSE changes END
FROM audit_event_unpartitioned, LATERAL (SELECT action !~ '\\.(read|performed)$') AS written (kept);
DROP TABLE audit_event_unpartitioned;
ALTER TABLE audit_event ADD CONSTRAINT audit_event_pkey PRIMARY KEY (id);
CREATE INDEX audit_event_owner ON audit_event (owner_id, id DESC);
CREATE INDEX audit_event_object ON audit_event (object_id, id DESC);
CREATE INDEX audit_event_request ON audit_event (request_id);
CREATE INDEX audit_event_time ON audit_event USING brin (occurred_at);
CREATE INDEX audit_event_transaction ON audit_event (transaction_id);
ALTER TABLE audit_event_other ENABLE ROW LEVEL SECURITY;
SELECT audit_guard('audit_event'), audit_guard('audit_event_other');
"""

# A masked value is committed with a salt of its own, made of its owner's key. Without the key, which erasure deletes,
# nothing tells what a commitment was made of, and the hash of the event holds as before. RFC 9162 leaves have none.
COMMITMENTS = """
CREATE FUNCTION audit_new_key() RETURNS bytea
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    -- Two random UUIDs hold 244 random bits.
    SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
END;
ALTER TABLE audit_saltkey ALTER COLUMN key SET DEFAULT audit_new_key();
ALTER TABLE audit_saltkey ENABLE ROW LEVEL SECURITY;
-- Of those who are still there.
INSERT INTO audit_saltkey (owner_id)
SELECT object_id::uuid FROM audit_event WHERE action = 'user.created'
EXCEPT SELECT object_id::uuid FROM audit_event WHERE action = 'user.deleted';

-- A key may go, which is erasure and is on record, but not be exchanged.
CREATE FUNCTION audit_forgotten() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.audit_event (occurred_at, actor, owner_id, request_id, address, user_agent,
                                    action, object_type, object_id)
    SELECT clock_timestamp(), public.audit_actor(), owner_id, coalesce(current_setting('daybook.request_id', true), ''),
           coalesce(current_setting('daybook.address', true), ''),
           coalesce(current_setting('daybook.user_agent', true), ''), 'key.erased', 'user', owner_id::text
    FROM old_rows;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION audit_forgotten() FROM PUBLIC;
CREATE TRIGGER audit_forgotten AFTER DELETE ON audit_saltkey REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit_forgotten();
ALTER TABLE audit_saltkey ENABLE ALWAYS TRIGGER audit_forgotten;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR TRUNCATE ON audit_saltkey
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_saltkey ENABLE ALWAYS TRIGGER audit_append_only;

-- STABLE because convert_to() is: an IMMUTABLE function of it couldn't be inlined.
CREATE FUNCTION audit_salt(key bytea, event_id uuid, field text, side integer) RETURNS bytea
LANGUAGE sql STABLE STRICT
RETURN sha256(key || uuid_send(event_id) || int4send(side) || convert_to(field, 'UTF8'));

CREATE FUNCTION audit_commitment(key bytea, event_id uuid, field text, side integer, value text) RETURNS text
LANGUAGE sql STABLE STRICT
RETURN encode(sha256(audit_salt(key, event_id, field, side) || convert_to(value, 'UTF8')), 'base64');
"""

# What differs between a row's two sides, and the commitments to what is masked of it; before is NULL of a row that
# comes, after of one that goes. A subquery and no function: a function's start would cost as much as the rest.
DIFFERENCE = """
        CROSS JOIN LATERAL (
            SELECT coalesce(jsonb_object_agg(field, pair), '{}') AS changes,
                   coalesce(jsonb_object_agg(field, commitment) FILTER (WHERE hidden AND key IS NOT NULL), '{}')
                       AS commitments
            FROM jsonb_object_keys(coalesce(after, before)) AS field
            CROSS JOIN LATERAL (
                SELECT field = ANY (masked) AS hidden,
                       nullif(before -> field, 'null') AS was, nullif(after -> field, 'null') AS becomes
            ) AS sides
            CROSS JOIN LATERAL (
                SELECT CASE WHEN hidden
                            THEN jsonb_build_array(CASE WHEN was IS NOT NULL THEN '•••' END,
                                                   CASE WHEN becomes IS NOT NULL THEN '•••' END)
                            ELSE jsonb_build_array(was, becomes) END AS pair,
                       CASE WHEN hidden
                            THEN jsonb_build_array(public.audit_commitment(key, event_id, field, 0, was #>> '{}'),
                                                   public.audit_commitment(key, event_id, field, 1, becomes #>> '{}'))
                            END AS commitment
            ) AS shown
            WHERE was IS DISTINCT FROM becomes
              AND field <> ALL (omitted)
              -- Of a row that comes or goes the event itself says these; that they change is news.
              AND (before IS NOT NULL AND after IS NOT NULL OR field NOT IN ('id', 'owner_id', 'created_at'))
        ) AS difference
"""

# As in 0001, and beside it the browser and the commitments. Rows that are owners themselves get their key before their
# first event, and lose it after their last.
EVENT = """
        INSERT INTO public.audit_event (id, occurred_at, actor, owner_id, request_id, address, user_agent,
                                        action, object_type, object_id, changes, commitments)
        SELECT event_id, clock_timestamp(), actor, owner, request_id, address, user_agent,
               noun || '.%(verb)s', noun, coalesce(after, before) ->> 'id', difference.changes, difference.commitments
        FROM (
            SELECT uuidv7() AS event_id, before, after, owner,
                   (SELECT saltkey.key FROM public.audit_saltkey AS saltkey WHERE saltkey.owner_id = owner) AS key
            FROM (SELECT *, (coalesce(after, before) ->> owner_column)::uuid AS owner FROM %(rows)s) AS owned
        ) AS written
        %(difference)s;
"""
CREATED = "(SELECT NULL::jsonb AS before, to_jsonb(new_rows) AS after FROM new_rows) AS rows"
DELETED = "(SELECT to_jsonb(old_rows) AS before, NULL::jsonb AS after FROM old_rows) AS rows"
# A full join, so that a changed id, or a row handed to another owner, shows as two events: each side's.
UPDATED = """(SELECT to_jsonb(old_rows) AS before FROM old_rows) AS old_side
            FULL JOIN (SELECT to_jsonb(new_rows) AS after FROM new_rows) AS new_side
                ON before ->> 'id' = after ->> 'id'
                AND coalesce(before ->> owner_column, '') = coalesce(after ->> owner_column, '')"""
WRITE = f"""
CREATE OR REPLACE FUNCTION audit_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    noun CONSTANT text := TG_ARGV[0];
    owner_column CONSTANT text := TG_ARGV[1];
    masked CONSTANT text[] := TG_ARGV[2];
    omitted CONSTANT text[] := TG_ARGV[3];
    actor CONSTANT text := public.audit_actor();
    request_id CONSTANT text := coalesce(current_setting('daybook.request_id', true), '');
    address CONSTANT text := coalesce(current_setting('daybook.address', true), '');
    user_agent CONSTANT text := coalesce(current_setting('daybook.user_agent', true), '');
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO public.audit_event
            (occurred_at, actor, request_id, address, user_agent, action, object_type, object_id)
        VALUES (clock_timestamp(), actor, request_id, address, user_agent, noun || '.truncated', noun, '');
    ELSIF TG_OP = 'INSERT' THEN
        IF owner_column = 'id' THEN
            INSERT INTO public.audit_saltkey (owner_id) SELECT id FROM new_rows ON CONFLICT DO NOTHING;
        END IF;
        {EVENT % {"verb": "created", "rows": CREATED, "difference": DIFFERENCE}}
    ELSIF TG_OP = 'DELETE' THEN
        {EVENT % {"verb": "deleted", "rows": DELETED, "difference": DIFFERENCE}}
        IF owner_column = 'id' THEN
            DELETE FROM public.audit_saltkey WHERE owner_id IN (SELECT id FROM old_rows);
        END IF;
    ELSE
        {EVENT % {"verb": "updated", "rows": UPDATED, "difference": DIFFERENCE}}
    END IF;
    RETURN NULL;
END $$;
DROP FUNCTION audit_changes(jsonb, jsonb, text[], text[]);
"""

# What no trigger sees: reads, searches, refusals. An API request's event is its user's, whatever the argument says; and
# what the triggers write nobody else can. Confined is who runs as another role than the tables' owner, however it came.
RECORD = """
DROP FUNCTION audit_record(text, text, text, jsonb);
CREATE FUNCTION audit_record(
    action text, object_type text, object_id text, outcome text, detail jsonb, masked jsonb, concerning uuid
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    confined CONSTANT boolean := current_setting('role') <> 'none' OR session_user <> current_user;
    bound CONSTANT uuid := nullif(current_setting('daybook.user_id', true), '')::uuid;
    owner CONSTANT uuid := CASE WHEN confined THEN bound ELSE coalesce(concerning, bound) END;
    event_id CONSTANT uuid := uuidv7();
    occurred_at CONSTANT timestamptz := clock_timestamp();
BEGIN
    IF action !~ '^[a-z_]+[.][a-z_]+$' OR outcome NOT IN ('success', 'denied', 'failed') THEN
        RAISE EXCEPTION 'no such event: %, %', action, outcome USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF confined AND action ~ '[.](created|updated|deleted|truncated|purged|erased)$' THEN
        RAISE EXCEPTION 'an API request cannot record %', action USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.audit_event (id, occurred_at, actor, owner_id, request_id, address, user_agent,
                                    action, object_type, object_id, outcome, detail, commitments)
    SELECT event_id, occurred_at, public.audit_actor(), owner,
           coalesce(current_setting('daybook.request_id', true), ''),
           coalesce(current_setting('daybook.address', true), ''),
           coalesce(current_setting('daybook.user_agent', true), ''),
           audit_record.action, audit_record.object_type, audit_record.object_id, audit_record.outcome,
           audit_record.detail || coalesce(jsonb_object_agg(field, '•••') FILTER (WHERE field IS NOT NULL), '{}'),
           coalesce(
               jsonb_object_agg(field, jsonb_build_array(NULL, public.audit_commitment(key, event_id, field, 1, value)))
                   FILTER (WHERE field IS NOT NULL AND key IS NOT NULL), '{}')
    FROM (SELECT (SELECT key FROM public.audit_saltkey WHERE owner_id = owner)) AS salt (key)
    LEFT JOIN jsonb_each_text(masked) AS hidden (field, value) ON true;
END $$;
REVOKE ALL ON FUNCTION audit_record(text, text, text, text, jsonb, jsonb, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_record(text, text, text, text, jsonb, jsonb, uuid) TO daybook_app, daybook_auditor;
"""

# Users read what concerns them, auditors everything; nobody reads the key. The tree's hashes say nothing of what they
# are made of, so everybody may have them; which leaf is whose event only the function tells, to who may see the event.
POLICIES = """
ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_event_isolated ON audit_event FOR SELECT TO daybook_app
    USING (owner_id = (SELECT nullif(current_setting('daybook.user_id', true), '')::uuid));
CREATE POLICY audit_event_auditor ON audit_event FOR SELECT TO daybook_auditor USING (true);
GRANT SELECT ON audit_event TO daybook_app, daybook_auditor;
GRANT SELECT (index, hash) ON audit_leaf TO daybook_app, daybook_auditor;
GRANT SELECT ON audit_node, audit_checkpoint TO daybook_app, daybook_auditor;
SELECT audit_guard('audit_leaf'), audit_guard('audit_node'), audit_guard('audit_checkpoint'), audit_guard('audit_purge');

CREATE FUNCTION audit_leaf_of(event uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT leaf.index
    FROM public.audit_leaf AS leaf JOIN public.audit_event ON audit_event.id = leaf.event_id
    WHERE leaf.event_id = event
      AND (current_setting('role') = 'daybook_auditor' OR current_setting('role') = 'none' AND session_user = current_user
           OR audit_event.owner_id = nullif(current_setting('daybook.user_id', true), '')::uuid);
$$;
CREATE FUNCTION audit_salts_of(event uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        jsonb_object_agg(
            field,
            jsonb_build_array(
                CASE WHEN pair ->> 0 IS NOT NULL THEN encode(public.audit_salt(salt.key, event, field, 0), 'base64') END,
                CASE WHEN pair ->> 1 IS NOT NULL THEN encode(public.audit_salt(salt.key, event, field, 1), 'base64') END
            )
        ),
        '{}'
    )
    FROM public.audit_event
    JOIN public.audit_saltkey AS salt ON salt.owner_id = audit_event.owner_id
    CROSS JOIN LATERAL jsonb_each(audit_event.commitments) AS committed (field, pair)
    WHERE audit_event.id = event AND audit_event.owner_id = nullif(current_setting('daybook.user_id', true), '')::uuid;
$$;
REVOKE ALL ON FUNCTION audit_leaf_of(uuid), audit_salts_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_leaf_of(uuid), audit_salts_of(uuid) TO daybook_app, daybook_auditor;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(ROLE, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="SaltKey",
            fields=[
                ("owner_id", models.UUIDField(primary_key=True, serialize=False)),
                ("key", models.BinaryField(editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.UUIDField(unique=True)),
                ("hash", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Node",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("level", models.PositiveSmallIntegerField()),
                ("position", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("note", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Purge",
            fields=[
                ("month", models.DateField(primary_key=True, serialize=False)),
                ("note", models.TextField()),
            ],
        ),
        # There is no way back: a record isn't unmade.
        migrations.RunSQL(
            [PARTITIONED, ADD_PARTITION, COPIED, COMMITMENTS, WRITE, RECORD, POLICIES],
            state_operations=[
                migrations.AddField("event", "user_agent", models.TextField(db_default="")),
                migrations.AddField("event", "commitments", models.JSONField(db_default={})),
                migrations.AddField("event", "detail", models.JSONField(db_default={})),
                migrations.AlterField("event", "changes", models.JSONField(db_default={})),
                migrations.AddIndex("event", models.Index(fields=["transaction_id"], name="audit_event_transaction")),
            ],
        ),
    ]
