"""The job that indexes a document: as often as it takes, and not more."""

from itertools import count, takewhile

import pytest
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from accounts.models import User
from knowledge import indexing, jobs, services
from knowledge.embedding_errors import KeyInvalidError, OverloadedError
from knowledge.extraction.failures import MESSAGES, ExtractionError
from knowledge.jobs import ATTEMPTS, GIVEN_UP, LONGEST_WAIT, PATIENT_ATTEMPTS, index_document, waiting_time
from knowledge.models import IndexingRun, KnowledgeDoc


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
        assert events(caplog) == ["document_indexed" if attempt == 1 else "nothing_to_index"]


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
        "message": GIVEN_UP,
    }


def test_queue_retries_as_often_as_the_job_counts() -> None:
    strategy = index_document.retry_strategy
    assert strategy is not None

    def retried(attempt: int) -> bool:
        job = Job(queue="", lock=None, queueing_lock=None, task_name="", attempts=attempt - 1)
        return strategy.get_retry_decision(exception=BrokenModelError(), job=job) is not None

    assert list(takewhile(retried, count(1))) == list(range(1, ATTEMPTS))


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, function: str = "embed") -> None:
    """A step of indexing raises this."""

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(indexing, function, fail)


def test_what_passes_by_itself_is_said_and_tried_for_hours(
    document: KnowledgeDoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, OverloadedError())

    with pytest.raises(OverloadedError):
        run(document, PATIENT_ATTEMPTS - 1)
    document.refresh_from_db()
    told = {"code": OverloadedError.code, "message": OverloadedError.message}
    assert (document.status, document.last_error) == ("in_progress", told)

    with pytest.raises(OverloadedError):
        run(document, PATIENT_ATTEMPTS)
    document.refresh_from_db()
    assert (document.status, document.last_error) == ("failed", told)


def test_what_a_retry_does_not_mend_is_said_at_once(document: KnowledgeDoc, monkeypatch: pytest.MonkeyPatch) -> None:
    IndexingRun.objects.create(document=document, owner_id=document.owner_id, chunks_total=100)
    failing(monkeypatch, KeyInvalidError("Set another key."))

    with pytest.raises(KeyInvalidError):
        run(document, 1)

    document.refresh_from_db()
    assert (document.status, document.last_error) == (
        "failed",
        {"code": KeyInvalidError.code, "message": "Set another key."},
    )
    assert not IndexingRun.objects.exists()


def test_a_file_that_cannot_be_read_is_no_failure_of_the_job(
    document: KnowledgeDoc, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"file_key": f"{document.owner_id}/x", "file_name": "x.pdf", "file_type": "application/pdf"}
    KnowledgeDoc.objects.update(**file, file_size=1, file_hash="0" * 64, content="")
    failing(monkeypatch, ExtractionError("encrypted"), "extract_text")

    run(document, 1)

    assert document.status == "failed"
    assert document.last_error == {"code": "encrypted", "message": MESSAGES["encrypted"]}
    assert events(caplog) == ["extraction_failed"]


def test_a_document_whose_worker_is_killed_each_time_is_given_up_in_the_end(
    document: KnowledgeDoc, caplog: pytest.LogCaptureFixture
) -> None:
    run(document, PATIENT_ATTEMPTS + 1)

    assert document.status == "failed"
    assert document.last_error == {"code": "indexing_interrupted", "message": GIVEN_UP}
    assert events(caplog) == ["indexing_interrupted"]


@pytest.mark.parametrize(
    ("error", "attempt", "seconds"),
    [
        (ZeroDivisionError(), 1, 3),
        (ZeroDivisionError(), ATTEMPTS - 1, 81),
        (ZeroDivisionError(), ATTEMPTS, None),
        (OverloadedError(), 1, 6),
        (OverloadedError(), 12, LONGEST_WAIT),
        (OverloadedError(retry_after=1_000.5), 1, 1_001),
        (OverloadedError(), PATIENT_ATTEMPTS, None),
        (KeyInvalidError(), 1, None),
    ],
)
def test_waiting_time_grows_and_ends(error: Exception, attempt: int, seconds: int | None) -> None:
    assert waiting_time(error, attempt) == seconds


def test_passages_that_were_stored_may_need_the_approximate_index(
    document: KnowledgeDoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[int] = []
    monkeypatch.setattr(jobs, "warm_if_large", lambda owner_id: stored.append(document.chunks.count()))

    run(document, 1)

    assert stored == [1]
