"""Passages, and their vectors."""

from typing import ClassVar

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast
from pgvector.django import HalfVectorField, HnswIndex

from accounts.ownership import Isolated, Owned, OwnedReference
from knowledge.embeddings import DIMENSIONS
from knowledge.models.documents import KnowledgeDoc
from knowledge.rules import Worded

# Dimensions by which the vectors of different owners lie apart in the approximate index.
CODE_DIMENSIONS = 32


class OwnerCode(models.Func):
    """The owner as a vector of 32 dimensions: what the approximate index has after each embedding."""

    function = "knowledge_owner_code"
    output_field = HalfVectorField(dimensions=CODE_DIMENSIONS)


def coded() -> Cast:
    """What the approximate index is over: the embedding, then the code of the owner."""
    joined = CombinedExpression(models.F("embedding"), "||", OwnerCode("owner_id"))
    return Cast(joined, HalfVectorField(dimensions=DIMENSIONS + CODE_DIMENSIONS))


class VectorChunk(Owned):
    """A passage of a document: `content[char_start:char_end]` of it, under the heading it stands below.

    The composite key takes it along when the document goes: one statement, that locks the document first.

    number: what the keyword index calls it; never seen by clients.
    title, language: the document's at the time; its words are indexed as of that language.
    page: from 1; null if the document has none. model: the name and revision of what embedded it.
    """

    document = models.ForeignKey(
        KnowledgeDoc, on_delete=models.DO_NOTHING, related_name="chunks", db_constraint=False, db_index=False
    )
    number = models.BigIntegerField(
        editable=False, db_default=models.Func(models.Value("knowledge_chunk_number"), function="nextval")
    )
    ordinal = models.PositiveIntegerField()
    title = models.CharField(max_length=255, db_default="")
    language = models.CharField(max_length=3, db_default="und")
    content = models.TextField()
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    heading = models.TextField(blank=True, default="", db_default="")
    page = models.PositiveIntegerField(null=True)
    token_count = models.PositiveIntegerField()
    model = models.CharField(max_length=100)

    class Meta:
        verbose_name = "chunk"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *Owned.Meta.constraints,
            OwnedReference(name="knowledge_vectorchunk_document", field="document"),
            models.UniqueConstraint(fields=["owner", "document", "ordinal"], name="knowledge_vectorchunk_ordinal"),
            models.UniqueConstraint(fields=["owner", "number"], name="knowledge_vectorchunk_number"),
            Worded(name="knowledge_vectorchunk_worded"),
        ]

    def __str__(self) -> str:
        return f"chunk {self.ordinal} of {self.document_id}"


class ChunkVector(models.Model):
    """A chunk's embedding, in a table of its own: narrow rows make an exact scan of an owner's vectors fast.

    embedding: 384 half-precision numbers, L2-normalised, so that the inner product is the cosine similarity.
    hot: whether the approximate index covers the row; new rows never are, nor what lies in the trash.
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
        constraints: ClassVar[list[models.BaseConstraint]] = [
            Isolated(name="knowledge_chunkvector_isolated"),
            OwnedReference(name="knowledge_chunkvector_chunk", field="chunk"),
            OwnedReference(name="knowledge_chunkvector_document", field="document"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "document"], name="knowledge_chunkvector_owner"),
            # What the approximate index doesn't cover yet is scanned beside it.
            models.Index(fields=["owner", "chunk"], condition=models.Q(hot=False), name="knowledge_chunkvector_tail"),
            HnswIndex(
                OpClass(coded(), name="halfvec_l2_ops"),
                name="knowledge_chunkvector_hot",
                m=24,
                ef_construction=128,
                condition=models.Q(hot=True),
            ),
        ]

    def __str__(self) -> str:
        return f"vector of {self.chunk_id}"
