"""Many operations on tasks as one: all of them are done, or none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from rest_framework.exceptions import APIException, NotFound

from resources.batches import find_all, insert_all, lock_all, trash_all, update_all
from resources.rows import ALL, LIVE, SQL, Row
from tasks.rows import TASKS
from web.preconditions import PreconditionFailed

# A new task can need what a change makes room for, an external id for instance. The other way round it can't be.
ORDER = ("update", "complete", "create", "delete")
# What a statement that the database refuses can raise.
VIOLATIONS = (IntegrityError, DataError)


@dataclass(frozen=True)
class Operation:
    """What is to be done with one task.

    op: one of `ORDER`. version: the only one that it is to be done with. task: what is to be in which column.
    """

    op: str
    id: UUID | None = None
    version: int | None = None
    task: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> Mapping[str, Any]:
        """All that is written."""
        match self.op:
            case "complete":
                return {"completed": True}
            case "delete":
                return {"trashed_at": SQL("statement_timestamp()")}
        return self.task


class OperationError(Exception):
    """The database refuses an operation for the reason that is this exception's cause."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def perform(owner_id: UUID, operations: Sequence[Operation]) -> list[Row]:
    """The tasks that the operations are about, in their order, as they are after all of them.

    No task is named twice. All that are named are live when it begins; then they are changed, new ones are made, and
    the others go to the trash.

    Raises `NotFound` and `PreconditionFailed`, whose `members` name all operations that they are about, and
    `OperationError`.
    """
    try:
        return _perform(owner_id, operations, _at_once)
    except VIOLATIONS:
        # PostgreSQL doesn't say which row of a statement it is that it refuses.
        return _perform(owner_id, operations, _one_by_one)


@transaction.atomic
def _perform(
    owner_id: UUID, operations: Sequence[Operation], write: Callable[[UUID, Sequence[Operation]], list[UUID]]
) -> list[Row]:
    named = [operation.id for operation in operations if operation.id]
    columns = {column for operation in operations for column in operation.columns}
    if named or columns & TASKS.locked:
        _check(operations, lock_all(TASKS, owner_id, named, columns=columns))
    pks = write(owner_id, operations)
    found = find_all(TASKS, owner_id, pks)
    return [found[pk] for pk in pks]


def _check(operations: Sequence[Operation], versions: Mapping[UUID, int]) -> None:
    numbered = [(index, operation) for index, operation in enumerate(operations) if operation.id]
    if missing := [index for index, operation in numbered if operation.id not in versions]:
        raise _refusal(NotFound(), missing, "id")
    if stale := [
        index
        for index, operation in numbered
        if operation.id and operation.version not in (None, versions[operation.id])
    ]:
        raise _refusal(PreconditionFailed(), stale, "version")


def _refusal(error: APIException, indexes: Iterable[int], member: str) -> APIException:
    """The error with all the places that it is about."""
    told = {"message": str(error.detail), "code": str(error.get_codes())}
    places = [f"body.operations.{index}.{member}" for index in indexes]
    error.members = {"errors": [{"location": place, **told} for place in places]}  # type: ignore[attr-defined]
    return error


def _at_once(owner_id: UUID, operations: Sequence[Operation]) -> list[UUID]:
    """The ids of the operations' tasks. One statement for all new ones, for all deletions, for each set of columns."""
    changes = {each.id: each.columns for each in operations if each.id and each.op != "delete"}
    update_all(TASKS, owner_id, changes)
    new = [each.task for each in operations if each.id is None]
    made = iter(insert_all(TASKS, owner_id, new) if new else ())
    if deleted := [each.id for each in operations if each.id and each.op == "delete"]:
        trash_all(TASKS, owner_id, deleted)
    return [each.id or next(made) for each in operations]


def _one_by_one(owner_id: UUID, operations: Sequence[Operation]) -> list[UUID]:
    """The same, a statement for each. Raises `OperationError`."""
    pks: dict[int, UUID] = {}
    for index, operation in sorted(enumerate(operations), key=lambda numbered: ORDER.index(numbered[1].op)):
        try:
            pks[index] = _write(owner_id, operation).id
        except (*VIOLATIONS, APIException) as exc:
            raise OperationError(index) from exc
    return [pks[index] for index in range(len(operations))]


def _write(owner_id: UUID, operation: Operation) -> Row:
    if operation.id is None:
        return TASKS.insert(owner_id, operation.task)
    only = LIVE if operation.op == "delete" else None
    return TASKS.update(owner_id, operation.id, operation.columns, which=ALL, only=only)
