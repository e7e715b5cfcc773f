"""What OpenAPI says of every endpoint alike: the problems it can answer with, the headers it sends, strict input.

A view declares what it gives when all is well, and a refusal that only it knows; the rest is added here.
"""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from web.errors import PROBLEM_JSON

# Of operations that take a body.
BODY_PROBLEMS = {
    400: "The body isn't JSON that can be stored.",
    409: "This collides with what is there, or is there no more.",
    411: "The body was sent without its length.",
    413: "The body is too large.",
    415: "The body isn't said to be JSON.",
}
PROBLEMS = BODY_PROBLEMS | {
    401: "No access token, or one that isn't good any more.",
    404: "There is no such thing, or it is somebody else's.",
    406: "The client doesn't accept JSON.",
    422: "A parameter or a member of the body is unknown or isn't allowed.",
    503: "Something this service depends on doesn't answer.",
}
REQUEST_ID = {
    "X-Request-ID": {"required": True, "schema": {"type": "string"}, "description": "The client's, or a new one."}
}
PROBLEM_HEADERS = {
    "401": {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}, "description": "RFC 6750."}},
    "503": {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}},
}
# A parameter is neither empty nor has a NUL in it.
PARAMETER = r"^[^\x00]+$"
# What is trimmed has a character that `str.strip` leaves.
NOT_BLANK = r"[^\s\x1c-\x1f]"


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable and meant for programs, `request_id` for support."""

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="The request's path.")
    code = serializers.CharField()
    request_id = serializers.CharField()


class FaultSerializer(serializers.Serializer[Any]):
    """What is wrong with one part of the request."""

    location = serializers.CharField(help_text="As in `body.title` and `query.limit`.")
    message = serializers.CharField()
    code = serializers.CharField()


class ValidationProblemSerializer(ProblemSerializer):
    """A problem that says where it lies."""

    errors = FaultSerializer(many=True)  # type: ignore[assignment] # DRF takes fields out of the class


class OperationSchema(AutoSchema):
    """`DEFAULT_SCHEMA_CLASS`: drf-spectacular's, and what all operations of a kind have in common."""

    def _get_parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._get_parameters()
        for parameter in parameters:
            if parameter["in"] == "query" and parameter["schema"].get("type") == "string":
                parameter["schema"].setdefault("pattern", PARAMETER)
        return parameters

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        declared: dict[str, Any] = super()._get_response_bodies(direction)
        for status, response in declared.items():
            # A deletion's answer is drf-spectacular's own, and has none.
            response.setdefault("headers", self._get_response_headers_for_code(status, direction))
        problems = {str(status): self._problem(status) for status in self._problems()}
        return dict(sorted({**problems, **declared}.items()))

    def _problems(self) -> Iterator[int]:
        """The statuses with which an operation of this kind can be refused."""
        yield from (406, 422, 503)
        if {} not in self.get_auth():
            yield 401
        if "{" in self.path:
            yield 404
        if self._get_request_body():  # type: ignore[no-untyped-call]
            yield from BODY_PROBLEMS

    def _problem(self, status: int) -> dict[str, Any]:
        """A reference to the response that all operations share."""
        shape = ValidationProblemSerializer if status == 422 else ProblemSerializer
        response = self._get_response_for_code(OpenApiResponse(shape, PROBLEMS[status]), str(status))
        component = ResolvedComponent(f"Problem{status}", ResolvedComponent.RESPONSE, response, status)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        return component.ref

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        if status_code >= "400":
            media_types = [PROBLEM_JSON]
        return super()._get_response_for_code(serializer, status_code, media_types, direction)  # type: ignore[no-untyped-call]

    def _get_response_headers_for_code(self, status_code: str, direction: Any = "response") -> dict[str, Any]:
        declared = super()._get_response_headers_for_code(status_code, direction)
        return REQUEST_ID | PROBLEM_HEADERS.get(status_code, {}) | declared


class StrictExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """What `StrictSerializer` does: a request has no other members, an answer has all of them."""

    target_class = "web.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """An answer may get new members one day, so it isn't closed."""
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if direction == "response":
            return schema | {"required": sorted(schema["properties"])}
        for name, field in self.target.fields.items():
            if isinstance(field, serializers.CharField) and field.trim_whitespace and not field.allow_blank:
                schema["properties"][name].setdefault("pattern", NOT_BLANK)
        return schema | {"additionalProperties": False}
