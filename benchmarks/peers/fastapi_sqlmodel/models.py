"""Tables, and what the API takes and gives."""

import time
import uuid
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import ARRAY, DateTime, Index, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

INSTANT: Any = DateTime(timezone=True)
IDS: Any = ARRAY(Uuid)
JSON: Any = JSONB


def now() -> datetime:
    """In UTC."""
    return datetime.now(UTC)


def last_position() -> str:
    """Behind everything that was made before."""
    return f"{time.time_ns():x}"


class Priority(StrEnum):
    """How much a task matters."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class User(SQLModel, table=True):
    """Somebody with an account."""

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    email: str = Field(unique=True, index=True, max_length=255)
    hashed_password: str
    full_name: str | None = Field(default=None, max_length=255)
    is_active: bool = True
    is_superuser: bool = False
    created_at: datetime = Field(default_factory=now, sa_type=INSTANT)


class TaskBase(SQLModel):
    """What its owner says of a task."""

    title: str = Field(min_length=1, max_length=255)
    description: str = Field(default="", max_length=100_000)
    completed: bool = False
    priority: Priority = Priority.NONE
    due_at: AwareDatetime | None = Field(default=None, sa_type=INSTANT)
    due_on: date | None = None
    labels: list[uuid.UUID] = Field(default_factory=list, max_length=50, sa_type=IDS)
    parent: uuid.UUID | None = Field(default=None, foreign_key="task.id")
    external_source: str | None = Field(default=None, max_length=64)
    external_id: str | None = Field(default=None, max_length=255)


class TaskCreate(TaskBase):
    """To create one."""

    details: dict[str, Any] = Field(default_factory=dict, alias="metadata")


class TaskUpdate(SQLModel):
    """To change one; all are optional."""

    title: str | None = Field(default=None, min_length=1, max_length=255)
    description: str | None = Field(default=None, max_length=100_000)
    completed: bool | None = None
    priority: Priority | None = None
    due_at: AwareDatetime | None = None
    due_on: date | None = None
    labels: list[uuid.UUID] | None = Field(default=None, max_length=50)
    parent: uuid.UUID | None = None
    external_source: str | None = Field(default=None, max_length=64)
    external_id: str | None = Field(default=None, max_length=255)
    details: dict[str, Any] | None = Field(default=None, alias="metadata")


class Task(TaskBase, table=True):
    """The table."""

    __table_args__ = (Index("task_owner_newest", "owner_id", "created_at"),)

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    owner_id: uuid.UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    # `metadata` is SQLAlchemy's own name on a model.
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    completed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    position: str = Field(default_factory=last_position)
    created_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    updated_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    trashed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    version: int = 1


class TaskPublic(TaskBase):
    """As its owner reads it."""

    id: uuid.UUID
    details: dict[str, Any] = Field(serialization_alias="metadata")
    completed_at: datetime | None
    position: str
    created_at: datetime
    updated_at: datetime
    trashed_at: datetime | None
    version: int


class TasksPublic(SQLModel):
    """A page."""

    data: list[TaskPublic]


class AuditEvent(SQLModel, table=True):
    """That somebody did something."""

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    occurred_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    actor_id: uuid.UUID = Field(index=True)
    action: str = Field(max_length=64)
    object_type: str = Field(max_length=64)
    object_id: uuid.UUID = Field(index=True)
    changes: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class TokenPayload(SQLModel):
    """What a token says."""

    sub: uuid.UUID
