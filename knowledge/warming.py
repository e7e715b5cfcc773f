"""Getting the vectors of large owners into the approximate index, some at a time.

A row's way into that index takes some milliseconds, about a hundred times as long as to store it. So what is stored is
found at once, by a scan, and taken into the index later, by a job.
"""

import time
from uuid import UUID

import structlog
from django.db import connection, transaction

from accounts.identity import acting_for
from knowledge.vectors import EXACT_LIMIT

log = structlog.get_logger(__name__)

# Rows beside the index before a job takes them into it: about a millisecond of each search.
TAIL = 2_000
# Rows of a transaction. It holds their documents' locks, and who changes one of those meanwhile waits: some 0.2 s.
BATCH = 50
# What one job may take: a worker runs one job at a time, and others wait for it, too.
SECONDS = 5.0

DUE = """
    SELECT count(*) > %(tail)s AND %(limit)s < (
        SELECT coalesce(sum(chunk_count), 0) FROM knowledge_knowledgedoc
        WHERE owner_id = %(owner)s AND trashed_at IS NULL
    )
    FROM (
        SELECT FROM knowledge_chunkvector AS vector
        JOIN knowledge_knowledgedoc AS document
            ON document.owner_id = vector.owner_id AND document.id = vector.document_id
        WHERE vector.owner_id = %(owner)s AND NOT vector.hot AND document.trashed_at IS NULL
        LIMIT %(tail)s + 1
    ) AS cold
"""
# The document first, as whoever trashes, deletes or indexes it anew does, so that nobody waits in a circle. What
# somebody else has in hand is left for later.
WARM = """
    WITH cold AS MATERIALIZED (
        SELECT vector.chunk_id
        FROM knowledge_chunkvector AS vector
        JOIN knowledge_knowledgedoc AS document
            ON document.owner_id = vector.owner_id AND document.id = vector.document_id
        WHERE vector.owner_id = %(owner)s AND NOT vector.hot AND document.trashed_at IS NULL
        LIMIT %(batch)s
        FOR SHARE OF document SKIP LOCKED
        FOR NO KEY UPDATE OF vector SKIP LOCKED
    )
    UPDATE knowledge_chunkvector AS vector SET hot = true
    FROM cold WHERE vector.owner_id = %(owner)s AND vector.chunk_id = cold.chunk_id
"""


def is_due(owner_id: UUID) -> bool:
    """Whether the owner has too many rows for a scan, and more than a few of them aren't in the index."""
    with acting_for(owner_id), connection.cursor() as cursor:
        cursor.execute(DUE, {"owner": owner_id, "tail": TAIL, "limit": EXACT_LIMIT})
        return bool(cursor.fetchone()[0])


def warm(owner_id: UUID) -> bool:
    """Take the owner's rows into the index until none is left, or time is up; whether some may be left.

    Any number of times, by any number of workers; what is interrupted goes on where it was.
    """
    began, rows = time.monotonic(), 0
    more = True
    while more and time.monotonic() - began < SECONDS:
        warmed = warm_some(owner_id)
        rows += warmed
        more = warmed == BATCH
    log.info("vectors_warmed", rows=rows)
    return more


def warm_some(owner_id: UUID) -> int:
    """One batch, by one transaction; how many rows it was."""
    with acting_for(owner_id), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WARM, {"owner": owner_id, "batch": BATCH})
        return int(cursor.rowcount)
