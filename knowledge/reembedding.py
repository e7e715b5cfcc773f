"""After a change of the model: passages get vectors of the present one, batch by batch, while searches go on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from knowledge.embeddings import embed, embedder
from knowledge.embeddings.passages import embedded_text
from knowledge.embeddings.vectors import Vectors
from knowledge.models import VectorChunk
from knowledge.store import vector_texts

COLUMNS = ("pk", "owner_id", "updated_at", "title", "content")
# Passages that are read, embedded and written together.
BATCH = 64

# Writing to passages takes their owner's lock of the keyword index: taken first, so that nothing is held meanwhile.
LOCK = "SELECT knowledge_lock_words(owner) FROM unnest(%s::uuid[]) AS owner"
# What somebody else has locked, or has changed since it was read, is passed over: this neither waits for anybody while
# it holds locks on rows, nor undoes what was done. A vector that the approximate index covers is in it anew with this
# very change, so `hot` stays.
WRITE = """
WITH given AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(seen)s::timestamptz[], %(embeddings)s::text[]) AS t (id, seen, embedding)
), same AS (
    SELECT chunk.id, given.embedding
    FROM given
    JOIN knowledge_vectorchunk AS chunk ON chunk.id = given.id AND chunk.updated_at = given.seen
    JOIN knowledge_chunkvector AS vector ON vector.chunk_id = chunk.id
    FOR NO KEY UPDATE OF chunk, vector SKIP LOCKED
), marked AS (
    UPDATE knowledge_vectorchunk AS chunk SET model = %(model)s FROM same WHERE chunk.id = same.id
)
UPDATE knowledge_chunkvector AS vector SET embedding = same.embedding::halfvec FROM same WHERE vector.chunk_id = same.id
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """What one batch came to: passages that were looked at, and those of them that have a new vector."""

    seen: int
    written: int


def outdated(owner_id: UUID | None = None) -> Any:
    """The passages that another model embedded, of everybody or one owner. Those that owners brought aren't ours."""
    rows = VectorChunk.objects.exclude(model=embedder().model_revision).filter(document__own_chunks=False)
    return rows if owner_id is None else rows.for_user(owner_id)


def reembed(owner_id: UUID | None = None) -> Iterator[Progress]:
    """Embed them anew, in the order of their ids; ends with what is left if a whole round could write nothing.

    Each batch is complete by itself: whatever interrupts this, the next call goes on. Raises `EmbeddingError`.
    """
    rows = outdated(owner_id).order_by("pk")
    written = 1
    while written:
        written, last = 0, UUID(int=0)
        while batch := list(rows.filter(pk__gt=last).values(*COLUMNS)[:BATCH]):
            last = batch[-1]["pk"]
            vectors = embed([embedded_text(row["title"], row["content"]) for row in batch])
            done = _write(batch, vectors)
            written += done
            yield Progress(len(batch), done)


def _write(batch: list[dict[str, Any]], vectors: Vectors) -> int:
    parameters: dict[str, Any] = {
        "ids": [row["pk"] for row in batch],
        "seen": [row["updated_at"] for row in batch],
        "embeddings": vector_texts(vectors),
        "model": embedder().model_revision,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [sorted({row["owner_id"] for row in batch})])
        cursor.execute(WRITE, parameters)
        return int(cursor.rowcount)
