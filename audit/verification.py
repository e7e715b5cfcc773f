"""Verification: everything that the tree says is computed again from the events, and held against what was signed.

All of it is read in one snapshot, so that sealing and writing may go on meanwhile, and in batches, so that it takes
the same memory for any number of events.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta

from django.db import ProgrammingError, connection, transaction

from audit import forensics
from audit.claims import claims
from audit.clock import Clock
from audit.cursors import in_batches, settle
from audit.findings import Kind, Report
from audit.guards import differences
from audit.ids import made_at
from audit.leaves import ACTION, COLUMNS, ID, TIME, TRANSACTION, Values, hash_of, instant_text
from audit.merkle import EMPTY_ROOT, STEP, Frontier
from audit.models import Leaf, Node
from audit.note import Verifier
from audit.purges import Purges
from audit.retention import months_kept
from audit.sealing import EVER, window
from audit.seals import Window
from audit.tree import stored_hashes

# For how long an event may wait to be sealed.
PATIENCE = timedelta(hours=1)
# Of how many events that don't hold it is looked into what was changed.
EXAMINED = 50

SEALED = f"""
    SELECT leaf.index, leaf.event_id::text, leaf.hash, {COLUMNS}
    FROM audit_leaf AS leaf LEFT JOIN audit_event AS event ON event.id = leaf.event_id
    ORDER BY leaf.index
"""  # noqa: S608 - of constants
UNSEALED = f"""
    SELECT {COLUMNS} FROM audit_event AS event
    WHERE NOT EXISTS (SELECT FROM audit_leaf WHERE audit_leaf.event_id = event.id)
    ORDER BY event.id
"""  # noqa: S608 - of constants

# Where the last checkpoint itself is at fault, that the leaves below it are unsigned is no news.
UNSIGNED = {Kind.CHECKPOINT_EDITED, Kind.CHECKPOINT_BY_UNKNOWN_KEY}


def verify(
    *,
    given: Iterable[tuple[str, str]] = (),
    verifiers: Iterable[Verifier],
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Hold the whole record against its tree, the tree against its checkpoints, and against those given.

    given: name and text of checkpoints that were kept outside of the database.
    progress: called now and then with the number of leaves that were looked at.
    """
    with transaction.atomic():
        _begin()
        report = Report()
        if _can_be_read(report):
            verification = Verification(given, list(verifiers), report)
            verification.look_at_leaves(progress)
            verification.look_at_what_is_left()
        return report


def _begin() -> None:
    """One snapshot, in which no month is purged, and names that mean what they mean to us."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # Before the snapshot, which the first query takes: what is purged after it would be neither there nor purged.
        # Where there is no such table, the guards will tell.
        with suppress(ProgrammingError), transaction.atomic():
            cursor.execute("LOCK TABLE ONLY public.audit_event IN ACCESS SHARE MODE")
    settle()


def _can_be_read(report: Report) -> bool:
    """Look at what guards the record; whether its tables are what they should be."""
    found = differences()
    for difference in found:
        report.add(Kind.GUARDS_CHANGED, difference.message)
    return not any(difference.fatal for difference in found)


def leaves_to_verify() -> int:
    """How many there are, for a progress bar."""
    last = Leaf.objects.order_by("-index").values_list("index", flat=True).first()
    return 0 if last is None else last + 1


class Verification:
    """One pass over the leaves, in their order, beside the checkpoints in theirs."""

    def __init__(self, given: Iterable[tuple[str, str]], verifiers: list[Verifier], report: Report) -> None:
        self.report = report
        self.frontier = Frontier()
        # The next leaf's number; the tree can be computed as long as the frontier keeps up with it.
        self.next = 0
        self.purges = Purges(verifiers, report)
        self.months = {f"{month:%Y-%m}" for month in months_kept()}
        self.dropped: set[str] = set()
        self.claims = claims(given, verifiers, report)
        self.claim = next(self.claims, None)
        self.clock = Clock()
        self.sealed: Window | None = None
        self.last_id = ""
        self.suspects: list[tuple[Values, bytes, int]] = []
        self.tree_holds = True

    def look_at_leaves(self, progress: Callable[[int], None]) -> None:
        """Each leaf against its event, and the tree that they make against each checkpoint."""
        self._hold_claims()
        for rows in in_batches(SEALED):
            nodes = []
            for index, event_id, leaf, *values in rows:
                self._look_at_number(index, leaf)
                self._look_at_event(event_id, leaf, values)
                if self.frontier.size == index:
                    nodes += self.frontier.append(leaf)
                    self._hold_claims()
            self._look_at_nodes(nodes)
            progress(self.next)

    def look_at_what_is_left(self) -> None:
        """Checkpoints of a larger tree, events without a leaf, and what was changed in those that don't hold."""
        while self.claim:
            if self.claim.size > self.next:
                told = f"{self.claim.source} has {self.claim.size} leaves, the stored tree {self.next}."
                self.report.add(Kind.TAIL_CUT, told)
            self.claim = next(self.claims, None)
        tree_is_whole = self.frontier.size == self.next and self.tree_holds
        if tree_is_whole and self.next > self.report.size and not self.report.found.keys() & UNSIGNED:
            told = f"The leaves from {self.report.size} on, of {self.next}, are under no checkpoint."
            self.report.add(Kind.TREE_CHANGED, told)
        expected = sum(self.next >> level for level in range(STEP, self.next.bit_length(), STEP))
        if (stored := Node.objects.count()) != expected:
            told = f"{stored} nodes are stored, and a tree of {self.next} leaves has {expected}."
            self.report.add(Kind.NODE_CHANGED, told)
        self._explain()
        self.purges.close()
        self._look_at_unsealed()

    def _look_at_number(self, index: int, leaf: bytes) -> None:
        if len(leaf) != len(EMPTY_ROOT):
            self.report.add(Kind.TREE_CHANGED, f"Leaf {index} has no hash: it isn't {len(EMPTY_ROOT)} bytes long.")
        if index != self.next:
            kind = Kind.LEAVES_DELETED if self.next else Kind.PREFIX_CUT
            self.report.add(kind, f"The leaves {self.next} to {index - 1} are missing.")
        self.next = index + 1

    def _look_at_event(self, event_id: str, leaf: bytes, values: Values) -> None:
        if event_id < self.last_id:
            told = f"Leaf {self.next - 1} is older than the leaf before it, which was sealed with it."
            self.report.add(Kind.LEAVES_REORDERED, told)
        self.last_id = event_id
        if values[ID] is None:
            self._miss(event_id, leaf)
        elif hash_of(values) == leaf:
            self._look_at_clock(values)
        elif len(self.suspects) < EXAMINED:
            self.suspects.append((values, leaf, self.next - 1))
        else:
            self.report.add(Kind.EVENT_EDITED, f"{_named(values)} isn't what was sealed as leaf {self.next - 1}.")

    def _miss(self, event_id: str, leaf: bytes) -> None:
        month = f"{made_at(event_id):%Y-%m}"
        if month in self.purges:
            self.purges.count(month, leaf)
        elif month not in self.months:
            if month not in self.dropped:
                self.report.add(Kind.PARTITION_DROPPED, f"The events of {month} are gone, and no purge was signed.")
            self.dropped.add(month)
        else:
            self.report.add(Kind.EVENT_DELETED, f"The event {event_id}, leaf {self.next - 1}, is gone.")

    def _look_at_clock(self, values: Values) -> None:
        if self.clock.is_wrong(values):
            told = f"{_named(values)} says that it occurred at {values[TIME]}, but it was written at another time."
            self.report.add(Kind.CLOCK_CHANGED, told)

    def _hold_claims(self) -> None:
        """Compare the roots of those checkpoints that are about the tree as it is just now."""
        while self.claim and self.claim.size == self.frontier.size:
            root = self.frontier.root()
            if self.claim.seal.checkpoint.root == root:
                self.report.size, self.report.root = self.claim.size, b64encode(root).decode()
                self.report.sealed_at = instant_text(self.claim.seal.window.at)
            elif self.tree_holds or not self.claim.stored:
                told = (
                    f"{self.claim.source} has another root: between the leaves {self.report.size} and {self.claim.size}"
                )
                self.report.add(Kind.TREE_CHANGED, f"{told} some were replaced, inserted or reordered.")
                self.tree_holds = False
            if self.claim.stored:
                self.sealed, self.last_id = self.claim.seal.window, ""
                self.clock.pass_by(self.sealed)
            self.claim = next(self.claims, None)

    def _look_at_nodes(self, nodes: Sequence[tuple[int, int, bytes]]) -> None:
        for level, position, node in nodes:
            if list(stored_hashes(level, position, position + 1)) != [node]:
                told = f"The stored node {position} of level {level} isn't the one that its leaves make."
                self.report.add(Kind.NODE_CHANGED, told)

    def _explain(self) -> None:
        """Name what was changed in the first events that don't hold."""
        exchanged = dict(forensics.swapped([(values, leaf) for values, leaf, _ in self.suspects]))
        exchanged |= {second: first for first, second in exchanged.items()}
        actors = _actors() if self.suspects else []
        for values, leaf, index in self.suspects:
            named = f"{_named(values)}, leaf {index},"
            if other := exchanged.get(str(values[ID])):
                self.report.add(Kind.EVENTS_SWAPPED, f"{named} has the contents of the event {other}.")
            elif other_index := Leaf.objects.filter(hash=hash_of(values)).values_list("index", flat=True).first():
                self.report.add(Kind.EVENTS_SWAPPED, f"{named} was sealed as leaf {other_index}.")
            elif (actor := forensics.original_actor(values, leaf, actors)) is not None:
                self.report.add(Kind.ACTOR_CHANGED, f"{named} was sealed with the actor {actor}.")
            elif time := forensics.original_time(values, leaf):
                self.report.add(Kind.CLOCK_CHANGED, f"{named} was sealed with the time {time}.")
            else:
                self.report.add(Kind.EVENT_EDITED, f"{named} isn't what was sealed.")

    def _look_at_unsealed(self) -> None:
        now = window()
        same = self.sealed is not None and self.sealed.cluster == now.cluster
        # Where nothing was sealed yet, nothing can have been left out, and no number is too high.
        horizon, upcoming = (self.sealed.horizon, now.upcoming) if self.sealed and same else (0, EVER)
        for rows in in_batches(UNSEALED):
            for values in rows:
                begun = int(values[TRANSACTION])
                if begun < horizon:
                    told = f"{_named(values)} is in no leaf, though its transaction ended before the last sealing."
                    self.report.add(Kind.EVENT_INSERTED, told)
                elif begun >= upcoming:
                    told = f"{_named(values)} is in no leaf, and its transaction is still to come."
                    self.report.add(Kind.EVENT_INSERTED, told)
                else:
                    self._look_at_clock(values)
                    self.report.unsealed += 1
                    self.report.oldest_unsealed = self.report.oldest_unsealed or str(values[TIME])
        if self.report.oldest_unsealed and self.report.oldest_unsealed < instant_text(now.at - PATIENCE):
            told = f"Events since {self.report.oldest_unsealed} aren't sealed: is there a worker, an open transaction?"
            self.report.add(Kind.NOT_SEALED, told)


def _named(values: Values) -> str:
    return f"The event {values[ID]} ({values[ACTION]})"


def _actors() -> list[str]:
    """Who could have been the actor: everybody who ever was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT actor FROM audit_event LIMIT 10000")
        return [actor for (actor,) in cursor.fetchall()]
