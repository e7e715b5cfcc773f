"""Many operations in one request: what the bulk endpoints of all resources have in common."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.ownership import requester
from resources.operations import Operation, OperationError, Operations
from resources.serializers import MAX_VERSION, CountedListField, IdField, reader
from resources.views import JSON
from web.errors import Conflict
from web.preconditions import PreconditionFailed
from web.refusals import ConflictProblemSerializer, FaultSerializer, refusal
from web.serializers import StrictSerializer
from web.views import StrictView

MAX_OPERATIONS = 100

Shape = serializers.Serializer[Any] | type[serializers.Serializer[Any]]


class NamingSerializer(StrictSerializer):
    """Base of what is done with something that is there."""

    id = IdField()
    version = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_VERSION,
        help_text="As with `If-Match`: only if it is of this version.",
    )


class OperationField(serializers.Field):
    """An operation, by the shape of its kind.

    name: what OpenAPI calls it. member: what a body calls the row. shapes: kind → its members, which are `op`, those of
    `Operation` but for the values, and `member`. deeds: kind → what is written by one that doesn't say it.
    """

    name: str
    member: str
    shapes: Mapping[str, Shape]
    deeds: Mapping[str, Mapping[str, Any] | None]

    def to_internal_value(self, data: Any) -> Operation:
        """Raises `ValidationError`."""
        op = serializers.ChoiceField(list(self.shapes))
        if not isinstance(data, Mapping):
            raise ValidationError("This must be a JSON object.", "invalid")
        try:
            kind = op.run_validation(data.get("op", serializers.empty))
        except ValidationError as exc:
            raise ValidationError({"op": exc.detail}) from None
        members = reader(self.shapes[kind]).run_validation(data)
        values = self.deeds[kind] if kind in self.deeds else members[self.member]
        return Operation(members.get("id"), members.get("version"), values)


class OperationExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """One of the shapes."""

    target_class = OperationField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """A reference."""
        proxy = PolymorphicProxySerializer(self.target.name, self.target.shapes, "op")
        reference: dict[str, Any] = auto_schema.resolve_serializer(proxy, direction).ref
        return reference


class OperationsField(CountedListField):
    """Operations, each about another row.

    key: the columns of which no two rows have the same.
    """

    def __init__(self, *, child: OperationField, key: tuple[str, ...]) -> None:
        super().__init__(child=child, min_length=1, max_length=MAX_OPERATIONS)
        self.member, self.key = child.member, key

    def to_internal_value(self, data: Any) -> list[Operation]:
        """Read, and compared with one another."""
        operations: list[Operation] = super().to_internal_value(data)
        if faults := dict(self._repetitions(operations)):
            raise ValidationError(faults)  # type: ignore[arg-type] # DRF's own lists have numbers for keys, too
        return operations

    def _repetitions(self, operations: Iterable[Operation]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Which operations are about what another one before them is about, and what is wrong with that."""
        fault = [ErrorDetail("An operation before this one names the same.", "repeated")]
        ids: set[UUID] = set()
        names: set[tuple[Any, ...]] = set()
        for index, operation in enumerate(operations):
            name = tuple(operation.columns.get(column) for column in self.key)
            if operation.id in ids:
                yield index, {"id": fault}
            elif name in names:
                yield index, {self.member: {self.key[-1]: fault}}
            if operation.id:
                ids.add(operation.id)
            if all(name):
                names.add(name)


class OperationProblemSerializer(ConflictProblemSerializer):
    """A problem that names the operations that it is about, if it is about any."""

    errors = serializers.ListField(  # type: ignore[assignment] # DRF takes fields out of the class
        child=FaultSerializer(), required=False, max_length=MAX_OPERATIONS
    )


def refusals(member: str) -> dict[int, OpenApiResponse]:
    """How OpenAPI describes what a bulk can be refused for."""
    return {
        404: _refused(NotFound, "One of them isn't there.", "body.operations.1.id"),
        409: _refused(Conflict, "This collides with what is there.", f"body.operations.0.{member}"),
        412: _refused(PreconditionFailed, "One of them has another version.", "body.operations.3.version"),
    }


def _refused(error: type[APIException], when: str, place: str) -> OpenApiResponse:
    fault = {"location": place, "message": error.default_detail, "code": error.default_code}
    shown = refusal(error.status_code, when, error.default_code, error.default_detail, errors=[fault])
    return OpenApiResponse(OperationProblemSerializer, when, shown.examples)


class OperationsView(StrictView):
    """Base of the endpoints of many operations.

    body: the shape of a request; of its members `operations` is an `OperationsField`.
    """

    operations: ClassVar[Operations]
    body: ClassVar[type[serializers.Serializer[Any]]]

    def perform(self, request: Request) -> HttpResponse:
        """Do what the body says: all of it, or nothing."""
        operations = reader(self.body).run_validation(request.data)["operations"]
        rows = self.operations.perform(requester(request), operations)
        return HttpResponse(f'{{"results":[{",".join([row.body for row in rows])}]}}', content_type=JSON)

    def handle_exception(self, exc: Exception) -> Response:
        """What is wrong with one operation is said of its place."""
        if not (isinstance(exc, OperationError) and isinstance(exc.__cause__, Exception)):
            return super().handle_exception(exc)
        response = super().handle_exception(exc.__cause__)
        if response.status_code < 500:
            _place(response.data, f"body.operations.{exc.index}.{self.operations.member}")
        return response


def _place(problem: dict[str, Any], place: str) -> None:
    """Say of what is said of a body that it is of another place."""
    body = {"location": "body", "message": problem["detail"], "code": problem["code"]}
    faults = problem.get("errors", [body])
    problem["errors"] = [fault | {"location": fault["location"].replace("body", place, 1)} for fault in faults]
    problem["detail"] = "; ".join(f"{fault['location']}: {fault['message']}" for fault in problem["errors"])
