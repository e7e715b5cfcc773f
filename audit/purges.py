"""What was purged, as it was signed, and during a verification what is missing."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from audit.findings import Kind, Report
from audit.models import Purge
from audit.note import NoteError, Verifier, read_note


def statement(origin: str, month: str, count: int, digest: bytes) -> str:
    """What is signed of a purge: origin, month, number of events, SHA-256 over their leaf hashes in order."""
    return f"{origin} purge\n{month}\n{count}\n{b64encode(digest).decode()}\n"


class Purges:
    """The purges on record, and during a verification what is missing of each purged month."""

    def __init__(self, verifiers: Iterable[Verifier], report: Report) -> None:
        self.report = report
        self.signed: dict[str, str] = {}
        self.missing: dict[str, tuple[int, Any]] = {}
        known = list(verifiers)
        for month, note in Purge.objects.values_list("month", "note"):
            name = f"{month:%Y-%m}"
            try:
                self.signed[name] = read_note(note, known)
            except NoteError as exc:
                report.add(Kind.PURGE_INVALID, f"The purge of {name}: {exc}")
            else:
                self.missing[name] = (0, sha256())

    def __contains__(self, month: str) -> bool:
        return month in self.signed

    def count(self, month: str, leaf: bytes) -> None:
        """A leaf of the month has no event."""
        count, digest = self.missing[month]
        digest.update(leaf)
        self.missing[month] = count + 1, digest

    def close(self) -> None:
        """After the last leaf: is what is missing exactly what was purged?"""
        for month, text in self.signed.items():
            count, digest = self.missing[month]
            self.report.purged += count
            if text != statement(text.partition(" purge\n")[0], month, count, digest.digest()):
                told = f"What is missing of {month}, {count} events, isn't what the purge was signed for."
                self.report.add(Kind.PURGE_INVALID, told)
