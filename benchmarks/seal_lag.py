"""How far sealing lags behind: 16 writers for a minute, and a worker that seals beside them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.models import User
from audit import seals
from audit.models import Event, Leaf
from audit.sealing import seal
from benchmarks.commands import verify_audit
from benchmarks.figures import COMPARED, alternate, compared, say, show
from benchmarks.instance import MANAGE
from benchmarks.writers import write
from config.processes import running, watch

WRITERS = 16
SECONDS = 60.0
SAMPLE_SECONDS = 1.0
ROUNDS = 4
# Each with three sealings in it.
ROUND_SECONDS = 3.0 * settings.AUDIT_SEAL_SECONDS

# Of what had ended when it was sealed last nothing is looked at: what was missed there is counted in the end.
AGE = """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0)::float8 FROM audit_event
    WHERE transaction_id >= %s::text::xid8 AND NOT EXISTS (SELECT FROM audit_leaf WHERE event_id = audit_event.id)
"""
WORKING = "SELECT EXISTS (SELECT FROM procrastinate_workers)"


def main() -> None:
    """Print the greatest lag, what was missed, and what sealing costs the writers."""
    owner = str(User.objects.create_user("owner@example.com").pk)
    with ProcessPoolExecutor(1, get_context("spawn")) as writers:
        with sealing():
            minute = writers.submit(write, owner, WRITERS, SECONDS)
            lag = max(ages_until_done(minute))
        seal()
        missed = Event.objects.count() - Leaf.objects.count()
        verified = verify_audit()
        pairs = with_and_without(partial(writes_a_second, writers, owner))
    say(f"{WRITERS} connections wrote {minute.result():,} events in {SECONDS:.0f} s.")
    say(f"Sealed every {settings.AUDIT_SEAL_SECONDS} s; the oldest unsealed event was never older than {lag:.1f} s.")
    say(f"Missed: {missed}. verify_audit: ok is {verified.report['ok']}, of {verified.report['size']:,} events.")
    show("Events written a second", COMPARED, [compared("sealing", pairs)])


@contextmanager
def sealing() -> Iterator[None]:
    """A worker beside it."""
    with running({"worker": [*MANAGE, "worker"]}) as children:
        watch(children, until=partial(ask, WORKING))
        yield


def ages_until_done(future: Future[Any]) -> Iterator[float]:
    """Every second, how old the oldest unsealed event is."""
    while not future.done():
        last = seals.latest()
        yield ask(AGE, last.window.horizon if last else 0)
        time.sleep(SAMPLE_SECONDS)


def ask(query: str, *parameters: int) -> Any:
    """The one value of a query's one row."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def with_and_without(measure: Callable[[], float]) -> list[tuple[float, float]]:
    """The writers beside a worker, and alone."""

    def beside() -> float:
        with sealing():
            return measure()

    return alternate(ROUNDS, beside, measure)


def writes_a_second(writers: Executor, owner: str) -> float:
    """How fast the writers are; what they leave unsealed isn't left to the next round."""
    written = writers.submit(write, owner, WRITERS, ROUND_SECONDS).result()
    seal()
    return float(written / ROUND_SECONDS)
