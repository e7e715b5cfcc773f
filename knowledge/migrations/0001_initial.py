"""Documents, chunks and vectors."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
import pgvector.django.halfvec
from django.conf import settings
from django.db import migrations, models
from pgvector.django import VectorExtension

import accounts.ownership
import audit.triggers
import knowledge.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        VectorExtension(),
        migrations.CreateModel(
            name="KnowledgeDoc",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.ownership.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
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
                ("title", models.CharField(max_length=255)),
                ("content", models.TextField()),
                (
                    "metadata",
                    knowledge.models.PreservedJSONField(
                        blank=True, default=dict, validators=[knowledge.models.validate_metadata]
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("in_progress", "In Progress"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                        ],
                        default="in_progress",
                        max_length=16,
                    ),
                ),
                ("last_error", models.JSONField(blank=True, null=True)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("chunk_count", models.PositiveIntegerField(default=0)),
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
                "verbose_name": "document",
            },
        ),
        migrations.CreateModel(
            name="VectorChunk",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.ownership.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
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
                ("ordinal", models.PositiveIntegerField()),
                ("content", models.TextField()),
                ("char_start", models.PositiveIntegerField()),
                ("char_end", models.PositiveIntegerField()),
                ("heading", models.TextField(blank=True, default="")),
                ("token_count", models.PositiveIntegerField()),
                ("model", models.CharField(max_length=100)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="chunks",
                        to="knowledge.knowledgedoc",
                    ),
                ),
            ],
            options={
                "verbose_name": "chunk",
            },
        ),
        migrations.CreateModel(
            name="ChunkVector",
            fields=[
                (
                    "chunk",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="vector",
                        serialize=False,
                        to="knowledge.vectorchunk",
                    ),
                ),
                ("hot", models.BooleanField(db_default=False)),
                ("embedding", pgvector.django.halfvec.HalfVectorField(dimensions=384)),
                (
                    "document",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="knowledge.knowledgedoc",
                    ),
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
                "verbose_name": "vector",
            },
        ),
        # Before the composite foreign keys that refer to them.
        migrations.AddConstraint(
            model_name="vectorchunk",
            constraint=models.UniqueConstraint(fields=("owner", "id"), name="knowledge_vectorchunk_owner"),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.UniqueConstraint(fields=("owner", "id"), name="knowledge_knowledgedoc_owner"),
        ),
        migrations.AddConstraint(
            model_name="vectorchunk",
            constraint=accounts.ownership.Isolated(
                grants=("SELECT", "INSERT", "UPDATE", "DELETE"),
                name="knowledge_vectorchunk_isolated",
                owner="owner_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="vectorchunk",
            constraint=accounts.ownership.Stamped(name="knowledge_vectorchunk_stamped"),
        ),
        migrations.AddConstraint(
            model_name="vectorchunk",
            constraint=accounts.ownership.OwnedReference(field="document", name="knowledge_vectorchunk_document"),
        ),
        migrations.AddConstraint(
            model_name="vectorchunk",
            constraint=models.UniqueConstraint(
                fields=("owner", "document", "ordinal"), name="knowledge_vectorchunk_ordinal"
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=accounts.ownership.Isolated(
                grants=("SELECT", "INSERT", "UPDATE", "DELETE"),
                name="knowledge_knowledgedoc_isolated",
                owner="owner_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=accounts.ownership.Stamped(name="knowledge_knowledgedoc_stamped"),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.CheckConstraint(
                condition=models.Q(("title__regex", "^\\S"), ("title__regex", "\\S$")),
                name="knowledge_knowledgedoc_title_trimmed",
                violation_error_message="A title is not empty, and has no space at its ends.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.LessThanOrEqual(
                    django.db.models.functions.text.Length("content"), 1000000
                ),
                name="knowledge_knowledgedoc_content_length",
                violation_error_message="A document has at most 1000000 characters.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.Exact(
                        models.Func("metadata", function="json_typeof", output_field=models.TextField()), "object"
                    )
                ),
                name="knowledge_knowledgedoc_metadata_object",
                violation_error_message="Metadata is a JSON object.",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=audit.triggers.Audited(
                masked=("content", "metadata"),
                name="knowledge_knowledgedoc_audited",
                noun="document",
                omitted=("updated_at",),
                owner="owner_id",
            ),
        ),
        migrations.AddIndex(
            model_name="chunkvector",
            index=models.Index(fields=["owner", "document"], name="knowledge_chunkvector_owner"),
        ),
        migrations.AddConstraint(
            model_name="chunkvector",
            constraint=accounts.ownership.Isolated(
                grants=("SELECT", "INSERT", "UPDATE", "DELETE"),
                name="knowledge_chunkvector_isolated",
                owner="owner_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="chunkvector",
            constraint=accounts.ownership.OwnedReference(field="chunk", name="knowledge_chunkvector_chunk"),
        ),
        migrations.AddConstraint(
            model_name="chunkvector",
            constraint=accounts.ownership.OwnedReference(field="document", name="knowledge_chunkvector_document"),
        ),
        # No TOAST look-up per vector: an exact scan reads the narrow rows one after another.
        migrations.RunSQL(
            "ALTER TABLE knowledge_chunkvector ALTER COLUMN embedding SET STORAGE PLAIN",
            "ALTER TABLE knowledge_chunkvector ALTER COLUMN embedding SET STORAGE EXTERNAL",
        ),
    ]
