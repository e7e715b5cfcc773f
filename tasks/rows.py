"""Tasks and labels as rows: what clients get of them, and what their lists can be asked for."""

from typing import Any

from resources.lists import Filter, Listing, Sort, compared, contained, either
from resources.rows import NaturalKey, Rows, instant
from tasks.models import MAX_LABEL_NAME, Label, Task
from tasks.serializers import PRIORITIES
from web.kinds import BOOLEAN, DATE, INSTANT, UUID_, Kind, choice, text

NAMES_OF_PRIORITIES = ", ".join(f"'{name}'" for name in PRIORITIES)
MAX_SEARCH = 200
TOP = "none"
LOCK = "tasks_lock_tree(%s)"

LABELS = Rows(
    Label,
    {
        "id": "id",
        "name": "name",
        "created_at": instant("created_at"),
        "updated_at": instant("updated_at"),
        "version": "version",
    },
    key=NaturalKey(
        columns=("name",),
        target="owner_id, tasks_fold(name)",
        condition="tasks_fold(name) = tasks_fold(%s)",
        message="There is a label of this name.",
        code="label_exists",
    ),
    # To delete one is to change tasks.
    lock=LOCK,
)

TASKS = Rows(
    Task,
    {
        "id": "id",
        "title": "title",
        "description": "description",
        "completed": "completed",
        "completed_at": instant("completed_at"),
        "priority": f"(ARRAY[{NAMES_OF_PRIORITIES}])[priority + 1]",
        "due_at": instant("due_at"),
        "due_on": "due_on",
        "labels": "labels",
        "parent": "parent_id",
        "position": "position",
        "external_source": "external_source",
        "external_id": "external_id",
        "metadata": "metadata",
        "created_at": instant("created_at"),
        "updated_at": instant("updated_at"),
        "trashed_at": instant("trashed_at"),
        "version": "version",
    },
    key=NaturalKey(
        columns=("external_source", "external_id"),
        target="owner_id, external_source, external_id",
        condition="external_source = %s AND external_id = %s",
        message="There is a task with this external_source and external_id.",
        code="external_id_taken",
    ),
    lock=LOCK,
    locked=["parent_id", "trashed_at", "labels"],
)


def _below(parent: Any) -> tuple[str, list[Any]]:
    return ("parent_id = %s", [parent]) if parent else ("parent_id IS NULL", [])


PARENT = Kind(
    lambda given: None if given == TOP else UUID_.read(given),
    {"oneOf": [UUID_.schema, {"type": "string", "enum": [TOP]}]},
)
PRIORITY = choice(PRIORITIES)
NUMBER = Kind(int)
DATED = "due < tasks_never()"

# Not by the id: the primary key's index would be read past everybody else's newer rows, and an import says when a task
# was created.
CREATED = Sort("created_at", instant("created_at"), INSTANT)

TASK_LIST = Listing(
    rows=TASKS,
    filters={
        "completed": Filter(BOOLEAN, either("completed", "NOT completed")),
        "priority": Filter(PRIORITY, compared("priority = %s")),
        "label": Filter(UUID_, compared("%s = ANY (labels)"), "The id of a label."),
        "due_before": Filter(INSTANT, compared("due < %s"), "A day is due when it ends, in UTC."),
        "due_after": Filter(INSTANT, compared(f"due > %s AND {DATED}")),
        "due_on": Filter(
            DATE,
            lambda day: (
                "due >= %s::date::timestamp AT TIME ZONE 'UTC' AND due < (%s::date + 1)::timestamp AT TIME ZONE 'UTC' "
                f"AND {DATED}",
                [day, day],
            ),
            "Due at any time of that day, in UTC.",
        ),
        "overdue": Filter(
            BOOLEAN,
            either("NOT completed AND due < statement_timestamp()", "(completed OR due >= statement_timestamp())"),
        ),
        "parent": Filter(PARENT, _below, "The subtasks of a task; `none` for tasks that are nobody's subtask."),
        "search": Filter(
            text(MAX_SEARCH),
            contained("title || ' ' || description"),
            "All of these words, in title or description, in any case.",
        ),
        "external_source": Filter(text(64), compared("external_source = %s")),
        "external_id": Filter(text(255), compared("external_id = %s")),
        "created_after": Filter(INSTANT, compared("created_at > %s")),
        "created_before": Filter(INSTANT, compared("created_at < %s")),
        "updated_after": Filter(INSTANT, compared("updated_at > %s")),
        "updated_before": Filter(INSTANT, compared("updated_at < %s")),
        "trashed": Filter(BOOLEAN, either("trashed_at IS NOT NULL", "trashed_at IS NULL"), "What is in the trash."),
    },
    sorts={
        "created_at": CREATED,
        "updated_at": Sort("updated_at", instant("updated_at"), INSTANT),
        "due": Sort("due", instant("due"), INSTANT),
        "priority": Sort("priority", "priority::text", NUMBER),
        "position": Sort("position", "position", text(1024), unique=True),
        "title": Sort("title", "title", text(255)),
    },
    default_sort="-created_at",
    always={"trashed": "trashed_at IS NULL"},
)

LABEL_LIST = Listing(
    rows=LABELS,
    filters={
        "name": Filter(text(MAX_LABEL_NAME), compared("tasks_fold(name) = tasks_fold(%s)"), "Its name, in any case.")
    },
    sorts={"created_at": CREATED, "name": Sort("name", "name", text(MAX_LABEL_NAME))},
    default_sort="name",
    always={},
)
