"""What takes more than one look at the table: a place in the manual order, and tasks by another system's ids."""

from collections.abc import Callable, Collection, Mapping
from secrets import token_hex
from typing import Any
from uuid import UUID

from django.db import connection
from rest_framework.exceptions import NotFound, ValidationError

from resources.rows import LIVE, SQL, Row
from tasks.positions import ahead_of, between
from tasks.rows import TASKS
from web.errors import Conflict
from web.preconditions import PreconditionFailed

# A new task's: after all others.
LAST = SQL("tasks_position()")
NEIGHBOURS = """
    SELECT position,
           (SELECT min(position) FROM tasks_task WHERE owner_id = %(owner)s AND position > anchor.position),
           (SELECT max(position) FROM tasks_task WHERE owner_id = %(owner)s AND position < anchor.position)
    FROM tasks_task AS anchor WHERE owner_id = %(owner)s AND id = %(anchor)s AND trashed_at IS NULL
"""
IN_TRASH = "The task with this external_source and external_id is in the trash: restore it, or delete it for good."
# The hexadecimal digits of a position beyond which all are made anew.
LONG = 512
# Before all new tasks' positions, with room in front. By chance, because while it runs old ones and new ones are there.
RENUMBERED = """
    UPDATE tasks_task SET position = fresh.position
    FROM (
        SELECT id, to_hex(x'3000000000000'::bigint + row_number() OVER (ORDER BY position)) || %(chance)s || '8'
        FROM tasks_task WHERE owner_id = %(owner)s
    ) AS fresh (id, position)
    WHERE tasks_task.owner_id = %(owner)s AND tasks_task.id = fresh.id
"""
FRONT = "SELECT min(position) FROM tasks_task WHERE owner_id = %s"


def move_task(
    *, owner_id: UUID, pk: UUID, side: str, anchor: UUID | None, versions: Collection[int] | None = None
) -> Row:
    """Move a task right `after` another one, or right `before` it. Rewrites one row.

    anchor: the other task; None for the front (`after` nothing) or the end (`before` nothing).

    Raises `NotFound`, `PreconditionFailed`, `ValidationError` if the other task isn't there, and `IntegrityError`
    (409) if another task was moved to the same place at the same moment.
    """
    if anchor == pk:
        raise ValidationError({side: ["This is the task that is to be moved."]})
    position = _beside(owner_id, side, anchor) if anchor else _at_the_end(owner_id, side)
    if len(position) > LONG:
        _renumber(owner_id)
        return move_task(owner_id=owner_id, pk=pk, side=side, anchor=anchor, versions=versions)
    return TASKS.update(owner_id, pk, {"position": position}, which=LIVE, versions=versions)


def _beside(owner_id: UUID, side: str, anchor: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute(NEIGHBOURS, {"owner": owner_id, "anchor": anchor})
        found = cursor.fetchone()
    if found is None:
        raise ValidationError({side: ["There is no such object."]}, "does_not_exist")
    position, following, preceding = found
    if side == "before":
        return between(preceding, position) if preceding else ahead_of(position)
    return between(position, following) if following else LAST


def _at_the_end(owner_id: UUID, side: str) -> str:
    if side == "before":
        return LAST
    with connection.cursor() as cursor:
        cursor.execute(FRONT, [owner_id])
        (first,) = cursor.fetchone()
    return ahead_of(first) if first else LAST


def _renumber(owner_id: UUID) -> None:
    """Give all tasks short positions in the order that they are in: once in about two thousand moves to one place."""
    with connection.cursor() as cursor:
        cursor.execute(RENUMBERED, {"owner": owner_id, "chance": token_hex(4)})


def put_task(
    *,
    owner_id: UUID,
    values: Mapping[str, Any],
    must_exist: bool = False,
    expected: Collection[int] | None = None,
    is_known: Callable[[int], bool] | None = None,
) -> tuple[Row, bool]:
    """The task that has the values' external source and id, made or replaced; and whether it was made.

    must_exist: make none. expected: the versions that may be replaced, None for any. is_known: whether a version is one
    that mustn't be.

    Raises `PreconditionFailed`, `Conflict` if the task is in the trash, and `IntegrityError`.
    """
    if not must_exist and is_known is None and (put := TASKS.put(owner_id, values)):
        return put
    known = TASKS.named(owner_id, [values[column] for column in TASKS.key.columns])
    if known is None:
        if must_exist:
            raise PreconditionFailed
        return TASKS.insert(owner_id, values), True
    if is_known and is_known(known.version):
        raise PreconditionFailed(known.version)
    try:
        return TASKS.update(owner_id, known.id, values, which=LIVE, versions=expected), False
    except NotFound:
        raise Conflict(IN_TRASH, "in_trash", existing=known.id) from None
