"""What the database keeps of each resource."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import accounts.ownership
import audit.models
import resources.tracking

# Images are compared, because `json` knows no equality. What only looks at a row, or writes it as it was, is no change.
STAMP = """
CREATE FUNCTION resources_stamp() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.changed_in := pg_current_xact_id();
    ELSIF NEW *<> OLD THEN
        NEW.updated_at := clock_timestamp();
        NEW.version := OLD.version + 1;
        NEW.changed_in := pg_current_xact_id();
    END IF;
    RETURN NEW;
END $$;
"""

# With its owner's rights: nobody else may say that something was deleted. An id can be deleted twice if it was imported
# again in between.
BURY = """
CREATE FUNCTION resources_bury() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.resources_deletion (object_id, owner_id, object_type)
    SELECT id, owner_id, TG_ARGV[0] FROM old_rows
    ON CONFLICT (owner_id, object_id) DO UPDATE SET changed_in = excluded.changed_in;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION resources_bury() FROM PUBLIC;

CREATE FUNCTION resources_forget() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM public.resources_deletion WHERE owner_id IN (SELECT id FROM old_rows);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION resources_forget() FROM PUBLIC;
CREATE TRIGGER resources_forget AFTER DELETE ON accounts_user REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION resources_forget();
"""
UNDO = """
DROP TRIGGER resources_forget ON accounts_user;
DROP FUNCTION resources_forget(), resources_bury(), resources_stamp();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_audited_rights"),
    ]

    operations = [
        migrations.CreateModel(
            name="Deletion",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner_id", "object_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("object_id", models.UUIDField(editable=False)),
                ("object_type", models.TextField()),
                (
                    "changed_in",
                    audit.models.TransactionIdField(db_default=resources.tracking.CurrentTransaction(), editable=False),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["owner", "changed_in", "object_id"], name="resources_deletion_changed")
                ],
                "constraints": [
                    accounts.ownership.Isolated(
                        grants=("SELECT",), name="resources_deletion_isolated", owner="owner_id"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner_id", "key", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.BinaryField(max_length=32)),
                ("status", models.PositiveSmallIntegerField()),
                ("headers", models.JSONField()),
                ("body", models.BinaryField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="resources_key_created")],
                "constraints": [
                    accounts.ownership.Isolated(
                        grants=("SELECT", "INSERT"),
                        name="resources_idempotencykey_isolated",
                        owner="owner_id",
                    )
                ],
            },
        ),
        migrations.RunSQL([STAMP, BURY], UNDO),
    ]
