"""From a document to passages that can be found: split, embed, swap in."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from pgvector import HalfVector

from accounts.identity import acting_for
from knowledge.chunking import Chunk, split
from knowledge.embeddings import MODEL_REVISION, embed
from knowledge.models import ChunkVector, KnowledgeDoc, VectorChunk

# Rows an INSERT brings: a vector takes about 4 kB as text.
BATCH = 500


def index(*, owner_id: UUID, document_id: UUID) -> None:
    """Index the document as it is now. Does nothing if it is gone or indexed already.

    The model runs outside any transaction. The passages are swapped in by one: a search sees the old ones or the new
    ones. If the content changed meanwhile nothing is swapped; that change has a job of its own.
    """
    with acting_for(owner_id):
        document = _waiting(owner_id, document_id).first()
        if document is None:
            return
        chunks = split(document.content)
        vectors = embed([chunk.text for chunk in chunks])
        _swap(document, chunks, vectors)


def fail(*, owner_id: UUID, document_id: UUID, code: str, message: str) -> None:
    """Give up on a document, and say why. What was indexed of it before can still be found."""
    with acting_for(owner_id):
        error = {"code": code, "message": message}
        _waiting(owner_id, document_id).update(status=KnowledgeDoc.Status.FAILED, last_error=error)


def _waiting(owner_id: UUID, document_id: UUID) -> Any:
    documents = KnowledgeDoc.objects.for_user(owner_id)
    return documents.filter(pk=document_id, status=KnowledgeDoc.Status.IN_PROGRESS)


@transaction.atomic
def _swap(document: KnowledgeDoc, chunks: Sequence[Chunk], vectors: Any) -> None:
    # Locks the document: a change of its content waits, or has raised the revision and makes this a no-op.
    unchanged = _waiting(document.owner_id, document.pk).filter(revision=document.revision)
    done = {"status": KnowledgeDoc.Status.COMPLETED, "last_error": None, "chunk_count": len(chunks)}
    if not unchanged.update(**done):
        return
    mine = {"owner_id": document.owner_id, "document_id": document.pk}
    VectorChunk.objects.filter(**mine).delete()
    rows = [
        VectorChunk(
            **mine,
            ordinal=chunk.ordinal,
            content=chunk.text,
            char_start=chunk.char_start,
            char_end=chunk.char_end,
            heading=chunk.heading,
            token_count=chunk.token_count,
            model=MODEL_REVISION,
        )
        for chunk in chunks
    ]
    VectorChunk.objects.bulk_create(rows, batch_size=BATCH)
    # bulk_create doesn't bring back keys that the database made.
    keys = VectorChunk.objects.filter(**mine).order_by("ordinal").values_list("pk", flat=True)
    embeddings = (
        ChunkVector(**mine, chunk_id=key, embedding=HalfVector(vector))
        for key, vector in zip(keys, vectors, strict=True)
    )
    ChunkVector.objects.bulk_create(embeddings, batch_size=BATCH)
