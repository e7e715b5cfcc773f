"""The job that indexes a document: as often as it takes, and not more."""

from itertools import count, takewhile

import pytest
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from accounts.models import User
from knowledge import indexing, jobs, services
from knowledge.jobs import ATTEMPTS, index_document
from knowledge.models import KnowledgeDoc


class BrokenModelError(Exception):
    """What a test makes go wrong."""


@pytest.fixture
def document(owner: User) -> KnowledgeDoc:
    """Waits for the index."""
    return services.create_document(owner_id=owner.pk, title="Lease", content="Cats are welcome.")


@pytest.fixture
def broken_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be embedded."""

    def embed(texts: list[str]) -> None:
        raise BrokenModelError

    monkeypatch.setattr(indexing, "embed", embed)


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the job logged."""
    return [record.msg["event"] for record in caplog.records if record.name == jobs.__name__]  # type: ignore[index]


def run(document: KnowledgeDoc, attempt: int) -> None:
    """Do what the worker does with the document's job."""
    job = Job(queue="indexing", lock=None, queueing_lock=None, task_name=index_document.name, attempts=attempt - 1)
    context = JobContext(app=app, job=job, start_timestamp=0, abort_reason=lambda: None)
    index_document(context, owner_id=str(document.owner_id), document_id=str(document.pk))
    document.refresh_from_db()


def test_job_indexes_the_document_and_may_do_so_again(document: KnowledgeDoc, caplog: pytest.LogCaptureFixture) -> None:
    for attempt in (1, 2):
        caplog.clear()
        run(document, attempt)

        assert (document.status, document.chunk_count, document.chunks.count()) == ("completed", 1, 1)
        assert events(caplog) == ["document_indexed"]


def test_job_makes_good_a_document_that_was_left_half_indexed(document: KnowledgeDoc) -> None:
    run(document, 1)
    KnowledgeDoc.objects.update(status="in_progress")

    run(document, 2)

    assert (document.status, document.chunks.count()) == ("completed", 1)


@pytest.mark.usefixtures("broken_model")
def test_job_that_fails_will_be_tried_again(document: KnowledgeDoc, caplog: pytest.LogCaptureFixture) -> None:
    for attempt in range(1, ATTEMPTS):
        caplog.clear()
        with pytest.raises(BrokenModelError):
            run(document, attempt)

        assert events(caplog) == ["indexing_failed"]
        document.refresh_from_db()
        assert (document.status, document.last_error) == ("in_progress", None)


@pytest.mark.usefixtures("broken_model")
def test_job_that_fails_for_the_last_time_says_so_on_the_document(document: KnowledgeDoc) -> None:
    with pytest.raises(BrokenModelError):
        run(document, ATTEMPTS)

    document.refresh_from_db()
    assert document.status == "failed"
    assert document.last_error == {
        "code": "indexing_failed",
        "message": "Indexing failed 5 times; the log of the worker says why. Saving the content tries again.",
    }


def test_queue_retries_as_often_as_the_job_counts() -> None:
    strategy = index_document.retry_strategy
    assert strategy is not None

    def retried(attempt: int) -> bool:
        job = Job(queue="", lock=None, queueing_lock=None, task_name="", attempts=attempt - 1)
        return strategy.get_retry_decision(exception=BrokenModelError(), job=job) is not None

    assert list(takewhile(retried, count(1))) == list(range(1, ATTEMPTS))
