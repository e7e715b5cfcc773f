"""Sealing: what has happened becomes leaves of the Merkle tree, and the tree's new root is signed.

It runs beside the writers and never holds one up. An event belongs to the first sealing at whose snapshot its
transaction, and every older one, had ended: a cursor over ids or times would skip what commits late.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from django.db import connection, transaction

from audit import seals
from audit.cursors import in_batches, settle
from audit.keys import signer
from audit.leaves import COLUMNS, hash_of
from audit.merkle import EMPTY_ROOT, Frontier, MissingHashesError
from audit.models import Checkpoint, Leaf, Node
from audit.note import NoteError
from audit.publication import find_fork, publish
from audit.seals import Seal, Window
from audit.tree import stored_hashes

log = structlog.get_logger(__name__)

# Whoever holds this advisory lock seals or purges; any number of workers may try.
LOCK = 0x6461_7962_6F6F_6B01
EVER = 2**64 - 1

UNSEALED = f"""
    SELECT {COLUMNS} FROM audit_event AS event
    WHERE event.transaction_id >= %s::text::xid8 AND event.transaction_id < %s::text::xid8
      AND NOT EXISTS (SELECT FROM audit_leaf WHERE audit_leaf.event_id = event.id)
    ORDER BY event.id
"""  # noqa: S608 - of constants


class SealError(Exception):
    """The tree must not grow: it isn't the one that was sealed before."""


def seal() -> Seal | None:
    """Seal what has ended, and publish the checkpoint. None if there was nothing new, or somebody else is at it.

    Raises `SealError`, with nothing sealed, if the stored tree contradicts its last checkpoint or a published one.
    Whatever a crash left undone the next call does: leaves and checkpoint are one transaction, and what is stored and
    not yet published is published then.
    """
    fresh, note = _grow() or (None, "")
    if fresh:
        log.info("audit_sealed", size=fresh.checkpoint.size, checkpoint=note)
    publish()
    return fresh


@transaction.atomic
def _grow() -> tuple[Seal, str] | None:
    settle()
    if not try_lock():
        log.info("audit_sealed_by_another")
        return None
    last = _last()
    frontier = _frontier(last)
    now = window()
    for events in in_batches(UNSEALED, _bounds(last, now)):
        _append(frontier, events)
    if frontier.size == (last.checkpoint.size if last else 0):
        return None
    key = signer()
    fresh = Seal.make(key.verifier.name, frontier.size, frontier.root(), now)
    note = key.sign(fresh.checkpoint.text())
    Checkpoint.objects.create(size=frontier.size, note=note)
    return fresh, note


def obstacle() -> str:
    """Why the tree must not grow; empty if it may."""
    try:
        _frontier(_last())
    except SealError as exc:
        return str(exc)
    return ""


def try_lock() -> bool:
    """Whether this transaction is now the one that seals or purges."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def window() -> Window:
    """Which transactions have ended by now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp(), pg_snapshot_xmin(now)::text, pg_snapshot_xmax(now)::text, "
            "system_identifier::text "
            "FROM pg_current_snapshot() AS now, pg_control_system()"
        )
        at, horizon, upcoming, cluster = cursor.fetchone()
    return Window(at, int(horizon), int(upcoming), cluster)


def _last() -> Seal | None:
    try:
        return seals.latest()
    except NoteError as exc:
        raise SealError(f"The last checkpoint is none: {exc}") from exc


def _frontier(last: Seal | None) -> Frontier:
    """The edge of the stored tree, if it is the tree that was sealed and published."""
    size, root = (last.checkpoint.size, last.checkpoint.root) if last else (0, EMPTY_ROOT)
    try:
        frontier = Frontier.load(size, stored_hashes)
    except MissingHashesError as exc:
        raise SealError(f"The stored tree is incomplete: {exc}") from exc
    if frontier.root() != root:
        raise SealError(f"The stored tree isn't the one that was sealed at {size} leaves.")
    if fork := find_fork(size):
        raise SealError(fork)
    return frontier


def _bounds(last: Seal | None, now: Window) -> list[str]:
    """From where to where the transactions are to be looked through, the last excluded.

    A restore into another cluster begins to count anew: then everything is looked through, and what can be seen has
    ended.
    """
    if last is None or last.window.cluster != now.cluster or last.window.upcoming > now.upcoming:
        return ["0", str(EVER)]
    return [str(last.window.horizon), str(now.horizon)]


def _append(frontier: Frontier, events: Sequence[tuple[Any, ...]]) -> None:
    leaves, nodes = [], []
    for event in events:
        leaf = hash_of(event)
        leaves.append(Leaf(index=frontier.size, event_id=event[0], hash=leaf))
        nodes += [Node(level=level, position=place, hash=node) for level, place, node in frontier.append(leaf)]
    Leaf.objects.bulk_create(leaves)
    Node.objects.bulk_create(nodes)
