"""From a document to passages that can be found: split, embed, swap in."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction

from accounts.identity import acting_for
from knowledge.chunking import MAX_TOKENS, Chunk, split
from knowledge.embeddings import DIMENSIONS, MODEL_REVISION, Vectors, embed
from knowledge.embeddings.passages import embedded_text, shortened
from knowledge.files import extract_text
from knowledge.minilm.tokenizer import count
from knowledge.models import IndexingRun, KnowledgeDoc, VectorChunk
from knowledge.store import Passage, replace_passages

# Passages after which the progress is told, and it is asked whether the work is still wanted.
STEP = 32


class Superseded(Exception):  # noqa: N818 - nothing went wrong
    """The document was changed, trashed or deleted meanwhile. Another job sees to it, or none has to."""


def index(*, owner_id: UUID, document_id: UUID) -> bool:
    """Index the document as it is now; whether that was to be done.

    The model runs outside any transaction. The passages are swapped in by one: a search sees the old ones or the new
    ones. If the document changes meanwhile nothing is swapped; that change has a job of its own.

    Raises `ExtractionError`, `EmbeddingError`, and what the files' storage raises.
    """
    with acting_for(owner_id):
        document = _waiting(owner_id, document_id).first()
        if document is None:
            return False
        try:
            if document.own_chunks:
                _rename(document)
            else:
                _read(document)
                _index(document)
        except Superseded:
            return False
        return True


def tell(*, owner_id: UUID, document_id: UUID, code: str, message: str, given_up: bool) -> None:
    """Say of a document why it isn't indexed; if `given_up`, it won't be. What was indexed before can be found."""
    with acting_for(owner_id), transaction.atomic():
        error: dict[str, Any] = {"last_error": {"code": code, "message": message}}
        if given_up:
            error["status"] = KnowledgeDoc.Status.FAILED
            IndexingRun.objects.filter(owner_id=owner_id, document_id=document_id).delete()
        _waiting(owner_id, document_id).update(**error)


def _waiting(owner_id: UUID, document_id: UUID) -> Any:
    documents = KnowledgeDoc.objects.for_user(owner_id)
    return documents.filter(pk=document_id, status=KnowledgeDoc.Status.IN_PROGRESS, trashed_at=None)


def _unchanged(document: KnowledgeDoc) -> Any:
    return _waiting(document.owner_id, document.pk).filter(revision=document.revision)


def _read(document: KnowledgeDoc) -> None:
    """Extract the content of a document whose file nobody has read yet. Raises `Superseded`."""
    if document.file_key is None or document.content:
        return
    read = extract_text(document)
    document.content, document.page_starts = read.text, read.page_starts
    if not _unchanged(document).update(content=read.text, page_starts=read.page_starts):
        raise Superseded


def _index(document: KnowledgeDoc) -> None:
    chunks = _split(document)
    vectors = _embedded(document, [embedded_text(document.title, chunk.text) for chunk in chunks])
    passages = [_passage(document, chunk) for chunk in chunks]
    with transaction.atomic():
        _finish(document, len(chunks))
        replace_passages(document, passages, vectors, model=MODEL_REVISION)


def _split(document: KnowledgeDoc) -> list[Chunk]:
    """Passages that leave room for the title before each."""
    tokens = min(document.chunk_tokens, MAX_TOKENS - count(shortened(document.title)))
    return split(document.content, max_tokens=tokens, overlap=min(document.chunk_overlap, (tokens - 1) // 2))


def _passage(document: KnowledgeDoc, chunk: Chunk) -> Passage:
    page = bisect_right(document.page_starts, chunk.char_start) if document.page_starts else None
    return Passage(
        ordinal=chunk.ordinal,
        text=chunk.text,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        heading=chunk.heading,
        page=page,
        token_count=chunk.token_count,
    )


def _embedded(document: KnowledgeDoc, texts: Sequence[str]) -> Vectors:
    """The texts' vectors, while others see how far it is. Raises `Superseded`."""
    steps = [texts[start : start + STEP] for start in range(0, len(texts), STEP)]
    vectors: list[Vectors] = []
    for number, step in enumerate(steps):
        if len(steps) > 1:
            _progress(document, done=number * STEP, total=len(texts))
        vectors.append(embed(step))
    return np.concatenate(vectors) if vectors else np.empty((0, DIMENSIONS), np.float32)


def _progress(document: KnowledgeDoc, *, done: int, total: int) -> None:
    if not _unchanged(document).exists():
        raise Superseded
    run = IndexingRun(document_id=document.pk, owner_id=document.owner_id, chunks_done=done, chunks_total=total)
    columns = ["chunks_done", "chunks_total"]
    IndexingRun.objects.bulk_create([run], update_conflicts=True, unique_fields=["document"], update_fields=columns)


def _rename(document: KnowledgeDoc) -> None:
    """Its owner's own passages stay as they are; they are found by the words of the new title, in the new language."""
    rows = VectorChunk.objects.for_user(document.owner_id).filter(document=document)
    with transaction.atomic():
        _finish(document, document.chunk_count)
        rows.update(title=document.title, language=document.language)


def _finish(document: KnowledgeDoc, chunk_count: int) -> None:
    """Say that it is indexed, as part of the transaction that makes it so. Raises `Superseded`."""
    # Locks the document: a change of it waits, or has raised the revision.
    done = {"status": KnowledgeDoc.Status.COMPLETED, "last_error": None, "chunk_count": chunk_count}
    if not _unchanged(document).update(**done):
        raise Superseded
    IndexingRun.objects.filter(owner_id=document.owner_id, document_id=document.pk).delete()
