"""Labels, priorities, days, subtasks, an order, a trash, versions."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

import accounts.ownership
import audit.models
import audit.triggers
import resources.metadata
import resources.tracking
import tasks.rules

MAX_DEPTH = 5

# Before the triggers are there, so that it changes nothing else. A check that waits for the end of the transaction would
# keep the table from being altered.
COMPLETED = """
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE tasks_task SET position = placed.position, completed_at = CASE WHEN completed THEN updated_at END
FROM (
    SELECT id, to_hex(x'3000000000000'::bigint + row_number() OVER (PARTITION BY owner_id ORDER BY id)) || '8'
    FROM tasks_task
) AS placed (id, position)
WHERE tasks_task.id = placed.id;
SET CONSTRAINTS ALL DEFERRED;
"""

# Names that differ in case or in the form of their characters are one name.
FOLD = """
CREATE FUNCTION tasks_fold(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN casefold(normalize(name, NFKC) COLLATE "pg_unicode_fast");
"""

# 13 hexadecimal digits of microseconds, until the year 2112, and four of chance: a new task comes last. The end isn't 0,
# so that there is a place before each.
POSITION = """
CREATE FUNCTION tasks_position() RETURNS text
LANGUAGE sql VOLATILE
RETURN to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
       || lpad(to_hex((random() * 65535)::integer), 4, '0') || '8';
"""

# Later than whatever a client can say, and yet a moment that Python knows.
DERIVE = """
CREATE FUNCTION tasks_never() RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '9999-12-31 23:59:59.999999+00'::timestamptz;

CREATE FUNCTION tasks_derive() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT NEW.completed THEN
        NEW.completed_at := NULL;
    ELSIF TG_OP = 'INSERT' THEN
        -- An import brings it along.
        NEW.completed_at := coalesce(NEW.completed_at, clock_timestamp());
    ELSIF OLD.completed THEN
        NEW.completed_at := OLD.completed_at;
    ELSE
        NEW.completed_at := clock_timestamp();
    END IF;
    NEW.due := coalesce(
        NEW.due_at, (NEW.due_on + 1)::timestamp AT TIME ZONE 'UTC' - interval '1 microsecond', tasks_never()
    );
    IF NEW.due = tasks_never() AND (NEW.due_at IS NOT NULL OR NEW.due_on IS NOT NULL) THEN
        -- The last day there is ends a moment sooner.
        NEW.due := tasks_never() - interval '1 microsecond';
    END IF;
    RETURN NEW;
END $$;
"""

# The lock makes the changes of one owner's trees wait for one another; what is read after it is what they left. OFFSET 0
# keeps a planner that has seen one task with many below it from reading all tasks for each.
TREE = f"""
CREATE FUNCTION tasks_lock_tree(owner uuid) RETURNS void
LANGUAGE sql VOLATILE
RETURN pg_advisory_xact_lock(hashtextextended('tasks_tree', hashtextextended(owner::text, 0)));

CREATE FUNCTION tasks_check_tree() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    above integer;
    below integer;
    circular boolean;
BEGIN
    PERFORM tasks_lock_tree(NEW.owner_id);
    IF NEW.trashed_at IS NULL THEN
        PERFORM FROM tasks_task WHERE owner_id = NEW.owner_id AND id = NEW.parent_id AND trashed_at IS NOT NULL;
        IF FOUND THEN
            RAISE EXCEPTION 'The task above it is in the trash.'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tasks_task_tree';
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.parent_id IS NOT DISTINCT FROM OLD.parent_id THEN
            RETURN NULL;
        END IF;
    END IF;
    WITH RECURSIVE ancestor AS (
        SELECT id, parent_id, 1 AS level FROM tasks_task
        WHERE owner_id = NEW.owner_id AND id = NEW.parent_id
        UNION ALL
        SELECT task.id, task.parent_id, level + 1 FROM ancestor
        CROSS JOIN LATERAL (
            SELECT id, parent_id FROM tasks_task WHERE owner_id = NEW.owner_id AND id = ancestor.parent_id OFFSET 0
        ) AS task
        WHERE level <= {MAX_DEPTH}
    )
    SELECT max(level), bool_or(id = NEW.id) INTO above, circular FROM ancestor;
    IF circular THEN
        RAISE EXCEPTION 'A task can''t stand below itself.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tasks_task_tree';
    END IF;
    WITH RECURSIVE subtask AS (
        SELECT NEW.id AS id, 1 AS level
        UNION ALL
        SELECT task.id, level + 1 FROM subtask
        CROSS JOIN LATERAL (
            SELECT id FROM tasks_task WHERE owner_id = NEW.owner_id AND parent_id = subtask.id OFFSET 0
        ) AS task
        WHERE level <= {MAX_DEPTH}
    )
    SELECT max(level) INTO below FROM subtask;
    IF above + below > {MAX_DEPTH} THEN
        RAISE EXCEPTION 'Tasks stand at most {MAX_DEPTH} deep.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tasks_task_tree';
    END IF;
    RETURN NULL;
END $$;

-- What is moved together bears the same moment, and so comes back together. Most tasks have none below them: to look is
-- cheaper than an UPDATE of nothing with all its triggers.
CREATE FUNCTION tasks_trash_subtasks() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM tasks_task WHERE owner_id = NEW.owner_id AND parent_id = NEW.id LIMIT 1;
    IF FOUND THEN
        UPDATE tasks_task SET trashed_at = NEW.trashed_at
        WHERE owner_id = NEW.owner_id AND parent_id = NEW.id AND trashed_at IS NOT DISTINCT FROM OLD.trashed_at;
    END IF;
    RETURN NULL;
END $$;
"""

# The rows are locked, so that none of the labels is deleted before the task is committed.
LABELS = """
CREATE FUNCTION tasks_check_labels() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    known integer;
BEGIN
    PERFORM FROM tasks_label WHERE owner_id = NEW.owner_id AND id = ANY (NEW.labels) FOR KEY SHARE;
    GET DIAGNOSTICS known = ROW_COUNT;
    IF known <> cardinality(NEW.labels) THEN
        RAISE EXCEPTION 'There is no such label, or one is named twice.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tasks_task_labelled';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION tasks_unlabel() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE tasks_task SET labels = array_remove(labels, OLD.id)
    WHERE owner_id = OLD.owner_id AND OLD.id = ANY (labels);
    RETURN NULL;
END $$;
"""

FUNCTIONS = [
    *("tasks_fold(text)", "tasks_position()", "tasks_never()", "tasks_derive()", "tasks_lock_tree(uuid)"),
    *("tasks_check_tree()", "tasks_trash_subtasks()", "tasks_check_labels()", "tasks_unlabel()"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0002_masked_titles"),
        ("resources", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL([FOLD, POSITION, DERIVE, TREE, LABELS], f"DROP FUNCTION {', '.join(FUNCTIONS)}"),
        migrations.CreateModel(
            name="Label",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.ownership.UUID7(), editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("version", models.PositiveIntegerField(db_default=1, editable=False)),
                (
                    "changed_in",
                    audit.models.TransactionIdField(db_default=resources.tracking.CurrentTransaction(), editable=False),
                ),
                ("name", models.CharField(max_length=60)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="task",
            name="tasks_task_stamped",
        ),
        migrations.RemoveConstraint(
            model_name="task",
            name="tasks_task_audited",
        ),
        migrations.AddField(
            model_name="task",
            name="changed_in",
            field=audit.models.TransactionIdField(db_default=resources.tracking.CurrentTransaction(), editable=False),
        ),
        migrations.AddField(
            model_name="task",
            name="completed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="due",
            field=models.DateTimeField(db_default=models.Func(function="tasks_never"), editable=False),
        ),
        migrations.AddField(
            model_name="task",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="due_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="external_id",
            field=models.CharField(blank=True, max_length=255, null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="external_source",
            field=models.CharField(blank=True, max_length=64, null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="labels",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="metadata",
            field=resources.metadata.PreservedJSONField(
                blank=True, db_default={}, default=dict, validators=[resources.metadata.validate_metadata]
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="subtasks",
                to="tasks.task",
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="position",
            field=models.TextField(db_collation="C", null=True, editable=False),
        ),
        migrations.AddField(
            model_name="task",
            name="priority",
            field=models.PositiveSmallIntegerField(
                choices=[(0, "None"), (1, "Low"), (2, "Medium"), (3, "High"), (4, "Urgent")], db_default=0, default=0
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="trashed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="version",
            field=models.PositiveIntegerField(db_default=1, editable=False),
        ),
        migrations.AlterField(
            model_name="task",
            name="completed",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="task",
            name="description",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["owner", "changed_in", "id"], name="tasks_task_changed"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("trashed_at", None)),
                fields=["owner", "created_at", "id"],
                name="tasks_task_by_created_at",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("trashed_at", None)),
                fields=["owner", "updated_at", "id"],
                name="tasks_task_by_updated_at",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("trashed_at", None)), fields=["owner", "due", "id"], name="tasks_task_by_due"
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("trashed_at", None)),
                fields=["owner", "priority", "id"],
                name="tasks_task_by_priority",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("trashed_at", None)), fields=["owner", "title", "id"], name="tasks_task_by_title"
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("completed", False), ("trashed_at", None)),
                fields=["owner", "created_at", "id"],
                name="tasks_task_open",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["owner", "parent", "id"], name="tasks_task_subtasks"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)),
                fields=["owner", "created_at", "id"],
                name="tasks_task_trash",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)), fields=["trashed_at"], name="tasks_task_purge"
            ),
        ),
        migrations.RunSQL(COMPLETED, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="task",
            name="position",
            field=models.TextField(db_collation="C", db_default=models.Func(function="tasks_position"), editable=False),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__range", (0, 4))),
                name="tasks_task_priority",
                violation_error_message="There is no such priority.",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at", None), ("due_on", None), _connector="OR"),
                name="tasks_task_due",
                violation_error_message="A task is due at a moment or on a day: set the other to null.",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("external_id", None), ("external_source", None)),
                    models.Q(
                        ("external_id__isnull", False),
                        ("external_source__isnull", False),
                        models.Q(("external_source", ""), _negated=True),
                        models.Q(("external_id", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="tasks_task_external_pair",
                violation_error_message="external_source and external_id come together, or not at all.",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                fields=("owner", "external_source", "external_id"),
                name="tasks_task_external",
                violation_error_code="external_id_taken",
                violation_error_message="There is a task with this external_source and external_id.",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("position__regex", "^[0-9a-f]*[1-9a-f]$")),
                name="tasks_task_position_form",
                violation_error_message="A position is a fraction's hexadecimal digits.",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                fields=("owner", "position"),
                name="tasks_task_position",
                violation_error_code="position_taken",
                violation_error_message="Another task was moved there at the same moment; move this one again.",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.LessThanOrEqual(
                    models.Func("labels", function="cardinality", output_field=models.IntegerField()), 50
                ),
                name="tasks_task_label_count",
                violation_error_message="A task has at most 50 labels.",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.Exact(
                        models.Func("metadata", function="json_typeof", output_field=models.TextField()), "object"
                    )
                ),
                name="tasks_task_metadata_object",
                violation_error_message="Metadata is a JSON object.",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=accounts.ownership.OwnedReference(field="parent", name="tasks_task_parent"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=tasks.rules.Derived(name="tasks_task_derived"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=tasks.rules.Tree(name="tasks_task_tree"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=tasks.rules.Labelled(name="tasks_task_labelled"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=resources.tracking.Tracked(name="tasks_task_tracked", noun="task"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=audit.triggers.Audited(
                masked=("title", "description", "external_id", "metadata"),
                name="tasks_task_audited",
                noun="task",
                omitted=("updated_at", "version", "changed_in", "due"),
                owner="owner_id",
            ),
        ),
        migrations.AddField(
            model_name="label",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="label",
            index=models.Index(fields=["owner", "changed_in", "id"], name="tasks_label_changed"),
        ),
        migrations.AddIndex(
            model_name="label",
            index=models.Index(fields=["owner", "name", "id"], name="tasks_label_by_name"),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=models.UniqueConstraint(fields=("owner", "id"), name="tasks_label_owner"),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=accounts.ownership.Isolated(
                grants=("SELECT", "INSERT", "UPDATE", "DELETE"), name="tasks_label_isolated", owner="owner_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "^\\S"), ("name__regex", "\\S$")),
                name="tasks_label_name_trimmed",
                violation_error_message="A name is not empty, and has no space at its ends.",
            ),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=models.UniqueConstraint(
                models.F("owner"),
                models.Func("name", function="tasks_fold", output_field=models.TextField()),
                name="tasks_label_name",
                violation_error_code="label_exists",
                violation_error_message="There is a label of this name.",
            ),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=resources.tracking.Tracked(name="tasks_label_tracked", noun="label"),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=tasks.rules.Unlabelling(name="tasks_label_unlabelling"),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=audit.triggers.Audited(
                masked=("name",),
                name="tasks_label_audited",
                noun="label",
                omitted=("updated_at", "version", "changed_in"),
                owner="owner_id",
            ),
        ),
    ]
