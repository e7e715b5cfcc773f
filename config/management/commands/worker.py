"""`manage.py worker`: run the jobs."""

import asyncio
import time
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import ConnectorException

from audit import upkeep
from config.health import describe, verify_database
from knowledge.files import purge_files
from resources.purge import purge

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 2.0
# A worker that is silent for as long is taken for dead, and what it was doing is done again.
STALLED_SECONDS = 10.0
HOUR = 3600


class Command(BaseCommand):
    """Runs until it is told to stop, and finishes the job in hand first."""

    help = "Run the jobs of the queue, and seal the record."

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify the database, then work."""
        verify_database()
        connector = app.connector
        assert isinstance(connector, DjangoConnector)
        with app.replace_connector(connector.get_worker_connector()) as worker_app:
            asyncio.run(work(worker_app))


async def work(worker_app: App) -> None:
    """The worker; beside it the rescue of jobs whose worker died, and the record's upkeep."""
    async with worker_app.open_async():
        beside = [asyncio.create_task(rescue_forever(worker_app)), asyncio.create_task(keep_record_forever())]
        try:
            await worker_app.run_worker_async(
                concurrency=1,
                delete_jobs="successful",
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
            )
        finally:
            for task in beside:
                task.cancel()


async def keep_record_forever() -> None:
    """Seal, whatever the queue is busy with: a job that embeds a book would hold a sealing job up for minutes."""
    due = time.monotonic()
    while True:
        rarely = time.monotonic() >= due
        due += HOUR * rarely
        await asyncio.to_thread(keep_record, rarely=rarely)
        await asyncio.sleep(settings.AUDIT_SEAL_SECONDS)


def keep_record(*, rarely: bool) -> None:
    """One round, on a connection of its own: the next may be in another thread."""
    upkeep.keep(rarely=rarely)
    if rarely:
        empty_trash()
    connections.close_all()


def empty_trash() -> None:
    """Delete what is due: rows, then files that are nobody's. What an outage leaves the next hour finds."""
    try:
        log.info("purged", **purge())
        log.info("files_purged", files=purge_files())
    except Exception:
        log.exception("purge_failed")


async def rescue_forever(worker_app: App) -> None:
    """Look for stalled jobs now and again, also when the database was away for a while."""
    while True:
        try:
            await rescue_stalled_jobs(worker_app)
        except ConnectorException as exc:
            log.warning("rescue_failed", error=describe(exc))
        await asyncio.sleep(HEARTBEAT_SECONDS)


async def rescue_stalled_jobs(worker_app: App) -> int:
    """Put jobs back on the queue whose worker was killed; how many. Each job is safe to run again."""
    manager = worker_app.job_manager
    stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS))
    for job in stalled:
        await manager.retry_job(job)
        log.warning("job_rescued", job=job.id, task=job.task_name)
    return len(stalled)
