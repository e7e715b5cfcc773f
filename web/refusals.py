"""How OpenAPI describes a refusal: its shape, its headers, an example of it."""

from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import exceptions, serializers

from web.errors import INTERNAL, Conflict, DatabaseUnavailable, PayloadTooLarge, problem
from web.middleware import REQUEST_ID
from web.preconditions import PreconditionFailed

# No more of a body than this is read, so no refusal repeats more of it.
LARGEST_BODY = 2**24
# A refusal repeats what it refuses, be it a name with a NUL in it.
ANYTHING = r"^[\s\S]*$"
REQUEST = f"^{REQUEST_ID.pattern}$"
CODE = "^[a-z][a-z0-9_]*$"


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable and meant for programs, `request_id` for support."""

    type = serializers.URLField(max_length=128, help_text="`code` as a URN.")
    title = serializers.CharField(max_length=64, help_text="The status in words.")
    status = serializers.IntegerField(min_value=400, max_value=599)
    detail = serializers.RegexField(ANYTHING, max_length=LARGEST_BODY, help_text="What went wrong, for people.")
    instance = serializers.CharField(max_length=12_288, help_text="The request's path.")
    code = serializers.RegexField(CODE, max_length=100)
    request_id = serializers.RegexField(REQUEST, max_length=128)


class ConflictProblemSerializer(ProblemSerializer):
    """A problem that may say what there is already."""

    existing = serializers.UUIDField(required=False, help_text="The id of what the request collides with.")


class FaultSerializer(serializers.Serializer[Any]):
    """What is wrong with one part of the request."""

    location = serializers.RegexField(
        ANYTHING, max_length=LARGEST_BODY, help_text="As in `body.title` and `query.limit`."
    )
    message = serializers.RegexField(ANYTHING, max_length=LARGEST_BODY, help_text="What is wrong, for people.")
    code = serializers.RegexField(CODE, max_length=100)


class ValidationProblemSerializer(ProblemSerializer):
    """A problem that says where it lies."""

    errors = serializers.ListField(  # type: ignore[assignment] # DRF takes fields out of the class
        child=FaultSerializer(), max_length=LARGEST_BODY
    )


SHAPES = {409: ConflictProblemSerializer, 422: ValidationProblemSerializer}


def refusal(status: int, when: str, code: Any, detail: Any, **members: Any) -> OpenApiResponse:
    """A refusal with an example: `code` and `detail` as the error says them, and what other members it has."""
    request = HttpRequest()
    request.path = "/api/v1/tasks"
    request.id = "5f0c1f0e-7c1b-4b8e-9d53-0a3a5b3b6c1d"  # type: ignore[attr-defined]
    example = OpenApiExample(code, problem(request, status, code, detail, **members))
    return OpenApiResponse(SHAPES.get(status, ProblemSerializer), when, [example])


def _refusal(error: type[exceptions.APIException], when: str) -> OpenApiResponse:
    return refusal(error.status_code, when, error.default_code, error.default_detail)


FAULT = {"location": "query.limit", "message": "A whole number from 1 to 100.", "code": "invalid"}
# Of operations that take a body.
BODY_PROBLEMS = {
    400: _refusal(exceptions.ParseError, "The body isn't JSON that can be stored, or a header can't be read."),
    409: _refusal(Conflict, "This collides with what is there, or is there no more."),
    411: refusal(
        411, "The body was sent without its length.", "length_required", "Send the body with a Content-Length."
    ),
    413: _refusal(PayloadTooLarge, "The body is too large."),
    415: refusal(
        415,
        "The body isn't said to be JSON.",
        exceptions.UnsupportedMediaType.default_code,
        'Unsupported media type "text/plain" in request.',
    ),
}
PROBLEMS = BODY_PROBLEMS | {
    401: _refusal(exceptions.NotAuthenticated, "No access token, or one that isn't good any more."),
    404: _refusal(exceptions.NotFound, "There is no such thing, or it is somebody else's."),
    406: _refusal(exceptions.NotAcceptable, "The client doesn't accept JSON."),
    412: _refusal(PreconditionFailed, "It has none of the versions that `If-Match` names."),
    422: refusal(
        422,
        "A parameter or a member of the body is unknown or isn't allowed.",
        "validation",
        "{location}: {message}".format(**FAULT),
        errors=[FAULT],
    ),
    500: refusal(500, "A defect of this service; its log has more under the request's id.", "internal_error", INTERNAL),
    503: _refusal(DatabaseUnavailable, "Something this service depends on doesn't answer."),
}
