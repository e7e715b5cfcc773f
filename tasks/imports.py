"""Tasks from a file that an export wrote: all or none, and nothing twice."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.ownership import requester
from resources.idempotency import retry_safe
from resources.metadata import written
from resources.serializers import bounded, reader
from tasks.import_plan import Place, Plan, derived_id, external_name, repeated
from tasks.import_serializers import ImportReportSerializer, TaskFileSerializer
from tasks.rows import TASKS
from web.errors import Conflict
from web.views import StrictView

# What is relied on stays as it is, and the same file isn't imported at the same time. The triggers' plans are made anew
# and for whatever owner: one for an owner who had no tasks expects none, and looks through all of them for each.
BEGIN = f"SET LOCAL plan_cache_mode = force_generic_plan; DISCARD PLANS; SELECT {TASKS.lock}"
# What is there already of what a file speaks of, how deep in its tree each of it stands, and at which positions.
KNOWN = """
WITH RECURSIVE known AS (
    SELECT id, parent_id, trashed_at, external_source, external_id, position FROM tasks_task
    WHERE owner_id = %(owner)s AND (id = ANY (%(ids)s) OR position = ANY (%(positions)s))
    UNION
    SELECT id, parent_id, trashed_at, task.external_source, task.external_id, position
    FROM unnest(%(sources)s::text[], %(names)s::text[]) AS asked (source, name)
    JOIN tasks_task AS task ON owner_id = %(owner)s
     AND (task.external_source, task.external_id) = (asked.source, asked.name)
), above AS (
    SELECT known.*, 1 AS level FROM known
    UNION ALL
    SELECT above.id, task.parent_id, above.trashed_at, above.external_source, above.external_id, above.position,
           level + 1
    FROM above JOIN tasks_task AS task ON owner_id = %(owner)s AND task.id = above.parent_id
)
SELECT id, trashed_at IS NOT NULL, level, external_source, external_id, position FROM above WHERE parent_id IS NULL
"""
# Of names that are one to the database, one label. Somebody may be making it at this moment.
NEW_LABELS = """
INSERT INTO tasks_label (owner_id, name)
SELECT DISTINCT ON (tasks_fold(name)) %(owner)s, name
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS asked (name, place)
WHERE NOT EXISTS (
    SELECT FROM tasks_label AS label WHERE owner_id = %(owner)s AND tasks_fold(label.name) = tasks_fold(asked.name)
)
ORDER BY tasks_fold(name), place
ON CONFLICT DO NOTHING
"""
LABELS_BY_NAME = """
SELECT asked.id, label.id FROM unnest(%(ids)s::uuid[], %(names)s::text[]) AS asked (id, name)
JOIN tasks_label AS label ON owner_id = %(owner)s AND tasks_fold(label.name) = tasks_fold(asked.name)
"""
# `json` and not `jsonb`, which would put metadata in another order. What was in the trash gets there now, or its time
# could be over at once; what got there together stays together.
NEW_TASKS = """
INSERT INTO tasks_task (
    owner_id, id, title, description, completed, completed_at, priority, due_at, due_on, labels, parent_id, position,
    external_source, external_id, metadata, created_at, trashed_at
)
SELECT %(owner)s, id, title, coalesce(description, ''), coalesce(completed, false), completed_at,
       coalesce(priority, 0), due_at, due_on, coalesce(labels, '{}'), parent_id,
       coalesce(position, tasks_position()), external_source, external_id,
       coalesce(metadata::json, '{}'), coalesce(created_at, statement_timestamp()),
       CASE WHEN trashed_at IS NOT NULL THEN
           statement_timestamp() - dense_rank() OVER (ORDER BY trashed_at DESC) * interval '1 microsecond'
       END
FROM json_to_recordset(%(rows)s) AS new (
    id uuid, title text, description text, completed boolean, completed_at timestamptz, priority smallint,
    due_at timestamptz, due_on date, labels uuid[], parent_id uuid, position text,
    external_source text, external_id text, metadata text, created_at timestamptz, trashed_at timestamptz
)
"""


def import_tasks(*, owner_id: UUID, file: Mapping[str, Any]) -> dict[str, Any]:
    """Make those of the file's tasks that aren't there yet, and the labels that they need. Five statements.

    file: the valid members of a `TaskFileSerializer`. Gives the report.

    Raises `ValidationError` that names each task which can't be made; then nothing is.
    """
    _refuse("labels", repeated(file["labels"], "id"))
    with transaction.atomic():
        plan = _plan(owner_id, file)
        _refuse("tasks", plan.faults())
        labels_created, labels = _make_labels(owner_id, file["labels"])
        rows = json.dumps([_row(columns) for columns in plan.rows(labels)], default=str)
        with connection.cursor() as cursor:
            cursor.execute(NEW_TASKS, {"owner": owner_id, "rows": rows})
    return plan.report(labels_created)


def _refuse(member: str, faults: Mapping[int, Any]) -> None:
    if faults:
        raise ValidationError({member: bounded(faults)})


def _plan(owner_id: UUID, file: Mapping[str, Any]) -> Plan:
    tasks = file["tasks"]
    mentioned = {pk for task in tasks for pk in (task["id"], task.get("parent")) if pk}
    derived = {pk: derived_id(owner_id, pk) for pk in mentioned}
    names = [name for task in tasks if (name := external_name(task))]
    asked: dict[str, Any] = {
        "owner": owner_id,
        "ids": [*derived, *derived.values()],
        "positions": [task["position"] for task in tasks if "position" in task],
        "sources": [source for source, _ in names],
        "names": [name for _, name in names],
    }
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, [owner_id])
        cursor.execute(KNOWN, asked)
        found = cursor.fetchall()
    by_id = {row[0]: Place(*row[:3]) for row in found}
    by_name = {row[3:5]: by_id[row[0]] for row in found}
    places = {pk: place for pk in mentioned if (place := by_id.get(pk) or by_id.get(derived[pk]))}
    for task in tasks:
        if (name := external_name(task)) in by_name:
            places.setdefault(task["id"], by_name[name])
    labels, taken = {label["id"] for label in file["labels"]}, {row[5] for row in found}
    return Plan(tasks, labels, derived, places, taken)


def _row(columns: dict[str, Any]) -> dict[str, Any]:
    """A row for `NEW_TASKS`: metadata is a text of its own, for its numbers keep their digits."""
    return columns | {"metadata": written(columns["metadata"])} if "metadata" in columns else columns


def _make_labels(owner_id: UUID, labels: list[dict[str, Any]]) -> tuple[int, dict[UUID, UUID]]:
    """How many were made, and for each id in the file the label of that name."""
    asked: dict[str, Any] = {
        "owner": owner_id,
        "ids": [label["id"] for label in labels],
        "names": [label["name"] for label in labels],
    }
    with connection.cursor() as cursor:
        cursor.execute(NEW_LABELS, asked)
        created = cursor.rowcount
        cursor.execute(LABELS_BY_NAME, asked)
        found = dict(cursor.fetchall())
    if len(found) < len(labels):
        raise Conflict("A label was renamed at this moment; send the file again.")
    return created, found


class TaskImportView(StrictView):
    """The signed-in user gets the tasks of a file."""

    noun = "task"

    @extend_schema(
        operation_id="tasks_import",
        request=TaskFileSerializer,
        responses={
            200: OpenApiResponse(ImportReportSerializer, "All of it was there."),
            201: OpenApiResponse(ImportReportSerializer, "Something was made."),
        },
        summary="Import tasks",
    )
    @retry_safe
    def post(self, request: Request) -> Response:
        """Make the tasks of a file that an export wrote, or of one like it: all, or none if one is refused.

        A task that is there is skipped and stays as it is, so that the same file can be sent again: one of this
        account, one that an earlier import made of it, or one with the same `external_source` and `external_id`. Times
        of creation and completion and the manual order are kept; what was in the trash gets there anew. Labels are
        found by their names, or made. A file has at most 25,000 tasks, and 13 MiB.
        """
        file = reader(TaskFileSerializer).run_validation(request.data)
        report = import_tasks(owner_id=requester(request), file=file)
        made = report["created"] or report["labels_created"]
        return Response(report, status.HTTP_201_CREATED if made else status.HTTP_200_OK)
