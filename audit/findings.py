"""What a verification found: each way in which the record isn't what was sealed, by name."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

SHOWN = 100


class Kind(StrEnum):
    """The names. They are stable, and meant for programs, too."""

    EVENT_EDITED = "event_edited"
    ACTOR_CHANGED = "actor_changed"
    CLOCK_CHANGED = "clock_changed"
    EVENTS_SWAPPED = "events_swapped"
    EVENT_DELETED = "event_deleted"
    EVENT_INSERTED = "event_inserted"
    PARTITION_DROPPED = "partition_dropped"
    PURGE_INVALID = "purge_invalid"
    LEAVES_REORDERED = "leaves_reordered"
    LEAVES_DELETED = "leaves_deleted"
    PREFIX_CUT = "prefix_cut"
    TAIL_CUT = "tail_cut"
    TREE_CHANGED = "tree_changed"
    NODE_CHANGED = "node_changed"
    CHECKPOINT_EDITED = "checkpoint_edited"
    CHECKPOINT_BY_UNKNOWN_KEY = "checkpoint_by_unknown_key"
    NOT_SEALED = "not_sealed"
    GUARDS_CHANGED = "guards_changed"


@dataclass(frozen=True)
class Finding:
    """One of them: what exactly, and where."""

    kind: Kind
    message: str


@dataclass
class Report:
    """The outcome: `findings` holds the first of each kind, `found` counts all."""

    size: int = 0
    root: str = ""
    sealed_at: str = ""
    checkpoints: int = 0
    given: int = 0
    purged: int = 0
    unsealed: int = 0
    oldest_unsealed: str = ""
    findings: list[Finding] = field(default_factory=list)
    found: Counter[Kind] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.found

    def add(self, kind: Kind, message: str) -> None:
        """Put a finding down; of a kind the first are kept, so that the report stays small."""
        self.found[kind] += 1
        if self.found[kind] <= SHOWN:
            self.findings.append(Finding(kind, message))

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"ok": self.ok, **vars(self), "findings": [asdict(finding) for finding in self.findings]}
