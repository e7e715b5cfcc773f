"""What is to become of a file's tasks: which are there, which are new, and why some can't be made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from rest_framework.exceptions import ErrorDetail

from tasks.models import MAX_DEPTH
from tasks.serializers import task_columns


class Place(NamedTuple):
    """A task that is there. level: 1 for one that is nobody's subtask."""

    id: UUID
    is_trashed: bool
    level: int


def derived_id(owner_id: UUID, original: UUID) -> UUID:
    """The id that an owner's copy of a task has: always the same one, and nobody else's.

    The first 64 bits are the original's: the time of its creation with PostgreSQL's fraction of a millisecond, so that
    the order stays, and the version. The last 62 are of SHA-256 over both ids.
    """
    digest = sha256(owner_id.bytes + original.bytes).digest()
    chance = int.from_bytes(digest[:8], "big") >> 2
    return UUID(int=original.int >> 64 << 64 | 0b10 << 62 | chance)


@dataclass(frozen=True)
class Plan:
    """What is to become of a file's tasks.

    tasks: valid members. labels: the ids that the file defines. derived: an id in the file → the id of its copy.
    places: an id in the file → the task that is there for it. taken: positions at which there are tasks.
    """

    tasks: list[dict[str, Any]]
    labels: set[UUID]
    derived: Mapping[UUID, UUID]
    places: Mapping[UUID, Place]
    taken: set[str]
    by_id: dict[UUID, dict[str, Any]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.by_id.update((task["id"], task) for task in self.tasks)

    @property
    def new(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The tasks that aren't there yet, and where they stand in the file."""
        return ((index, task) for index, task in enumerate(self.tasks) if task["id"] not in self.places)

    def id_of(self, original: UUID) -> UUID:
        """The id that a task of the file has here."""
        place = self.places.get(original)
        return place.id if place else self.derived[original]

    def faults(self) -> dict[int, Any]:
        """What the database would refuse, by the task's index."""
        faults = dict(repeated(self.tasks, "id"))
        faults |= repeated(self.tasks, "external_id", key=external_name)
        for index, task in self.new:
            if wrong := {name: [fault] for name, fault in self._wrong(task) if fault}:
                faults[index] = faults.get(index, {}) | wrong
        return faults

    def _wrong(self, task: dict[str, Any]) -> Iterator[tuple[str, ErrorDetail | None]]:
        yield "labels", self._wrong_labels(task.get("labels", ()))
        if task.get("parent"):
            yield "parent", self._wrong_parent(task, task["parent"])

    def _wrong_labels(self, labels: list[UUID]) -> ErrorDetail | None:
        if len(set(labels)) < len(labels):
            return ErrorDetail("A label is named twice.", "invalid")
        return None if self.labels.issuperset(labels) else ErrorDetail("The file has no such label.", "does_not_exist")

    def _wrong_parent(self, task: dict[str, Any], parent: UUID) -> ErrorDetail | None:
        there, above = self.places.get(parent), self.by_id.get(parent)
        if there is None and above is None:
            return ErrorDetail("This task is neither in the file nor among yours.", "does_not_exist")
        trashed = there.is_trashed if there else above and above.get("trashed_at")
        if trashed and not task.get("trashed_at"):
            return ErrorDetail("The task above it is in the trash.", "invalid")
        if self._level(task) > MAX_DEPTH:
            return ErrorDetail(f"Tasks stand at most {MAX_DEPTH} deep, and none below itself.", "invalid")
        return None

    def _level(self, task: dict[str, Any] | None) -> int:
        """How deep a task will stand. Of what stands too deep, or in a circle, no more than that."""
        level = 0
        while task and level <= MAX_DEPTH:
            level += 1
            parent: Any = task.get("parent")
            if there := self.places.get(parent):
                return level + there.level
            task = self.by_id.get(parent)
        return level

    def rows(self, labels: Mapping[UUID, UUID]) -> Iterator[dict[str, Any]]:
        """The new tasks' columns. labels: an id in the file → the label's id."""
        taken: set[str | None] = {*self.taken}
        for _, task in self.new:
            columns = task_columns(task)
            position, parent = columns.get("position"), columns.get("parent_id")
            yield columns | {
                "id": self.derived[task["id"]],
                # Two of the file's labels can be one here.
                "labels": list(dict.fromkeys(labels[label] for label in columns.get("labels", ()))),
                "parent_id": parent and self.id_of(parent),
                "position": None if position in taken else position,
            }
            taken.add(position)

    def report(self, labels_created: int) -> dict[str, Any]:
        """What has become of them."""
        tasks = [
            {
                "index": index,
                "id": str(self.id_of(task["id"])),
                "status": "skipped" if task["id"] in self.places else "created",
            }
            for index, task in enumerate(self.tasks)
        ]
        skipped = sum(task["status"] == "skipped" for task in tasks)
        return {
            "created": len(tasks) - skipped,
            "skipped": skipped,
            "labels_created": labels_created,
            "tasks": tasks,
        }


def external_name(task: Mapping[str, Any]) -> tuple[str, str] | None:
    """What another system calls a task."""
    return (task["external_source"], task["external_id"]) if task.get("external_id") else None


def repeated(items: list[dict[str, Any]], member: str, key: Callable[[Any], Any] | None = None) -> dict[int, Any]:
    """What is wrong with the items of which an earlier one has the same `member`, or the same key, by index."""
    seen, faults = set(), {}
    for index, item in enumerate(items):
        value = key(item) if key else item[member]
        if value is not None and value in seen:
            faults[index] = {member: [ErrorDetail("The file names this twice.", "repeated")]}
        seen.add(value)
    return faults
