"""The statement of a search: the passages nearest in meaning, those that hold the words, and both as one ranking."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from knowledge import filters, vectors
from knowledge.keywords import KEYWORD, SCORED

# What meaning weighs against words, both of which are 0 to 1: found on half of the queries of three collections.
MEANING: Final = 0.5


class Mode(StrEnum):
    """By what passages are found."""

    HYBRID = "hybrid"
    SEMANTIC = "semantic"
    KEYWORD = "keyword"


# One by one, by the key: there are few, and no setting that the nearest need makes the planner read more.
SEMANTIC: Final = """semantic AS MATERIALIZED (
        SELECT near.chunk_id, chunk.document_id, chunk.number, near.score,
               row_number() OVER (ORDER BY near.score DESC, chunk.number) AS rank
        FROM ({nearest}) AS near, LATERAL (
            SELECT document_id, number FROM knowledge_vectorchunk
            WHERE owner_id = %(owner)s AND id = near.chunk_id
            OFFSET 0
        ) AS chunk
    )"""

# What only one of them found has the other's exact score, too.
CANDIDATES: Final = {
    Mode.SEMANTIC: """candidate AS MATERIALIZED (
        SELECT chunk_id, document_id, number, score, score AS semantic, NULL::float8 AS keyword,
               rank AS semantic_rank, NULL::bigint AS keyword_rank
        FROM semantic
    )""",
    Mode.KEYWORD: """candidate AS MATERIALIZED (
        SELECT chunk_id, document_id, number, score, NULL::float8 AS semantic, score AS keyword,
               NULL::bigint AS semantic_rank, rank AS keyword_rank
        FROM keyword
    )""",
    Mode.HYBRID: f"""found AS MATERIALIZED (
        SELECT chunk_id, coalesce(semantic.document_id, keyword.document_id) AS document_id,
               coalesce(semantic.number, keyword.number) AS number, semantic.score AS semantic,
               keyword.score AS keyword, semantic.rank AS semantic_rank, keyword.rank AS keyword_rank
        FROM semantic FULL JOIN keyword USING (chunk_id)
    ), graded AS MATERIALIZED (
        SELECT found.chunk_id, found.document_id, number, found.semantic_rank, found.keyword_rank,
               coalesce(found.semantic, (
                   SELECT -(embedding <#> %(query)s::halfvec(384)) FROM knowledge_chunkvector
                   WHERE owner_id = %(owner)s AND chunk_id = found.chunk_id
               ), 0) AS semantic,
               coalesce(found.keyword, scored.score, 0) AS keyword
        FROM found LEFT JOIN scored USING (number)
    ), candidate AS MATERIALIZED (
        SELECT *, {MEANING} * semantic + {1 - MEANING} * keyword AS score FROM graded
    )""",
}

HITS: Final = """ranked AS (
        SELECT candidate.*, row_number() OVER (
            PARTITION BY CASE WHEN %(grouped)s THEN document_id ELSE chunk_id END ORDER BY score DESC, number
        ) AS place
        FROM candidate
    ), hit AS MATERIALIZED (
        SELECT * FROM ranked
        WHERE place = 1 AND score >= %(threshold)s
        ORDER BY score DESC, number
        LIMIT %(limit)s
    )
    SELECT hit.document_id, hit.chunk_id, document.title, hit.score, chunk.content, chunk.char_start, chunk.char_end,
           chunk.heading, chunk.page, hit.semantic_rank, hit.keyword_rank, hit.semantic, hit.keyword,
           {before} AS before, {after} AS after,
           ts_headline(
               knowledge_configuration(chunk.language), chunk.content,
               replace(plainto_tsquery(knowledge_configuration(chunk.language), %(text)s)::text, ' & ', ' | ')::tsquery,
               %(marks)s
           ) AS marked,
           (SELECT count(*) FROM candidate) AS seen
    FROM hit
    JOIN knowledge_vectorchunk AS chunk ON chunk.owner_id = %(owner)s AND chunk.id = hit.chunk_id
    JOIN knowledge_knowledgedoc AS document ON document.owner_id = %(owner)s AND document.id = hit.document_id
    ORDER BY hit.score DESC, hit.number"""

NEIGHBOURS: Final = """(
               SELECT coalesce(json_agg(json_build_object(
                   'chunk_id', beside.id, 'content', beside.content, 'char_start', beside.char_start,
                   'char_end', beside.char_end, 'heading', beside.heading, 'page', beside.page
               ) ORDER BY beside.ordinal), '[]')
               FROM knowledge_vectorchunk AS beside
               WHERE beside.owner_id = %(owner)s AND beside.document_id = chunk.document_id
                   AND beside.ordinal BETWEEN chunk.ordinal {places}
           )"""
NONE: Final = "'[]'::json"
BEFORE: Final = NEIGHBOURS.format(places="- %(context)s AND chunk.ordinal - 1")
AFTER: Final = NEIGHBOURS.format(places="+ 1 AND chunk.ordinal + %(context)s")


def statement(mode: Mode, strategy: vectors.Strategy, chosen: Mapping[str, Any], *, context: bool) -> str:
    """The SELECT of a search's hits, best first.

    chosen: the filters. context: whether the passages beside each hit are wanted.

    Named parameters: owner, text, depth, grouped, threshold, limit, marks (options of `ts_headline`), context, those of
    `filters.parameters`, and the query's vector as `query` unless the mode is `KEYWORD`.
    """
    documents, condition = filters.documents(chosen)
    parts = [documents]
    if mode is not Mode.KEYWORD:
        parts.append(SEMANTIC.format(nearest=vectors.nearest(strategy)))
    if mode is not Mode.SEMANTIC:
        parts += [SCORED, KEYWORD.format(condition=condition)]
    parts.append(CANDIDATES[mode])
    before, after = (BEFORE, AFTER) if context else (NONE, NONE)
    parts.append(HITS.format(before=before, after=after))
    return f"WITH {', '.join(parts)}"
