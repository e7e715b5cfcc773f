"""Task and label endpoints."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from resources.idempotency import retry_safe
from resources.rows import SQL
from resources.serializers import reader
from resources.views import ResourceViewSet, TrashViewSet, answer
from tasks import services
from tasks.models import Label, Task
from tasks.rows import LABEL_LIST, LABELS, TASK_LIST, TASKS
from tasks.serializers import (
    ExternalIdSerializer,
    ExternalTaskSerializer,
    LabelSerializer,
    MoveSerializer,
    TaskSerializer,
    task_columns,
)
from web.preconditions import expected_versions, is_known, must_differ, must_exist

EXTERNAL = [
    OpenApiParameter(
        "external_source",
        {"type": "string", "minLength": 1, "maxLength": 64},
        "path",
        description="The system that the task comes from.",
    ),
    OpenApiParameter(
        "external_id",
        {"type": "string", "minLength": 1, "maxLength": 255},
        "path",
        description="What that system calls it.",
    ),
]


class LabelViewSet(ResourceViewSet):
    """The signed-in user's labels, by name. A label that is deleted goes from all tasks."""

    queryset = Label.objects.none()
    serializer_class = LabelSerializer
    rows = LABELS
    listing = LABEL_LIST
    defaults = {}


class TaskViewSet(TrashViewSet):
    """The signed-in user's tasks, newest first."""

    queryset = Task.objects.none()
    serializer_class = TaskSerializer
    rows = TASKS
    listing = TASK_LIST
    defaults = {
        "description": "",
        "completed": False,
        "priority": 0,
        "due_at": None,
        "due_on": None,
        "labels": [],
        "parent_id": None,
        "external_source": None,
        "external_id": None,
        "metadata": {},
    }

    def columns(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """Priorities by number, the parent by its id."""
        return task_columns(members)

    @extend_schema(
        parameters=EXTERNAL, request=ExternalTaskSerializer, responses={200: TaskSerializer, 201: TaskSerializer}
    )
    @action(detail=False, methods=["put"], url_path="external/<str:external_source>/<path:external_id>")
    def external(self, request: Request, external_source: str, external_id: str) -> HttpResponse:
        """Make or replace the task that another system calls so: the same request again changes nothing.

        `If-None-Match: *` makes only, `If-Match` replaces only.
        """
        members = reader(ExternalTaskSerializer).run_validation(request.data)
        named = {"external_source": external_source, "external_id": external_id}
        row, made = services.put_task(
            owner_id=self.owner_id,
            values={**self.defaults, **self.columns(members | reader(ExternalIdSerializer).run_validation(named))},
            expected=expected_versions(request),
            is_known=partial(is_known, request) if must_differ(request) else None,
            must_exist=must_exist(request),
        )
        return self.created(row) if made else answer(row)

    @extend_schema(request=MoveSerializer)
    @action(detail=True, methods=["post"])
    @retry_safe
    def move(self, request: Request, pk: UUID) -> HttpResponse:
        """Give a task another place in the manual order (`sort=position`): right after another one, or right before."""
        ((side, anchor),) = reader(MoveSerializer).run_validation(request.data).items()
        versions = self.expected(request, pk)
        row = services.move_task(owner_id=self.owner_id, pk=pk, side=side, anchor=anchor, versions=versions)
        return answer(row)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @retry_safe
    def toggle(self, request: Request, pk: UUID) -> HttpResponse:
        """Complete an open task, or reopen a complete one. Two toggles at the same moment are two."""
        return answer(self.changed(request, pk, {"completed": SQL("NOT completed")}))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @retry_safe
    def close(self, request: Request, pk: UUID) -> HttpResponse:
        """Complete a task. One that is complete stays as it is."""
        return answer(self.changed(request, pk, {"completed": True}, only="NOT completed"))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @retry_safe
    def reopen(self, request: Request, pk: UUID) -> HttpResponse:
        """Take completion back. One that is open stays as it is."""
        return answer(self.changed(request, pk, {"completed": False}, only="completed"))
