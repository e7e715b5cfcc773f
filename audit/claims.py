"""Checkpoints to be held against the tree: those that the database stores, and those that somebody kept outside."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge

from audit.cursors import in_batches
from audit.findings import Kind, Report
from audit.note import NoteError, UnknownKey, Verifier, read_note
from audit.seals import Seal


@dataclass(frozen=True)
class Claim:
    """A signed checkpoint, and where it comes from. `stored` tells the database's own from those given."""

    source: str
    seal: Seal
    stored: bool

    @property
    def size(self) -> int:
        """How many leaves it is about."""
        return self.seal.checkpoint.size


def claims(given: Iterable[tuple[str, str]], verifiers: Iterable[Verifier], report: Report) -> Iterator[Claim]:
    """All checkpoints by size, each with a valid signature; the others are findings.

    given: name and text of the checkpoints from outside.
    """
    known = list(verifiers)
    outside = [claim for name, note in given if (claim := _claim(name, note, known, report, stored=False))]
    report.given = len(outside)
    return merge(sorted(outside, key=lambda claim: claim.size), _stored(known, report), key=lambda claim: claim.size)


def _stored(known: list[Verifier], report: Report) -> Iterator[Claim]:
    for batch in in_batches("SELECT size, note FROM audit_checkpoint ORDER BY size"):
        for size, note in batch:
            claim = _claim(f"the stored checkpoint at {size}", note, known, report, stored=True)
            if claim is None:
                continue
            if claim.size != size:
                report.add(Kind.CHECKPOINT_EDITED, f"The stored checkpoint at {size} is signed for {claim.size}.")
            else:
                report.checkpoints += 1
                yield claim


def _claim(source: str, note: str, known: list[Verifier], report: Report, *, stored: bool) -> Claim | None:
    try:
        seal = Seal.parse(read_note(note, known))
        if seal.checkpoint.origin in {verifier.name for verifier in known}:
            return Claim(source, seal, stored)
        report.add(Kind.CHECKPOINT_EDITED, f"{source} is about another log, {seal.checkpoint.origin}.")
    except UnknownKey as exc:
        report.add(Kind.CHECKPOINT_BY_UNKNOWN_KEY, f"{source}: {exc}")
    except NoteError as exc:
        report.add(Kind.CHECKPOINT_EDITED, f"{source}: {exc}")
    return None
