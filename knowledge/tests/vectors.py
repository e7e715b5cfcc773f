"""Owners with vectors: made in bulk, searched as a request searches, and compared with numpy."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import connection

from accounts.identity import acting_for
from accounts.models import User
from knowledge.embeddings import DIMENSIONS, Vectors
from knowledge.models import ChunkVector, KnowledgeDoc
from knowledge.store import Passage, add_passages, vector_texts
from knowledge.vectors import Strategy, nearest, settings

# As a search has them around what `nearest` gives.
EXCLUDED = """
    excluded AS (
        SELECT id FROM knowledge_knowledgedoc WHERE owner_id = %(owner)s AND trashed_at IS NOT NULL
    )
"""
ALLOWED = """
    allowed AS (
        SELECT id FROM knowledge_knowledgedoc WHERE owner_id = %(owner)s AND trashed_at IS NULL AND tags @> %(tags)s
    )
"""

Random = np.random.Generator


def unit(rows: npt.NDArray[Any]) -> Vectors:
    """Each row with the length 1, rounded as it is stored."""
    scaled: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    return scaled


def topics(random: Random, count: int) -> Vectors:
    """Directions that have nothing to do with one another."""
    return unit(random.standard_normal((count, DIMENSIONS)))


def about(random: Random, themes: Vectors, count: int) -> Vectors:
    """Vectors each of which is about one of the themes."""
    return unit(themes[random.integers(len(themes), size=count)] + 0.05 * random.standard_normal((count, DIMENSIONS)))


def store(owner: User, vectors: Vectors, *, tags: Sequence[str] = ()) -> KnowledgeDoc:
    """A document that has these vectors."""
    content = f"{len(vectors)} passages, one of {KnowledgeDoc.objects.count()} documents."
    document = KnowledgeDoc.objects.create(
        owner=owner, title="A", content=content, tags=list(tags), chunk_count=len(vectors), status="completed"
    )
    passages = [Passage(place, "a", 0, 1, "", None, 1) for place in range(len(vectors))]
    add_passages(document, passages, vectors, model="none")
    return document


def ask(owner: User, strategy: Strategy, query: Vectors, depth: int, **params: Any) -> list[tuple[UUID, float]]:
    """The nearest vectors of one owner, as a request of theirs finds them."""
    return [(chunk, score) for chunk, score in _rows(owner, strategy, "", query, depth, **params)]


def explain(owner: User, strategy: Strategy, query: Vectors, depth: int = 10, **params: Any) -> str:
    """The plan of the same."""
    return "\n".join(line for (line,) in _rows(owner, strategy, "EXPLAIN (COSTS OFF)", query, depth, **params))


def _rows(owner: User, strategy: Strategy, before: str, query: Vectors, depth: int, **params: Any) -> Any:
    around = ALLOWED if strategy is Strategy.DOCUMENTS else EXCLUDED
    statement = f"""
        {before} WITH {around}, nearest AS ({nearest(strategy)})
        SELECT chunk_id, score FROM nearest ORDER BY score DESC, chunk_id
    """
    prefix = settings(strategy, depth)
    given = {"owner": owner.pk, "query": vector_texts(query[None])[0], "depth": depth, "tags": [], **params}
    with acting_for(owner.pk), connection.cursor() as cursor:
        cursor.execute(prefix + statement, given)
        if prefix:
            cursor.nextset()
        return cursor.fetchall()


def brute_force(owner: User, query: Vectors, depth: int, **documents: Any) -> list[UUID]:
    """The chunks of the owner's live documents by their true similarity, of which the best are right."""
    live = KnowledgeDoc.objects.for_user(owner.pk).filter(trashed_at=None, **documents)
    rows = list(ChunkVector.objects.filter(document__in=live).values_list("pk", "embedding"))
    if not rows:
        return []
    scores = np.array([row for _, row in rows], dtype=np.float32) @ query
    return [rows[place][0] for place in np.argsort(-scores, kind="stable")[:depth]]


def recall(owner: User, strategy: Strategy, queries: Vectors, depth: int = 10) -> float:
    """What part of the true best of the owner's live vectors is found; each answer is as long as it can be."""
    found = total = 0
    for query in queries:
        right = brute_force(owner, query, depth)
        answer = ask(owner, strategy, query, depth)
        assert len(answer) == len(right)
        found += len({chunk for chunk, _ in answer} & set(right))
        total += len(right)
    return found / total
