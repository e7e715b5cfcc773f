"""Work that is done now and again."""

import structlog
from procrastinate.contrib.django import app

from resources.purge import purge

log = structlog.get_logger(__name__)


# Each hour, so that it isn't missed by a worker that is away at night. What a purge leaves the next one finds.
@app.periodic(cron="17 * * * *")
@app.task(queue="upkeep")
def delete_what_is_due(timestamp: int) -> None:
    """Empty the trash of what is due, and forget answers. timestamp: what the queue says of when it was planned."""
    log.info("purged", **purge())
