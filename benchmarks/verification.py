"""How long it takes to verify the record, and in how much memory, as it grows."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from django.db import transaction

from accounts.models import User
from audit.cursors import in_batches
from audit.keys import verifiers
from audit.leaves import COLUMNS
from audit.models import Checkpoint, Leaf
from audit.proofs import prove_event
from audit.sealing import seal
from audit.verification import verify
from benchmarks.commands import verify_audit
from benchmarks.figures import alternate, say, show, spread
from tasks.models import Task

SIZES = (20_000, 100_000, 500_000)
EVENTS_A_SEALING = 500
RUNS = 3
SEALED_AT_ONCE = 1_000
PROOFS = 200

EVERY_EVENT = f"SELECT {COLUMNS} FROM audit_event AS event"  # noqa: S608 - of constants
COLUMNS_SHOWN = ("verify_audit, s", "peak, MB", "to a bare SELECT", f"sealing {SEALED_AT_ONCE:,}, ms", "one proof, ms")


def main() -> None:
    """Print a row for each size, and how much more memory the greatest needs than the smallest."""
    owner = User.objects.create_user("owner@example.com")
    rows, peaks = [], []
    for size in SIZES:
        grow(owner, size)
        verified = [verify_audit() for _ in range(RUNS)]
        held = all(run.report["ok"] for run in verified)
        say(f"{verified[-1].report['size']:,} events under {Checkpoint.objects.count():,} checkpoints hold: {held}")
        peaks.append(median(run.peak for run in verified))
        rows.append([f"{size:,} events", spread([run.seconds for run in verified], ".1f"), f"{peaks[-1] / 1e6:.0f}"])
        rows[-1] += [spread(ratios_to_select(), ".1f"), spread(sealings(owner), ".0f"), spread(proofs(), ".1f")]
    show("Verification", COLUMNS_SHOWN, rows)
    say(f"Peak memory of each size to that of the first: {', '.join(f'{peak / peaks[0]:.2f}' for peak in peaks)}")


def grow(owner: User, size: int) -> None:
    """Let so much happen, sealed bit by bit."""
    while (lacking := size - Leaf.objects.count()) > 0:
        happen(owner, min(lacking, EVENTS_A_SEALING))
        seal()


def happen(owner: User, events: int) -> None:
    """Tasks are created."""
    Task.objects.bulk_create(
        Task(owner=owner, title="Water the plants", description="Those on the balcony, too.") for _ in range(events)
    )


def ratios_to_select() -> list[float]:
    """How many times as long verifying takes as reading alone, both in this process."""
    pairs = alternate(RUNS, partial(seconds, partial(verify, verifiers=verifiers())), partial(seconds, read_everything))
    return [verifying / reading for verifying, reading in pairs]


@transaction.atomic
def read_everything() -> None:
    """Every column of every event, in the batches in which it is verified."""
    for _ in in_batches(EVERY_EVENT):
        pass


def seconds(do: Callable[[], Any]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def sealings(owner: User) -> list[float]:
    """Milliseconds, each of `SEALED_AT_ONCE` events."""
    took = []
    for _ in range(RUNS):
        happen(owner, SEALED_AT_ONCE)
        took.append(seconds(seal) * 1000)
    return took


def proofs() -> list[float]:
    """Milliseconds, each of an inclusion proof of an event, all over the tree."""
    size = Leaf.objects.count()
    events = Leaf.objects.filter(index__in=range(0, size, size // PROOFS)).values_list("event_id", flat=True)
    return [seconds(partial(prove_event, event)) * 1000 for event in events]
