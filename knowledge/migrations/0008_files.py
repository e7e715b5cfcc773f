"""Files that are no document's are listed until they are deleted."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

import accounts.ownership
import knowledge.rules

# It was listed before if it is taken from a document that hasn't been committed yet.
DISCARD = """
CREATE FUNCTION knowledge_discard() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO knowledge_discardedfile (key, owner_id, due) VALUES (OLD.file_key, OLD.owner_id, now())
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
"""


def begins_with_owner(column: str) -> django.db.models.lookups.Exact:
    """That it does: nobody takes what is somebody else's."""
    return django.db.models.lookups.Exact(
        django.db.models.functions.text.Left(column, 37),
        django.db.models.functions.text.Concat(
            django.db.models.functions.comparison.Cast("owner_id", models.TextField()), models.Value("/")
        ),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0007_providers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(DISCARD, "DROP FUNCTION knowledge_discard()"),
        migrations.CreateModel(
            name="DiscardedFile",
            fields=[
                ("key", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("due", models.DateTimeField()),
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
                "indexes": [models.Index(fields=["due"], name="knowledge_discardedfile_due")],
                "constraints": [
                    accounts.ownership.Isolated(
                        grants=("SELECT", "INSERT", "DELETE"),
                        name="knowledge_discardedfile_isolated",
                        owner="owner_id",
                    ),
                    models.CheckConstraint(condition=begins_with_owner("key"), name="knowledge_discardedfile_key"),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.CheckConstraint(
                condition=models.Q(("file_key", None), begins_with_owner("file_key"), _connector="OR"),
                name="knowledge_knowledgedoc_file_owner",
                violation_error_message="A file belongs to the owner of its document.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.UniqueConstraint(fields=("file_key",), name="knowledge_knowledgedoc_file_key"),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=knowledge.rules.Discarding(name="knowledge_knowledgedoc_discarding"),
        ),
    ]
