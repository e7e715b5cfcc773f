"""Operations of a bulk, for its tests."""

from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Task
from tasks.tests.api import TASKS

BULK = f"{TASKS}/bulk"
MISSING = "01890a5d-ac96-774b-bcce-b302099a8057"


def make(owner: User, title: str = "x", **members: Any) -> Task:
    """A task that is there."""
    return Task.objects.create(owner=owner, title=title, **members)


def create(title: str = "new", **members: Any) -> dict[str, Any]:
    return {"op": "create", "task": {"title": title, **members}}


def update(task: Task | str, version: int | None = None, **members: Any) -> dict[str, Any]:
    return named("update", task, version) | {"task": members}


def named(op: str, task: Task | str, version: int | None = None) -> dict[str, Any]:
    """An operation on a task that is there."""
    pk = task if isinstance(task, str) else str(task.pk)
    return {"op": op, "id": pk} | ({"version": version} if version else {})


def bulk(client: APIClient, *operations: Any, **headers: str) -> Any:
    return client.post(BULK, {"operations": operations}, headers=headers)


def places(response: Any) -> list[tuple[str, str]]:
    """Place and code of all that a refusal names."""
    return [(error["location"], error["code"]) for error in response.json()["errors"]]
