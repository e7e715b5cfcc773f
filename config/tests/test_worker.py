"""What the worker does beside the jobs: the rescue of those that another one left behind, and the trash."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper
from procrastinate import App, exceptions
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import User
from audit.models import Checkpoint
from config.management.commands import worker
from knowledge.jobs import index_document

LEFT = """
WITH dead AS (
    INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s)) RETURNING id
)
UPDATE procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead
"""


def logged(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """What the worker logged, as it was before it was rendered."""
    return [record.msg for record in caplog.records if record.name == worker.__name__]


def rescued() -> int:
    """Look for stalled jobs as a worker does."""
    connector = app.connector
    assert isinstance(connector, DjangoConnector)

    async def look() -> int:
        with app.replace_connector(connector.get_worker_connector()) as worker_app:
            async with worker_app.open_async():
                return await worker.rescue_stalled_jobs(worker_app)

    return asyncio.run(look())


@pytest.fixture
def queue(transactional_db: None) -> Iterator[CursorWrapper]:
    """A cursor for the queue's tables."""
    with connection.cursor() as cursor:
        yield cursor


@pytest.mark.parametrize(("silent_seconds", "count"), [(worker.STALLED_SECONDS + 1, 1), (1, 0)])
def test_rescue_takes_jobs_of_the_dead_and_leaves_those_of_the_living(
    silent_seconds: float, count: int, queue: CursorWrapper, caplog: pytest.LogCaptureFixture
) -> None:
    index_document.defer(owner_id=str(uuid4()), document_id=str(uuid4()))
    queue.execute(LEFT, [silent_seconds])

    assert rescued() == count

    job = ProcrastinateJob.objects.get()
    assert (job.status, job.attempts) == (("todo", 1) if count else ("doing", 0))
    assert [(line["event"], line["job"]) for line in logged(caplog)] == [("job_rescued", job.pk)] * count


def test_rescue_goes_on_when_the_database_was_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = []

    async def rescue(worker_app: App) -> int:
        looks.append(worker_app)
        if len(looks) == 1:
            raise exceptions.ConnectorException("gone")
        raise asyncio.CancelledError

    monkeypatch.setattr(worker, "rescue_stalled_jobs", rescue)
    monkeypatch.setattr(worker, "HEARTBEAT_SECONDS", 0)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(worker.rescue_forever(app))

    assert [(line["event"], line["error"]) for line in logged(caplog)] == [
        ("rescue_failed", "ConnectorException: gone")
    ]


@pytest.mark.django_db(transaction=True)
def test_the_worker_keeps_the_record() -> None:
    User.objects.create_user("one@example.com")

    worker.keep_record(rarely=True)

    assert Checkpoint.objects.get().size == 1


@pytest.mark.django_db
def test_the_trash_is_emptied_and_what_goes_wrong_there_ends_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> dict[str, int]:
        raise ZeroDivisionError

    worker.empty_trash()
    monkeypatch.setattr(worker, "purge", fail)
    worker.empty_trash()

    purged, files, failed = logged(caplog)
    assert (purged["event"], purged["tasks"], purged["documents"]) == ("purged", 0, 0)
    assert (files["event"], files["files"]) == ("files_purged", 0)
    assert failed["event"] == "purge_failed"
