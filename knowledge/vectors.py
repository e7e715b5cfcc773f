"""Nearest vectors of one owner: exactly where that is fast enough, by an approximate index for the largest.

How is decided by the number of candidates, which is known exactly beforehand, and not by the planner. See ADR 0027.
"""

from enum import Enum

# Up to as many vectors of an owner are compared one by one: about 0.55 ms of computing for a thousand.
EXACT_LIMIT = 10_000
# Candidates that the approximate index keeps in view while it descends (`hnsw.ef_search`, 1 to 1000).
BREADTH = 400
MAX_BREADTH = 1_000
# Rows of the owner's it has to bring, however few are asked for. If it doesn't, most of what it found was deleted or
# somebody else's: it lost its way to the owner's vectors, and what it brought may be far from the best.
LEAST = 200


class Strategy(Enum):
    """How the nearest vectors are found."""

    # All of the owner's vectors but those of `excluded` documents, one by one.
    OWNER = "owner"
    # All vectors of the `allowed` documents, one by one.
    DOCUMENTS = "documents"
    # The approximate index and, one by one, what it doesn't cover yet.
    INDEX = "index"


def plan(candidates: int, *, filtered: bool) -> Strategy:
    """Choose for a search among `candidates` vectors: of the documents that match if `filtered`, else of all live ones.

    What is filtered is always searched exactly, so that a filter never yields fewer hits than there are.
    """
    if filtered:
        return Strategy.DOCUMENTS
    return Strategy.OWNER if candidates <= EXACT_LIMIT else Strategy.INDEX


def nearest(strategy: Strategy) -> str:
    """The SELECT of `chunk_id uuid, score float8`: the `depth` best, best first; score is the cosine similarity.

    Named parameters: owner (uuid), query (a halfvec of 384 as text, of length 1), depth (1 to `MAX_BREADTH`).
    The statement around it has the CTE `allowed (id)` for `DOCUMENTS`, `excluded (id)` for the others. As
    `settings` goes before that statement, the whole is one message and the answer its last result.
    """
    return SELECTS[strategy]


def settings(strategy: Strategy, depth: int) -> str:
    """What to send before the statement, in its message, or nothing: SQL that gives one result to step over.

    It holds until the end of the transaction.
    """
    if strategy is not Strategy.INDEX:
        return ""
    values = {
        "hnsw.ef_search": max(BREADTH, depth),
        # Where it lost its way to the owner's vectors, going on would take longer than to compare them all.
        "hnsw.iterative_scan": "off",
        # Of how many rows are an owner's and not in the index the planner knows too little: what it may not sort it has
        # to read by the index that has the order. What no index has, it sorts nevertheless.
        "enable_sort": "off",
        # It would take ten times as long as the search.
        "jit": "off",
    }
    calls = (f"set_config('{name}', '{value}', true)" for name, value in values.items())
    return f"SELECT {', '.join(calls)}; "


# `+ 0` keeps the approximate index out of the plan.
SCAN = """
    SELECT chunk_id, -(embedding <#> %(query)s::halfvec(384)) AS score
    FROM knowledge_chunkvector
    WHERE owner_id = %(owner)s AND {condition}
    ORDER BY (embedding <#> %(query)s::halfvec(384)) + 0
    LIMIT %(depth)s
"""
LIVE = "document_id NOT IN (SELECT id FROM excluded)"
OWNER = SCAN.format(condition=LIVE)
DOCUMENTS = SCAN.format(condition="document_id IN (SELECT id FROM allowed)")
# What isn't in the index yet is read in the order of an index that has nothing else.
TAIL = f"""
    SELECT chunk_id, score FROM (
        SELECT chunk_id, -(embedding <#> %(query)s::halfvec(384)) AS score
        FROM knowledge_chunkvector
        WHERE owner_id = %(owner)s AND NOT hot AND (SELECT enough FROM found) AND {LIVE}
        ORDER BY owner_id, chunk_id
    ) AS tail
    ORDER BY score DESC
    LIMIT %(depth)s
"""
# If the index doesn't bring enough, all are compared instead: by the same statement, so the answer is of one moment.
INDEX = f"""
    WITH near AS MATERIALIZED (
        SELECT chunk_id, -(embedding <#> %(query)s::halfvec(384)) AS score
        FROM knowledge_chunkvector
        WHERE owner_id = %(owner)s AND hot AND {LIVE}
        ORDER BY (embedding || knowledge_owner_code(owner_id))::halfvec(416)
            <-> (%(query)s::halfvec(384) || knowledge_owner_code(%(owner)s))::halfvec(416)
        LIMIT greatest(%(depth)s, {LEAST})
    ), found AS MATERIALIZED (
        SELECT count(*) >= greatest(%(depth)s, {LEAST}) AS enough FROM near
    )
    SELECT chunk_id, score FROM (
        SELECT chunk_id, score FROM near WHERE (SELECT enough FROM found)
        UNION ALL
        ({TAIL})
        UNION ALL
        ({SCAN.format(condition=f"NOT (SELECT enough FROM found) AND {LIVE}")})
    ) AS either
    ORDER BY score DESC
    LIMIT %(depth)s
"""
SELECTS = {Strategy.OWNER: OWNER, Strategy.DOCUMENTS: DOCUMENTS, Strategy.INDEX: INDEX}
