"""Work that takes time: jobs on the PostgreSQL queue, enqueued in the transaction of the row they are about."""

from collections import defaultdict
from collections.abc import Mapping
from math import ceil
from typing import Any
from uuid import UUID

import structlog
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job

from accounts.identity import unconfined
from knowledge import indexing, warming
from knowledge.embeddings import EmbeddingError
from knowledge.extraction.failures import ExtractionError

log = structlog.get_logger(__name__)

ATTEMPTS = 5
# For what passes by itself: the provider is overloaded, or can't be reached. The last wait ends after about five hours.
PATIENT_ATTEMPTS = 25
LONGEST_WAIT = 900
GIVEN_UP = (
    f"Indexing failed {ATTEMPTS} times; the log of the worker says why. Index the document again once it is mended."
)


def enqueue(*, owner_id: UUID, document_id: UUID, length: int) -> None:
    """Have a document indexed, as part of the caller's transaction. length: of its content."""
    enqueue_all(owner_id=owner_id, lengths={document_id: length})


def enqueue_all(*, owner_id: UUID, lengths: Mapping[UUID, int]) -> None:
    """The same for many: id → length. One statement for those of about the same length."""
    alike: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for pk, length in lengths.items():
        # Short documents first: a long one, or many, don't hold up everybody else's.
        alike[-(length // 10_000)].append({"owner_id": str(owner_id), "document_id": str(pk)})
    # The queue belongs to no user, so API requests have no right on it. Without a lock by document: behind it a new job
    # would wait for one that waits to be tried again.
    with unconfined():
        for priority, jobs in alike.items():
            index_document.configure(priority=priority).batch_defer(*jobs)


class BackOff(BaseRetryStrategy):
    """Try again later: what may pass by itself for hours, what nobody expected for two minutes, the rest not at all."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When, or None."""
        wait = waiting_time(exception, job.attempts + 1)
        return None if wait is None else RetryDecision(retry_in={"seconds": wait})


def waiting_time(exception: BaseException, attempt: int) -> int | None:
    """The seconds after which what failed `attempt` times so is tried again; None if it isn't."""
    if isinstance(exception, EmbeddingError):
        if not exception.transient or attempt >= PATIENT_ATTEMPTS:
            return None
        return max(ceil(exception.retry_after or 0), min(LONGEST_WAIT, int(3 * 2**attempt)))
    return None if attempt >= ATTEMPTS else int(3**attempt)


@app.task(queue="indexing", pass_context=True, retry=BackOff())
def index_document(context: JobContext, *, owner_id: str, document_id: str) -> None:
    """Index one document. Safe to run any number of times; the last failed attempt marks the document."""
    ids = {"owner_id": UUID(owner_id), "document_id": UUID(document_id)}
    attempt = context.job.attempts + 1
    with structlog.contextvars.bound_contextvars(user_id=owner_id, document_id=document_id, attempt=attempt):
        if attempt > PATIENT_ATTEMPTS:
            # It never failed: each time its worker was gone before it could.
            log.error("indexing_interrupted")
            indexing.tell(**ids, code="indexing_interrupted", message=GIVEN_UP, given_up=True)
            return
        try:
            done = indexing.index(**ids)
        except ExtractionError as exc:
            log.warning("extraction_failed", code=exc.code)
            indexing.tell(**ids, code=exc.code, message=exc.message, given_up=True)
        except Exception as exc:
            log.exception("indexing_failed")
            given_up = waiting_time(exc, attempt) is None
            if isinstance(exc, EmbeddingError):
                indexing.tell(**ids, code=exc.code, message=str(exc), given_up=given_up)
            elif given_up:
                indexing.tell(**ids, code="indexing_failed", message=GIVEN_UP, given_up=True)
            raise
        else:
            log.info("document_indexed" if done else "nothing_to_index")
            warm_if_large(ids["owner_id"])


def warm_if_large(owner_id: UUID) -> None:
    """Have a large owner's new vectors taken into the approximate index. To be called after passages were stored."""
    if warming.is_due(owner_id):
        _enqueue_warming(owner_id)


def _enqueue_warming(owner_id: UUID, *, seconds: float = 0) -> None:
    # No `queueing_lock`: of one that is killed the job couldn't go back to the queue while the next waits there.
    lock = f"warm:{owner_id}"
    with unconfined():
        if not ProcrastinateJob.objects.filter(status="todo", lock=lock).exists():
            warm_owner.configure(lock=lock, schedule_in={"seconds": int(seconds)}).defer(owner_id=str(owner_id))


@app.task(queue="indexing", retry=RetryStrategy(max_attempts=ATTEMPTS - 1, exponential_wait=3))
def warm_owner(*, owner_id: str) -> None:
    """Take an owner's vectors into the approximate index for some seconds. Safe to run any number of times."""
    with structlog.contextvars.bound_contextvars(user_id=owner_id):
        if warming.warm(UUID(owner_id)):
            # As long a pause, in which documents have their turn.
            _enqueue_warming(UUID(owner_id), seconds=warming.SECONDS)
