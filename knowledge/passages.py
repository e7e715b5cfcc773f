"""Passages that a client stores with its own embeddings: the server makes none of that document then."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from rest_framework.exceptions import NotFound, ValidationError

from knowledge.minilm.tokenizer import count
from knowledge.models import IndexingRun, KnowledgeDoc, VectorChunk
from knowledge.rows import DOCUMENTS
from knowledge.store import Passage, add_passages
from resources.rows import LIVE, Row
from resources.serializers import bounded
from web.errors import Conflict
from web.preconditions import PreconditionFailed

CLIENT = "client"
NOT_ITS_OWN = "The passages of this document are the server's: replace them first, by PUT."

Given = Sequence[Mapping[str, Any]]


@transaction.atomic
def store(
    *,
    owner_id: UUID,
    pk: UUID,
    given: Given,
    model: str = CLIENT,
    replaces: bool,
    versions: Collection[int] | None = None,
) -> Row:
    """The document after a client has stored passages of it: in the place of all there are, or behind them.

    given: valid members of a `PassageSerializer`. Six statements at most for 500 passages, one more for 1,000.

    Raises `NotFound`, `PreconditionFailed`, `ValidationError`, and `Conflict` if there is nothing of the client's own
    to add them to.
    """
    document = _locked(owner_id, pk, versions)
    if not replaces and not document.own_chunks:
        raise Conflict(NOT_ITS_OWN, "chunks_of_server")
    first = 0 if replaces else document.chunk_count
    passages = _passages(document.content, given, first)
    if replaces:
        IndexingRun.objects.filter(owner_id=owner_id, document_id=pk).delete()
        VectorChunk.objects.for_user(owner_id).filter(document=document).delete()
    vectors = np.array([passage["embedding"] for passage in given], np.float32)
    add_passages(document, passages, vectors, model=model)
    done = {"own_chunks": True, "chunk_count": first + len(passages)}
    indexed = {"status": KnowledgeDoc.Status.COMPLETED, "last_error": None} if replaces else {}
    return DOCUMENTS.update(owner_id, pk, done | indexed, which=LIVE)


def _locked(owner_id: UUID, pk: UUID, versions: Collection[int] | None) -> KnowledgeDoc:
    """The document as it stays until the transaction's end."""
    live = KnowledgeDoc.objects.for_user(owner_id).filter(trashed_at=None)
    document = live.select_for_update(no_key=True).filter(pk=pk).first()
    if document is None:
        raise NotFound
    if versions is not None and document.version not in versions:
        raise PreconditionFailed(document.version)
    return document


def _passages(content: str, given: Given, first: int) -> list[Passage]:
    faults = {index: wrong for index, passage in enumerate(given) if (wrong := _wrong(content, passage))}
    if faults:
        raise ValidationError({"chunks": bounded(faults)})
    return [_passage(content, passage, ordinal) for ordinal, passage in enumerate(given, first)]


def _wrong(content: str, passage: Mapping[str, Any]) -> dict[str, list[str]]:
    start, end = passage["char_start"], passage["char_end"]
    if end > len(content):
        return {"char_end": [f"The document has {len(content)} characters."]}
    if passage.get("content") not in (None, content[start:end]):
        return {"content": ["The document's content is another there."]}
    return {}


def _passage(content: str, passage: Mapping[str, Any], ordinal: int) -> Passage:
    text = content[passage["char_start"] : passage["char_end"]]
    return Passage(
        ordinal=ordinal,
        text=text,
        char_start=passage["char_start"],
        char_end=passage["char_end"],
        heading=passage.get("heading", ""),
        page=passage.get("page"),
        token_count=count(text),
    )
