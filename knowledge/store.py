"""Passages and their vectors as rows, by one statement for some hundreds of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from django.db import connection

from knowledge.embeddings import Vectors
from knowledge.models import KnowledgeDoc, VectorChunk

# Rows a statement brings: a vector takes about 3 kB as text.
BATCH = 500

INSERT = """
WITH passage AS (
    INSERT INTO knowledge_vectorchunk (
        owner_id, document_id, title, language, model,
        ordinal, content, char_start, char_end, heading, page, token_count
    )
    SELECT %(owner)s, %(document)s, %(title)s, %(language)s, %(model)s, given.*
    FROM unnest(
        %(ordinals)s::integer[], %(contents)s::text[], %(starts)s::integer[], %(ends)s::integer[],
        %(headings)s::text[], %(pages)s::integer[], %(tokens)s::integer[]
    ) AS given
    RETURNING id, ordinal
)
INSERT INTO knowledge_chunkvector (chunk_id, owner_id, document_id, embedding)
SELECT passage.id, %(owner)s, %(document)s, given.embedding::halfvec
FROM unnest(%(ordinals)s::integer[], %(embeddings)s::text[]) AS given (ordinal, embedding)
JOIN passage USING (ordinal)
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a document: `text` is its `content[char_start:char_end]`.

    ordinal: its place among the document's passages, from 0. page: from 1, or None.
    """

    ordinal: int
    text: str
    char_start: int
    char_end: int
    heading: str
    page: int | None
    token_count: int


def replace_passages(document: KnowledgeDoc, passages: Sequence[Passage], vectors: Vectors, *, model: str) -> None:
    """Put passages in the place of all that the document has. Part of the caller's transaction."""
    VectorChunk.objects.for_user(document.owner_id).filter(document=document).delete()
    add_passages(document, passages, vectors, model=model)


def add_passages(document: KnowledgeDoc, passages: Sequence[Passage], vectors: Vectors, *, model: str) -> None:
    """Store passages with their vectors, of shape (len(passages), 384) and length 1. Part of the caller's transaction.

    model: the name and revision of what embedded them.
    """
    for start in range(0, len(passages), BATCH):
        batch = passages[start : start + BATCH]
        params: dict[str, Any] = {
            "owner": document.owner_id,
            "document": document.pk,
            "title": document.title,
            "language": document.language,
            "model": model,
            "ordinals": [passage.ordinal for passage in batch],
            "contents": [passage.text for passage in batch],
            "starts": [passage.char_start for passage in batch],
            "ends": [passage.char_end for passage in batch],
            "headings": [passage.heading for passage in batch],
            "pages": [passage.page for passage in batch],
            "tokens": [passage.token_count for passage in batch],
            "embeddings": vector_texts(vectors[start : start + BATCH]),
        }
        with connection.cursor() as cursor:
            cursor.execute(INSERT, params)


def vector_texts(vectors: Vectors) -> list[str]:
    """Vectors, of shape (n, 384), as pgvector reads them, in half precision."""
    texts = _half_texts()
    rows = vectors.astype(np.float16).view(np.uint16).tolist()
    return [f"[{','.join([texts[bits] for bits in row])}]" for row in rows]


@cache
def _half_texts() -> list[str]:
    """The text of each half-precision number, by its bits: to look it up is five times as fast as to write it anew."""
    return [str(number) for number in np.arange(2**16, dtype=np.uint16).view(np.float16)]
