"""Documents, the passages they are split into, and the passages' vectors."""

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from pgvector.django import HalfVectorField

from accounts.ownership import Isolated, Owned, OwnedReference
from audit.triggers import Audited
from knowledge.embeddings import DIMENSIONS
from resources.metadata import PreservedJSONField, metadata_constraints, validate_metadata
from resources.models import Titled
from resources.tracking import Tracked

MAX_CONTENT = 1_000_000


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
            *metadata_constraints("knowledge_knowledgedoc"),
            Tracked(name="knowledge_knowledgedoc_tracked", noun="document"),
            Audited(
                name="knowledge_knowledgedoc_audited",
                noun="document",
                masked=["title", "content", "metadata"],
                omitted=["updated_at", "version", "changed_in"],
            ),
        ]
        indexes = [*Titled.Meta.indexes]


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
