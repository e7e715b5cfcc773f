"""POST /api/v1/tasks/bulk: up to a hundred operations on tasks, all of them or none."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from resources.bulk import MAX_OPERATIONS, NamingSerializer, OperationField, OperationsField, OperationsView, refusals
from resources.idempotency import retry_safe
from resources.operations import Operations
from resources.serializers import reader
from tasks.rows import TASKS
from tasks.serializers import TaskSerializer, task_columns
from web.serializers import StrictSerializer


@extend_schema_field(TaskSerializer)
class NewTaskField(serializers.Field):
    """A new task's members, by the columns that they are stored in."""

    partial = False

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """As the endpoint of one task reads them."""
        return task_columns(reader(TaskSerializer, partial=self.partial).run_validation(data))


@extend_schema_field(TaskSerializer(partial=True))
class ChangedTaskField(NewTaskField):
    """The members of a task that change."""

    partial = True


class CreateTaskSerializer(StrictSerializer):
    """Make a task."""

    op = serializers.ChoiceField(["create"])
    task = NewTaskField()


class UpdateTaskSerializer(NamingSerializer):
    """Change what `task` names, and nothing else."""

    op = serializers.ChoiceField(["update"])
    task = ChangedTaskField()


class CompleteTaskSerializer(NamingSerializer):
    """Complete a task."""

    op = serializers.ChoiceField(["complete"])


class DeleteTaskSerializer(NamingSerializer):
    """Move a task to the trash."""

    op = serializers.ChoiceField(["delete"])


class TaskOperationField(OperationField):
    """An operation on a task."""

    name = "TaskOperation"
    member = "task"
    shapes = {
        "create": CreateTaskSerializer,
        "update": UpdateTaskSerializer,
        "complete": CompleteTaskSerializer,
        "delete": DeleteTaskSerializer,
    }
    deeds = {"complete": {"completed": True}, "delete": None}


class BulkSerializer(StrictSerializer):
    """Operations on tasks."""

    operations = OperationsField(child=TaskOperationField(), key=TASKS.key.columns)
    example: ClassVar[dict[str, Any]] = {
        "operations": [
            {"op": "create", "task": {"title": "Water the plants", "priority": "high"}},
            {"op": "update", "id": "01890a5d-ac96-774b-bcce-b302099a8057", "version": 3, "task": {"due_on": None}},
            {"op": "complete", "id": "01890a5d-ac96-7ab2-80ac-4b8b5f2b7c1d"},
            {"op": "delete", "id": "01890a5d-ac96-7d6f-9f3b-1f1d1b4f9a0e", "version": 1},
        ]
    }


class BulkResultsSerializer(serializers.Serializer[Any]):
    """The tasks that the operations were about, in their order, as they are after all of them."""

    example = {"results": [TaskSerializer.example]}

    results = TaskSerializer(many=True, max_length=MAX_OPERATIONS)  # type: ignore[call-arg] # the list's


class BulkView(OperationsView):
    """Many operations on tasks in one request."""

    noun = "task"
    operations = Operations(TASKS, "task")
    body = BulkSerializer

    @extend_schema(request=BulkSerializer, responses={200: BulkResultsSerializer, **refusals("task")})
    @retry_safe
    def post(self, request: Request) -> HttpResponse:
        """Make, change, complete and delete tasks: all of it is done, or nothing.

        Each task is named once. Tasks that are named are changed first, then new ones are made, then others are moved
        to the trash; the results are in the order of the operations.
        """
        return self.perform(request)
