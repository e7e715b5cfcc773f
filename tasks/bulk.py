"""POST /api/v1/tasks/bulk: up to a hundred operations on tasks, all of them or none."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.ownership import requester
from resources.idempotency import retry_safe
from resources.serializers import MAX_VERSION, CountedListField, IdField, reader
from resources.views import JSON
from tasks.operations import Operation, OperationError, perform
from tasks.rows import TASKS
from tasks.serializers import TaskSerializer, task_columns
from web.errors import Conflict
from web.preconditions import PreconditionFailed
from web.refusals import ConflictProblemSerializer, FaultSerializer, refusal
from web.serializers import StrictSerializer
from web.views import StrictView

MAX_OPERATIONS = 100


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


class NamingSerializer(StrictSerializer):
    """Base of what is done with a task that is there."""

    id = IdField()
    version = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_VERSION,
        help_text="As with `If-Match`: only if the task is of this version.",
    )


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


SHAPES: dict[str, serializers.Serializer[Any] | type[serializers.Serializer[Any]]] = {
    "create": CreateTaskSerializer,
    "update": UpdateTaskSerializer,
    "complete": CompleteTaskSerializer,
    "delete": DeleteTaskSerializer,
}


class KindSerializer(serializers.Serializer[Any]):
    """Which operation it is."""

    op = serializers.ChoiceField(list(SHAPES))


@extend_schema_field(PolymorphicProxySerializer("TaskOperation", SHAPES, "op"))
class OperationField(serializers.Field):
    """An operation."""

    def to_internal_value(self, data: Any) -> Operation:
        """By the shape of its kind."""
        op = reader(KindSerializer).run_validation(data)["op"]
        return Operation(**reader(SHAPES[op]).run_validation(data))


class OperationsField(CountedListField):
    """Operations, each about another task."""

    child = OperationField()

    def to_internal_value(self, data: Any) -> list[Operation]:
        """Read, and compared with one another."""
        operations: list[Operation] = super().to_internal_value(data)
        if faults := dict(_repetitions(operations)):
            raise ValidationError(faults)  # type: ignore[arg-type] # DRF's own lists have numbers for keys, too
        return operations


def _repetitions(operations: Iterable[Operation]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Which operations are about what another one before them is about, and what is wrong with that."""
    fault = [ErrorDetail("An operation before this one names the same.", "repeated")]
    ids: set[UUID] = set()
    names: set[tuple[Any, ...]] = set()
    for index, operation in enumerate(operations):
        name = tuple(operation.task.get(member) for member in TASKS.key.columns)
        if operation.id in ids:
            yield index, {"id": fault}
        elif name in names:
            yield index, {"task": {TASKS.key.columns[-1]: fault}}
        if operation.id:
            ids.add(operation.id)
        if all(name):
            names.add(name)


class BulkSerializer(StrictSerializer):
    """Operations on tasks."""

    operations = OperationsField(min_length=1, max_length=MAX_OPERATIONS)
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


class OperationProblemSerializer(ConflictProblemSerializer):
    """A problem that names the operations that it is about, if it is about any."""

    errors = serializers.ListField(  # type: ignore[assignment] # DRF takes fields out of the class
        child=FaultSerializer(), required=False, max_length=MAX_OPERATIONS
    )


def _refused(error: type[APIException], when: str, place: str) -> OpenApiResponse:
    fault = {"location": place, "message": error.default_detail, "code": error.default_code}
    shown = refusal(error.status_code, when, error.default_code, error.default_detail, errors=[fault])
    return OpenApiResponse(OperationProblemSerializer, when, shown.examples)


class BulkView(StrictView):
    """Many operations on tasks in one request."""

    noun = "task"

    @extend_schema(
        request=BulkSerializer,
        responses={
            200: BulkResultsSerializer,
            404: _refused(NotFound, "There is no such task.", "body.operations.1.id"),
            409: _refused(Conflict, "This collides with what is there.", "body.operations.0.task"),
            412: _refused(PreconditionFailed, "A task has another version.", "body.operations.3.version"),
        },
    )
    @retry_safe
    def post(self, request: Request) -> HttpResponse:
        """Make, change, complete and delete tasks: all of it is done, or nothing.

        Each task is named once. Tasks that are named are changed first, then new ones are made, then others are moved
        to the trash; the results are in the order of the operations.
        """
        operations = reader(BulkSerializer).run_validation(request.data)["operations"]
        rows = perform(requester(request), operations)
        return HttpResponse(f'{{"results":[{",".join([row.body for row in rows])}]}}', content_type=JSON)

    def handle_exception(self, exc: Exception) -> Response:
        """What is wrong with one operation is said of its place."""
        if not (isinstance(exc, OperationError) and isinstance(exc.__cause__, Exception)):
            return super().handle_exception(exc)
        response = super().handle_exception(exc.__cause__)
        if response.status_code < 500:
            _place(response.data, f"body.operations.{exc.index}.task")
        return response


def _place(problem: dict[str, Any], place: str) -> None:
    """Say of what is said of a body that it is of another place."""
    body = {"location": "body", "message": problem["detail"], "code": problem["code"]}
    faults = problem.get("errors", [body])
    problem["errors"] = [fault | {"location": fault["location"].replace("body", place, 1)} for fault in faults]
    problem["detail"] = "; ".join(f"{fault['location']}: {fault['message']}" for fault in problem["errors"])
