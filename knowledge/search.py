"""Search: by meaning, by words, or by both, over exactly the live passages of one owner."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connection

from audit.services import record
from knowledge import filters, fusion, vectors
from knowledge.embeddings import EmbeddingError, embed_queries
from knowledge.fusion import Mode
from knowledge.store import vector_texts
from web.errors import Unavailable

log = structlog.get_logger(__name__)

# How many passages each way of searching brings at least, and for each result that is wanted.
LEAST_DEPTH: Final = 100
DEPTH_FACTOR: Final = 4
DEEPER: Final = 10

CHUNK_COUNT = "SELECT coalesce(sum(chunk_count), 0)::bigint FROM knowledge_corpus WHERE owner_id = %s"


class EmbeddingUnavailable(Unavailable):
    """Queries can't be embedded now; the log says why."""

    default_detail = "Search by meaning is unavailable: the query can't be embedded."
    default_code = "embedding_unavailable"


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for.

    limit: how many results, passages or, if they are grouped, documents. threshold: the least score of a hit.
    context: how many passages before and after each hit are wanted. chosen: the filters, by their names.
    """

    query: str
    mode: Mode = Mode.HYBRID
    limit: int = 10
    threshold: float = -1.0
    context: int = 0
    grouped: bool = False
    chosen: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was found, best first, and how. It is degraded if only the words could be looked for."""

    results: Sequence[dict[str, Any]]
    mode: Mode
    degraded: bool = False

    def put_on_record(self, query: str, **concerning: Any) -> None:
        """That somebody searched, and what was found; the words only if policy says so."""
        found = sorted({str(hit["document_id"]) for hit in self.results})
        detail = {"hits": len(self.results), "documents": found}
        record(action="search.performed", object_type="search", detail=detail, said={"query": query}, **concerning)


def answer(owner_id: UUID, searches: Sequence[Search]) -> list[Answer]:
    """The answers in the order of the searches. The queries are embedded by one call.

    Where that fails a hybrid search finds by words alone. Raises `EmbeddingUnavailable` if one is by meaning alone.
    """
    by_meaning = [search for search in searches if search.mode is not Mode.KEYWORD]
    embedded = _embed(by_meaning)
    whole = any(not search.chosen for search in by_meaning) and bool(embedded)
    candidates = _chunk_count(owner_id) if whole else 0
    return [_answer(owner_id, search, embedded.get(search.query), candidates) for search in searches]


def _embed(searches: Sequence[Search]) -> dict[str, str]:
    """The vectors of the queries as texts; none at all if they can't be embedded."""
    texts = list(dict.fromkeys(search.query for search in searches))
    if not texts:
        return {}
    try:
        embedded = embed_queries(texts)
    except EmbeddingError as exc:
        log.error("embedding_unavailable", error=str(exc))
        if any(search.mode is Mode.SEMANTIC for search in searches):
            raise EmbeddingUnavailable from exc
        return {}
    return dict(zip(texts, vector_texts(embedded), strict=True))


def _chunk_count(owner_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(CHUNK_COUNT, [owner_id])
        return int(cursor.fetchone()[0])


def _answer(owner_id: UUID, search: Search, query: str | None, candidates: int) -> Answer:
    degraded = query is None and search.mode is Mode.HYBRID
    mode = Mode.KEYWORD if degraded else search.mode
    strategy = vectors.plan(candidates, filtered=bool(search.chosen))
    mark = secrets.token_hex(16)
    parameters = {
        "owner": owner_id,
        "text": search.query,
        "query": query,
        "limit": search.limit,
        "threshold": search.threshold,
        "context": search.context,
        "grouped": search.grouped,
        "marks": f"HighlightAll=true, StartSel={mark}, StopSel={mark}",
        **filters.parameters(search.chosen),
    }
    sql = fusion.statement(mode, strategy, search.chosen, context=search.context > 0)
    rows = _deep_enough(sql, parameters, strategy, grouped=search.grouped)
    return Answer(results=[_hit(row, mark) for row in rows], mode=mode, degraded=degraded)


def _deep_enough(
    sql: str, parameters: dict[str, Any], strategy: vectors.Strategy, *, grouped: bool
) -> list[dict[str, Any]]:
    """The rows. Where a few documents have all the best passages it is looked further, until there are enough."""
    limit: int = parameters["limit"]
    most = vectors.MAX_BREADTH if strategy is vectors.Strategy.INDEX else None
    depth = max(LEAST_DEPTH, DEPTH_FACTOR * limit)
    while True:
        rows = _fetch(vectors.settings(strategy, depth), sql, parameters | {"depth": depth})
        if not grouped or len(rows) in (0, limit) or rows[0]["seen"] < depth or depth == most:
            return rows
        depth = DEEPER * depth if most is None else most


def _fetch(settings: str, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(settings + sql, parameters)
        if settings:
            cursor.nextset()
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _hit(row: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """A row as clients get it."""
    shown = ("document_id", "chunk_id", "title", "score", "content", "char_start", "char_end", "heading", "page")
    return {
        **{name: row[name] for name in shown},
        "highlights": highlights(row["marked"], mark, content=row["content"], offset=row["char_start"]),
        "ranks": {"semantic": row["semantic_rank"], "keyword": row["keyword_rank"]},
        "scores": {"semantic": row["semantic"], "keyword": row["keyword"]},
        "context": {"before": row["before"], "after": row["after"]},
    }


def highlights(marked: str, mark: str, *, content: str, offset: int) -> list[dict[str, int]]:
    """Where the words that match stand: the spans between marks, `offset` more than in the content.

    None if the text between the marks isn't the content to the character.
    """
    parts = marked.split(mark)
    if "".join(parts) != content:
        return []
    spans = []
    for number, part in enumerate(parts):
        if number % 2:
            spans.append({"char_start": offset, "char_end": offset + len(part)})
        offset += len(part)
    return spans
