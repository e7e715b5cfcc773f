"""Work that takes time: jobs on the PostgreSQL queue, enqueued in the transaction of the row they are about."""

from uuid import UUID

import structlog
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from knowledge import indexing

log = structlog.get_logger(__name__)

ATTEMPTS = 5
GIVEN_UP = f"Indexing failed {ATTEMPTS} times; the log of the worker says why. Saving the content tries again."


@app.task(
    queue="indexing",
    pass_context=True,
    # It counts the attempts after the first.
    retry=RetryStrategy(max_attempts=ATTEMPTS - 1, exponential_wait=3),
)
def index_document(context: JobContext, *, owner_id: str, document_id: str) -> None:
    """Index one document. Safe to run any number of times; the last failed attempt marks the document."""
    ids = {"owner_id": UUID(owner_id), "document_id": UUID(document_id)}
    attempt = context.job.attempts + 1
    with structlog.contextvars.bound_contextvars(user_id=owner_id, document_id=document_id, attempt=attempt):
        try:
            indexing.index(**ids)
            log.info("document_indexed")
        except Exception:
            log.exception("indexing_failed")
            if attempt >= ATTEMPTS:
                indexing.fail(**ids, code="indexing_failed", message=GIVEN_UP)
            raise
