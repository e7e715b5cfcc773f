"""Documents, the passages they are split into, and the passages' vectors."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact, LessThanOrEqual
from pgvector.django import HalfVectorField
from psycopg.types.json import Json

from accounts.ownership import Isolated, Owned, OwnedReference, Titled
from audit.triggers import Audited
from knowledge.embeddings import DIMENSIONS
from web.parsers import holds_nul

MAX_CONTENT = 1_000_000
MAX_METADATA = 16_384


def validate_metadata(value: Any) -> None:
    """A JSON object of at most 16 KiB that PostgreSQL can store: no NaN, no infinity, no NUL, no lone surrogate."""
    if not isinstance(value, dict):
        raise ValidationError("This must be a JSON object.", "not_an_object")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValidationError("A string holds a lone surrogate.", "surrogate") from None
    except ValueError:
        raise ValidationError("NaN and infinity are not JSON numbers.", "not_finite") from None
    if holds_nul(text):
        raise ValidationError("A string holds the NUL character.", "nul")
    if size > MAX_METADATA:
        raise ValidationError(f"This is larger than {MAX_METADATA} bytes.", "max_length")


class PreservedJSONField(models.JSONField):
    """JSON kept as it was written: key order and big numbers survive, which `jsonb` would normalise."""

    def db_type(self, connection: Any) -> str:
        """The column's type."""
        return "json"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Django would send it as `jsonb`, and the order of the keys would be gone before it is stored."""
        return Json(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """psycopg has parsed it already; only `jsonb` it leaves to Django."""
        return value


class KnowledgeDoc(Titled):
    """A document. It can be searched once it is indexed, and in its old form until the new one is."""

    class Status(models.TextChoices):
        """Where indexing stands."""

        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        FAILED = "failed"

    content = models.TextField()
    metadata = PreservedJSONField(default=dict, blank=True, validators=[validate_metadata])
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.IN_PROGRESS)
    last_error = models.JSONField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1)
    chunk_count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "document"
        constraints = [
            *Titled.Meta.constraints,
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("content"), MAX_CONTENT),
                name="knowledge_knowledgedoc_content_length",
                violation_error_message=f"A document has at most {MAX_CONTENT} characters.",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    Exact(models.Func("metadata", function="json_typeof", output_field=models.TextField()), "object")
                ),
                name="knowledge_knowledgedoc_metadata_object",
                violation_error_message="Metadata is a JSON object.",
            ),
            Audited(
                name="knowledge_knowledgedoc_audited",
                noun="document",
                masked=["title", "content", "metadata"],
            ),
        ]


class VectorChunk(Owned):
    """A passage of a document: `content[char_start:char_end]` of it, under the heading it stands below.

    The composite key takes it along when the document goes: one statement, that locks the document first.
    """

    document = models.ForeignKey(
        KnowledgeDoc, on_delete=models.DO_NOTHING, related_name="chunks", db_constraint=False, db_index=False
    )
    ordinal = models.PositiveIntegerField()
    content = models.TextField()
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    heading = models.TextField(blank=True, default="")
    token_count = models.PositiveIntegerField()
    model = models.CharField(max_length=100)

    class Meta:
        verbose_name = "chunk"
        constraints = [
            *Owned.Meta.constraints,
            OwnedReference(name="knowledge_vectorchunk_document", field="document"),
            models.UniqueConstraint(fields=["owner", "document", "ordinal"], name="knowledge_vectorchunk_ordinal"),
        ]

    def __str__(self) -> str:
        return f"chunk {self.ordinal} of {self.document_id}"


class ChunkVector(models.Model):
    """A chunk's embedding, in a table of its own: narrow rows make an exact scan of an owner's vectors fast.

    embedding: 384 half-precision numbers, L2-normalised, so that the inner product is the cosine similarity.
    hot: whether the approximate index covers the row; new rows never are.
    """

    chunk = models.OneToOneField(
        VectorChunk, on_delete=models.DO_NOTHING, primary_key=True, related_name="vector", db_constraint=False
    )
    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+", db_index=False)
    document = models.ForeignKey(
        KnowledgeDoc, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    hot = models.BooleanField(db_default=False)
    embedding = HalfVectorField(dimensions=DIMENSIONS)

    class Meta:
        verbose_name = "vector"
        constraints = [
            Isolated(name="knowledge_chunkvector_isolated"),
            OwnedReference(name="knowledge_chunkvector_chunk", field="chunk"),
            OwnedReference(name="knowledge_chunkvector_document", field="document"),
        ]
        indexes = [models.Index(fields=["owner", "document"], name="knowledge_chunkvector_owner")]

    def __str__(self) -> str:
        return f"vector of {self.chunk_id}"
