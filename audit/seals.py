"""What a checkpoint of ours says beyond size and root: when it was made, and up to which transactions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from audit.models import Checkpoint as StoredCheckpoint
from audit.note import Checkpoint, MalformedNote


@dataclass(frozen=True)
class Window:
    """A moment of the database: every transaction below `horizon` had ended, and none from `upcoming` on had begun.

    at: by the database's clock, which events have their times from, too.
    cluster: PostgreSQL's system identifier; transaction ids mean something within one cluster only.
    """

    at: datetime
    horizon: int
    upcoming: int
    cluster: str

    def lines(self) -> tuple[str, str]:
        """The extension lines of a checkpoint that was made of it."""
        instant = self.at.isoformat().replace("+00:00", "Z")
        return f"sealed {instant}", f"transactions {self.horizon} {self.upcoming} {self.cluster}"

    @classmethod
    def parse(cls, *lines: str) -> Self:
        """Read what `lines()` gives; raises `ValueError`."""
        told = dict(line.split(" ", 1) for line in lines if " " in line)
        try:
            horizon, upcoming, cluster = told["transactions"].split(" ")
            return cls(datetime.fromisoformat(told["sealed"]), int(horizon), int(upcoming), cluster)
        except KeyError as exc:
            raise ValueError(f"There is no line {exc}.") from exc


@dataclass(frozen=True)
class Seal:
    """A checkpoint, and the moment that it was made of."""

    checkpoint: Checkpoint
    window: Window

    @classmethod
    def make(cls, origin: str, size: int, root: bytes, window: Window) -> Self:
        """Of the tree as it is now."""
        return cls(Checkpoint(origin, size, root, window.lines()), window)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint's text; raises `MalformedNote`."""
        checkpoint = Checkpoint.parse(text)
        try:
            return cls(checkpoint, Window.parse(*checkpoint.extensions))
        except ValueError as exc:
            raise MalformedNote("A checkpoint of ours says when it was sealed, and up to which transactions.") from exc


def text_of(note: str) -> str:
    """The signed text, without a look at the signature: for who wrote it a moment ago, and for display."""
    return note.rpartition("\n\n")[0] + "\n"


def latest() -> Seal | None:
    """The newest seal, as it is stored; raises `MalformedNote` if that is none."""
    stored = StoredCheckpoint.objects.order_by("-size").first()
    return Seal.parse(text_of(stored.note)) if stored else None
