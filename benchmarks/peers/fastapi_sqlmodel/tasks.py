"""Task endpoints."""

import uuid
from typing import Any

from fastapi import APIRouter, HTTPException, Query, status
from sqlmodel import col, select

from benchmarks.peers.fastapi_sqlmodel.dependencies import CurrentUser, SessionDep
from benchmarks.peers.fastapi_sqlmodel.models import (
    AuditEvent,
    Task,
    TaskCreate,
    TaskPublic,
    TasksPublic,
    TaskUpdate,
    User,
    now,
)

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("", response_model=TasksPublic)
async def read_tasks(
    session: SessionDep, current_user: CurrentUser, skip: int = 0, limit: int = Query(default=50, le=100)
) -> Any:
    """The user's tasks, newest first."""
    statement = (
        select(Task)
        .where(Task.owner_id == current_user.id, col(Task.trashed_at).is_(None))
        .order_by(col(Task.created_at).desc())
        .offset(skip)
        .limit(limit)
    )
    tasks = (await session.exec(statement)).all()
    return TasksPublic(data=[TaskPublic.model_validate(task) for task in tasks])


@router.get("/{task_id}", response_model=TaskPublic)
async def read_task(session: SessionDep, current_user: CurrentUser, task_id: uuid.UUID) -> Any:
    """One task."""
    return await _own_task(session, current_user, task_id)


@router.post("", response_model=TaskPublic, status_code=status.HTTP_201_CREATED)
async def create_task(session: SessionDep, current_user: CurrentUser, task_in: TaskCreate) -> Any:
    """A new task."""
    task = Task.model_validate(task_in, update={"owner_id": current_user.id})
    if task.completed:
        task.completed_at = now()
    session.add(task)
    changes = {name: [None, value] for name, value in task_in.model_dump(mode="json", exclude_unset=True).items()}
    session.add(_event(current_user, "task.created", task, changes))
    await session.commit()
    await session.refresh(task)
    return task


@router.patch("/{task_id}", response_model=TaskPublic)
async def update_task(session: SessionDep, current_user: CurrentUser, task_id: uuid.UUID, task_in: TaskUpdate) -> Any:
    """A changed task."""
    task = await _own_task(session, current_user, task_id)
    given = task_in.model_dump(exclude_unset=True)
    before = task.model_dump(mode="json", include=set(given))
    if given.get("completed", task.completed) != task.completed:
        task.completed_at = now() if given["completed"] else None
    task.sqlmodel_update(given, update={"updated_at": now(), "version": task.version + 1})
    session.add(task)
    after = task_in.model_dump(mode="json", exclude_unset=True)
    changes = {name: [before[name], after[name]] for name in given}
    session.add(_event(current_user, "task.updated", task, changes))
    await session.commit()
    await session.refresh(task)
    return task


async def _own_task(session: SessionDep, user: User, task_id: uuid.UUID) -> Task:
    task = await session.get(Task, task_id)
    if task is None or task.owner_id != user.id:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Task not found")
    return task


def _event(user: User, action: str, task: Task, changes: dict[str, Any]) -> AuditEvent:
    return AuditEvent(actor_id=user.id, action=action, object_type="task", object_id=task.id, changes=changes)
