"""Files of tasks to test with: how they are exported, made up, and compared."""

import csv
import io
import json
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.http import StreamingHttpResponse
from rest_framework.test import APIClient

from accounts.models import User

EXPORT, IMPORT = "/api/v1/tasks/export", "/api/v1/tasks/import"
# 2026-01-01T00:00:00Z, in milliseconds.
NEW_YEAR = 1_767_225_600_000


def uuid7(milliseconds: int = NEW_YEAR) -> str:
    """An id as PostgreSQL makes them."""
    return str(UUID(int=milliseconds << 80 | 7 << 76 | uuid4().int & ~(15 << 76) & (2**80 - 1)))


def row(title: str = "Water the plants", **members: Any) -> dict[str, Any]:
    """A task in a file."""
    return {"id": uuid7(), "title": title, **members}


def file_of(*tasks: dict[str, Any], labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A file. labels: id → name."""
    named = [{"id": pk, "name": name} for pk, name in (labels or {}).items()]
    return {"daybook": 1, "labels": named, "tasks": list(tasks)}


def download(client: APIClient, **parameters: str) -> str:
    """The text of an export, which is read after its request, as a server does."""
    response = client.get(EXPORT, parameters)
    assert isinstance(response, StreamingHttpResponse), response.content
    assert response.status_code == 200
    return response.getvalue().decode()


def exported(client: APIClient, **parameters: str) -> Any:
    """The file that an export gives."""
    return json.loads(download(client, **parameters))


def cells(text: str) -> list[dict[str, str]]:
    """The rows of an export in CSV, by the names in its header."""
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def imported(client: APIClient, file: Any, status: int = 201) -> Any:
    """The report of an import."""
    response = client.post(IMPORT, file)
    assert response.status_code == status, response.content
    return response.json()


def said(file: dict[str, Any]) -> dict[str, Any]:
    """What a file says, whatever its ids are: tasks in their manual order, labels by their names.

    Of the moments at which tasks got into the trash only their order: by an import they get there anew.
    """
    ordered = sorted(file["tasks"], key=lambda task: str(task["position"]))
    places = {task["id"]: place for place, task in enumerate(ordered)}
    names = {label["id"]: label["name"] for label in file["labels"]}
    moments = sorted({task["trashed_at"] for task in file["tasks"]} - {None})
    tasks = [
        {name: value for name, value in task.items() if name not in ("id", "version", "updated_at")}
        | {"parent": places.get(task["parent"], task["parent"]), "labels": [names[label] for label in task["labels"]]}
        | {"trashed_at": task["trashed_at"] and moments.index(task["trashed_at"])}
        for task in ordered
    ]
    return {"labels": sorted(names.values()), "tasks": tasks}


def make_many(owner: User, count: int) -> None:
    """Many tasks at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tasks_task (owner_id, title) SELECT %s, 'Task ' || number FROM generate_series(1, %s) number",
            [owner.pk, count],
        )


def refuse(table: str, condition: str) -> None:
    """Till the test's end the database refuses new rows of which the condition doesn't hold, as if it had failed."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT broken CHECK ({condition}) NOT VALID")
