"""Search by meaning, over exactly the passages of one owner."""

from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from pgvector import HalfVector

from knowledge.embeddings import EmbeddingError, embed
from web.errors import Unavailable

log = structlog.get_logger(__name__)

# `+ 0` keeps an approximate index out of the plan: this scan is exact, at a cost that grows with the owner's own rows.
NEAREST = """
    SELECT chunk.document_id, chunk.id AS chunk_id, document.title, nearest.score,
           chunk.content, chunk.char_start, chunk.char_end, chunk.heading
    FROM (
        SELECT chunk_id, -(embedding <#> %(query)s::halfvec) AS score
        FROM knowledge_chunkvector
        WHERE owner_id = %(owner)s
        ORDER BY (embedding <#> %(query)s::halfvec) + 0
        LIMIT %(limit)s
    ) AS nearest
    JOIN knowledge_vectorchunk AS chunk ON chunk.owner_id = %(owner)s AND chunk.id = nearest.chunk_id
    JOIN knowledge_knowledgedoc AS document ON document.owner_id = %(owner)s AND document.id = chunk.document_id
    WHERE nearest.score >= %(threshold)s
    ORDER BY nearest.score DESC, chunk.id
"""


class EmbeddingUnavailable(Unavailable):
    """The model can't be loaded on this installation; the log says why."""

    default_detail = "Search by meaning is unavailable: the embedding model can't be loaded."
    default_code = "embedding_unavailable"


def semantic(*, owner_id: UUID, query: str, limit: int, threshold: float = -1.0) -> list[dict[str, Any]]:
    """The `limit` passages nearest in meaning, best first; `score` is the cosine similarity, -1 to 1.

    Passages below `threshold` are left out. Exact: recall is 1 for every owner. Raises `EmbeddingUnavailable`.
    """
    try:
        vector = HalfVector(embed([query])[0])
    except EmbeddingError as exc:
        log.error("embedding_unavailable", error=str(exc))
        raise EmbeddingUnavailable from exc
    parameters: dict[str, Any] = {"query": vector.to_text(), "owner": owner_id, "limit": limit, "threshold": threshold}
    with connection.cursor() as cursor:
        cursor.execute(NEAREST, parameters)
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
