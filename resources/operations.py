"""Many operations on rows of a resource as one: all of them are done, or none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from rest_framework.exceptions import APIException, NotFound

from resources.batches import find_all, insert_all, lock_all, trash_all, update_all
from resources.rows import ALL, LIVE, SQL, Row, Rows
from web.preconditions import PreconditionFailed

DELETION = {"trashed_at": SQL("statement_timestamp()")}
# What a statement that the database refuses can raise.
VIOLATIONS = (IntegrityError, DataError)

# Id → what a write left to be done.
Left = dict[UUID, Any]


@dataclass(frozen=True)
class Operation:
    """What is to be done with one row.

    id: of the row; None for a new one. version: the only one that it is to be done with. values: what is to be in which
    column; None if the row goes to the trash.
    """

    id: UUID | None = None
    version: int | None = None
    values: Mapping[str, Any] | None = field(default_factory=dict)

    @property
    def columns(self) -> Mapping[str, Any]:
        """All that is written."""
        return DELETION if self.values is None else self.values

    @property
    def turn(self) -> int:
        """A new row can need what a change makes room for, a unique name for instance; not the other way round."""
        return 2 if self.values is None else int(self.id is None)


class OperationError(Exception):
    """The database refuses an operation for the reason that is this exception's cause."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


@dataclass(frozen=True)
class Operations:
    """How operations on a resource are done.

    member: what a body calls the row. finish: does, in the same transaction, what the writes left to be done.
    """

    rows: Rows
    member: str
    finish: Callable[[UUID, Left], None] = lambda owner_id, left: None

    def perform(self, owner_id: UUID, operations: Sequence[Operation]) -> list[Row]:
        """The rows that the operations are about, in their order, as they are after all of them.

        No row is named twice. All that are named are live when it begins; then they are changed, new ones are made, and
        the others go to the trash.

        Raises `NotFound`, `PreconditionFailed` and `Conflict`, whose `members` name all operations that they are about,
        and `OperationError`.
        """
        try:
            return self._perform(owner_id, operations, self._at_once)
        except VIOLATIONS:
            # PostgreSQL doesn't say which row of a statement it is that it refuses.
            return self._perform(owner_id, operations, self._one_by_one)

    @transaction.atomic
    def _perform(
        self,
        owner_id: UUID,
        operations: Sequence[Operation],
        write: Callable[[UUID, Sequence[Operation]], tuple[list[UUID], Left]],
    ) -> list[Row]:
        named = [operation.id for operation in operations if operation.id]
        columns = {column for operation in operations for column in operation.columns}
        if named or columns & self.rows.locked:
            _check(operations, lock_all(self.rows, owner_id, named, columns=columns))
        pks, left = write(owner_id, operations)
        self.finish(owner_id, {pk: what for pk, what in left.items() if what is not None})
        found = find_all(self.rows, owner_id, pks)
        return [found[pk] for pk in pks]

    def _at_once(self, owner_id: UUID, operations: Sequence[Operation]) -> tuple[list[UUID], Left]:
        """The ids of the operations' rows. A statement for all new ones, for all deletions, for each set of columns."""
        changes = {each.id: each.columns for each in operations if each.turn == 0 and each.id}
        changed = update_all(self.rows, owner_id, changes)
        if len(changed) < len(changes):
            self._refuse_guarded(operations, changed)
        new = [each.columns for each in operations if each.turn == 1]
        made = insert_all(self.rows, owner_id, new) if new else {}
        if deleted := [each.id for each in operations if each.turn == 2 and each.id]:
            trash_all(self.rows, owner_id, deleted)
        fresh = iter(made)
        return [each.id or next(fresh) for each in operations], changed | made

    def _refuse_guarded(self, operations: Sequence[Operation], changed: Left) -> None:
        refused = [
            index for index, each in enumerate(operations) if each.turn == 0 and each.id and each.id not in changed
        ]
        (guard, *_) = self.rows.guarding(operations[refused[0]].columns)
        raise _refusal(guard.refusal(), refused, self.member)

    def _one_by_one(self, owner_id: UUID, operations: Sequence[Operation]) -> tuple[list[UUID], Left]:
        """The same, a statement for each. Raises `OperationError`."""
        rows: dict[int, Row] = {}
        for index, operation in sorted(enumerate(operations), key=lambda numbered: numbered[1].turn):
            try:
                rows[index] = self._write(owner_id, operation)
            except (*VIOLATIONS, APIException) as exc:
                raise OperationError(index) from exc
        return [rows[index].id for index in range(len(operations))], {row.id: row.left for row in rows.values()}

    def _write(self, owner_id: UUID, operation: Operation) -> Row:
        if operation.id is None:
            return self.rows.insert(owner_id, operation.columns)
        only = LIVE if operation.values is None else None
        return self.rows.update(owner_id, operation.id, operation.columns, which=ALL, only=only)


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
