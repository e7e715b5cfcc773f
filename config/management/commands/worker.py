"""`manage.py worker`: run the jobs."""

import asyncio
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import ConnectorException

from config.health import describe, verify_database

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 2.0
# A worker that is silent for as long is taken for dead, and what it was doing is done again.
STALLED_SECONDS = 10.0


class Command(BaseCommand):
    """Runs until it is told to stop, and finishes the job in hand first."""

    help = "Run the jobs of the queue: indexing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify the database, then work."""
        verify_database()
        connector = app.connector
        assert isinstance(connector, DjangoConnector)
        with app.replace_connector(connector.get_worker_connector()) as worker_app:
            asyncio.run(work(worker_app))


async def work(worker_app: App) -> None:
    """The worker, and beside it the rescue of jobs whose worker died."""
    async with worker_app.open_async():
        rescue = asyncio.create_task(rescue_forever(worker_app))
        try:
            await worker_app.run_worker_async(
                concurrency=1,
                delete_jobs="successful",
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
            )
        finally:
            rescue.cancel()


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
