"""Documents come from files, too, lie in the trash before they go, and are there once."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

import accounts.ownership
import audit.triggers
import knowledge.rules
import resources.metadata
from accounts.identity import ROLE

NUMBERS = f"""
CREATE SEQUENCE knowledge_chunk_number AS bigint;
GRANT USAGE ON SEQUENCE knowledge_chunk_number TO {ROLE};
"""

FUNCTIONS = """
CREATE FUNCTION knowledge_hash() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.content_hash := coalesce(NEW.file_hash, encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex'));
    RETURN NEW;
END $$;

CREATE FUNCTION knowledge_cool() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE knowledge_chunkvector SET hot = false
    WHERE owner_id = NEW.owner_id AND document_id = NEW.id AND hot;
    RETURN NULL;
END $$;
"""

# What is derived is no change: no version, no event.
HASHES = """
ALTER TABLE knowledge_knowledgedoc DISABLE TRIGGER USER;
UPDATE knowledge_knowledgedoc SET content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex');
UPDATE knowledge_vectorchunk SET language = 'en';
ALTER TABLE knowledge_knowledgedoc ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0003_tracked"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(NUMBERS, "DROP SEQUENCE knowledge_chunk_number"),
        migrations.RunSQL(FUNCTIONS, "DROP FUNCTION knowledge_hash(), knowledge_cool()"),
        migrations.CreateModel(
            name="IndexingRun",
            fields=[
                (
                    "document",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="run",
                        serialize=False,
                        to="knowledge.knowledgedoc",
                    ),
                ),
                ("chunks_done", models.PositiveIntegerField(default=0)),
                ("chunks_total", models.PositiveIntegerField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="knowledgedoc",
            name="knowledge_knowledgedoc_audited",
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="chunk_overlap",
            field=models.PositiveSmallIntegerField(db_default=32, default=32),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="chunk_tokens",
            field=models.PositiveSmallIntegerField(db_default=254, default=254),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="content_hash",
            field=models.CharField(db_default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="file_hash",
            field=models.CharField(editable=False, max_length=64, null=True),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="file_key",
            field=models.CharField(editable=False, max_length=255, null=True),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="file_name",
            field=models.CharField(editable=False, max_length=255, null=True),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="file_size",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="file_type",
            field=models.CharField(editable=False, max_length=100, null=True),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="language",
            field=models.CharField(
                choices=[
                    ("ar", "ar"),
                    ("hy", "hy"),
                    ("eu", "eu"),
                    ("ca", "ca"),
                    ("da", "da"),
                    ("nl", "nl"),
                    ("en", "en"),
                    ("et", "et"),
                    ("fi", "fi"),
                    ("fr", "fr"),
                    ("de", "de"),
                    ("el", "el"),
                    ("hi", "hi"),
                    ("hu", "hu"),
                    ("id", "id"),
                    ("ga", "ga"),
                    ("it", "it"),
                    ("lt", "lt"),
                    ("ne", "ne"),
                    ("no", "no"),
                    ("pt", "pt"),
                    ("ro", "ro"),
                    ("ru", "ru"),
                    ("sr", "sr"),
                    ("es", "es"),
                    ("sv", "sv"),
                    ("ta", "ta"),
                    ("tr", "tr"),
                    ("yi", "yi"),
                    ("und", "und"),
                ],
                db_default="en",
                default="en",
                max_length=3,
            ),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="own_chunks",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="page_starts",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveIntegerField(), editable=False, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="source_uri",
            field=models.CharField(blank=True, max_length=2000, null=True),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="tags",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=60), blank=True, db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="trashed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="vectorchunk",
            name="language",
            field=models.CharField(db_default="und", max_length=3),
        ),
        migrations.AddField(
            model_name="vectorchunk",
            name="number",
            field=models.BigIntegerField(
                db_default=models.Func(models.Value("knowledge_chunk_number"), function="nextval"), editable=False
            ),
        ),
        migrations.AddField(
            model_name="vectorchunk",
            name="page",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="vectorchunk",
            name="title",
            field=models.CharField(db_default="", max_length=255),
        ),
        migrations.AlterField(
            model_name="knowledgedoc",
            name="chunk_count",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="knowledgedoc",
            name="content",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AlterField(
            model_name="knowledgedoc",
            name="metadata",
            field=resources.metadata.PreservedJSONField(
                blank=True, db_default={}, default=dict, validators=[resources.metadata.validate_metadata]
            ),
        ),
        migrations.AlterField(
            model_name="knowledgedoc",
            name="revision",
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AlterField(
            model_name="knowledgedoc",
            name="status",
            field=models.CharField(
                choices=[
                    ("in_progress", "In Progress"),
                    ("completed", "Completed"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                db_default="in_progress",
                default="in_progress",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="vectorchunk",
            name="heading",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddIndex(
            model_name="knowledgedoc",
            index=models.Index(
                condition=models.Q(("trashed_at", None)),
                fields=["owner", "created_at", "id"],
                name="knowledge_doc_by_created_at",
            ),
        ),
        migrations.AddIndex(
            model_name="knowledgedoc",
            index=models.Index(
                condition=models.Q(("trashed_at", None)),
                fields=["owner", "updated_at", "id"],
                name="knowledge_doc_by_updated_at",
            ),
        ),
        migrations.AddIndex(
            model_name="knowledgedoc",
            index=models.Index(
                condition=models.Q(("trashed_at", None)), fields=["owner", "title", "id"], name="knowledge_doc_by_title"
            ),
        ),
        migrations.AddIndex(
            model_name="knowledgedoc",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)),
                fields=["owner", "created_at", "id"],
                name="knowledge_doc_trash",
            ),
        ),
        migrations.AddIndex(
            model_name="knowledgedoc",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)), fields=["trashed_at"], name="knowledge_doc_purge"
            ),
        ),
        migrations.RunSQL(HASHES, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.UniqueConstraint(
                condition=models.Q(("trashed_at", None)),
                fields=("owner", "content_hash"),
                name="knowledge_knowledgedoc_content",
                violation_error_code="content_exists",
                violation_error_message="There is a document with this content.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.LessThanOrEqual(
                    models.Func("tags", function="cardinality", output_field=models.IntegerField()), 50
                ),
                name="knowledge_knowledgedoc_tag_count",
                violation_error_message="A document has at most 50 tags.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "language__in",
                        [
                            "ar",
                            "hy",
                            "eu",
                            "ca",
                            "da",
                            "nl",
                            "en",
                            "et",
                            "fi",
                            "fr",
                            "de",
                            "el",
                            "hi",
                            "hu",
                            "id",
                            "ga",
                            "it",
                            "lt",
                            "ne",
                            "no",
                            "pt",
                            "ro",
                            "ru",
                            "sr",
                            "es",
                            "sv",
                            "ta",
                            "tr",
                            "yi",
                            "und",
                        ],
                    )
                ),
                name="knowledge_knowledgedoc_language",
                violation_error_message="There is no such language.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("file_hash", None),
                        ("file_key", None),
                        ("file_name", None),
                        ("file_size", None),
                        ("file_type", None),
                    ),
                    models.Q(
                        ("file_hash__isnull", False),
                        ("file_key__isnull", False),
                        ("file_name__isnull", False),
                        ("file_size__isnull", False),
                        ("file_type__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="knowledge_knowledgedoc_file",
                violation_error_message="A file has a key, a name, a type, a size and a hash.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("chunk_tokens__range", (16, 254)),
                    (
                        "chunk_tokens__gt",
                        django.db.models.expressions.CombinedExpression(
                            models.F("chunk_overlap"), "*", models.Value(2)
                        ),
                    ),
                ),
                name="knowledge_knowledgedoc_chunking",
                violation_error_message="A passage has 16 to 254 word pieces, and repeats less than half of them.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=knowledge.rules.Cooled(name="knowledge_knowledgedoc_cooled"),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=knowledge.rules.Hashed(name="knowledge_knowledgedoc_hashed"),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=audit.triggers.Audited(
                masked=("title", "content", "content_hash", "metadata", "source_uri", "tags", "file_name", "file_hash"),
                name="knowledge_knowledgedoc_audited",
                noun="document",
                omitted=("updated_at", "version", "changed_in", "page_starts"),
                owner="owner_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="vectorchunk",
            constraint=models.UniqueConstraint(fields=("owner", "number"), name="knowledge_vectorchunk_number"),
        ),
        migrations.AddField(
            model_name="indexingrun",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="indexingrun",
            constraint=accounts.ownership.Isolated(
                grants=("SELECT", "INSERT", "UPDATE", "DELETE"), name="knowledge_indexingrun_isolated", owner="owner_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="indexingrun",
            constraint=accounts.ownership.OwnedReference(field="document", name="knowledge_indexingrun_document"),
        ),
    ]
