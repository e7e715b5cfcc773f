"""One hierarchy of domain errors, and how each reaches the client as RFC 9457 `application/problem+json`.

The hierarchy is DRF's: everything an app raises on purpose is an `APIException`, here or in the framework.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from django.apps import apps
from django.core import exceptions as django_exceptions
from django.core.signals import got_request_exception
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.dispatch import Signal
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.encoding import escape_uri_path
from django.views.decorators.csrf import csrf_exempt, requires_csrf_token
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
INTERNAL = "Something went wrong on our side. The request id identifies this failure in our logs."
UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"
# Serialization failure, deadlock, lock not available, query cancelled: the database itself is well.
RETRYABLE = {"40001", "40P01", "55P03", "57014"}

# Sent when a view failed because the database did.
database_failed = Signal()


class Conflict(exceptions.APIException):
    """The request is well-formed, but collides with what is already there.

    existing: the id of what it collides with, if the client may know it: a member of the problem.
    """

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This collides with what is there, or is there no more."
    default_code = "conflict"

    def __init__(self, detail: Any = None, code: str | None = None, existing: UUID | None = None) -> None:
        super().__init__(detail, code)
        self.members = {} if existing is None else {"existing": str(existing)}


class PayloadTooLarge(exceptions.APIException):
    """The body is larger than this service reads."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."
    default_code = "payload_too_large"


class Unavailable(exceptions.APIException):
    """Something this service depends on doesn't answer; the same request may succeed in `wait` seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "This service is unavailable for the moment; please try again."
    default_code = "unavailable"
    wait = 5


class DatabaseUnavailable(Unavailable):
    """PostgreSQL can't be reached."""

    default_detail = "The database is unavailable for the moment; please try again."
    default_code = "database_unavailable"


class InvalidParameter(exceptions.ValidationError):
    """A query parameter is unknown or malformed. `detail` maps the parameter's name to its messages."""

    location = "query"


def problem(request: HttpRequest, status_code: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    """The members of RFC 9457, and ours: `code` is stable and meant for programs, `request_id` for support."""
    return {
        "type": f"urn:daybook:problem:{code}",
        "title": HTTPStatus(status_code).phrase,
        "status": status_code,
        "detail": detail,
        "instance": escape_uri_path(request.path),
        "code": code,
        "request_id": getattr(request, "id", ""),
        **extra,
    }


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """DRF's hook: turn whatever a view raised into a problem. What nobody foresaw is logged and says nothing."""
    request = context["request"]
    known = _translate(exc)
    if known is None:
        got_request_exception.send(sender=None, request=request)
        log.exception("unhandled_error")
        return Response(problem(request, 500, "internal_error", INTERNAL), 500, content_type=PROBLEM_JSON)
    if isinstance(known, exceptions.ValidationError):
        body = _validation_problem(request, known)
    else:
        members = getattr(known, "members", {})
        body = problem(request, known.status_code, str(known.get_codes()), str(known.detail), **members)
    response = Response(body, body["status"], headers=_headers(known), content_type=PROBLEM_JSON)
    # For who is around the view, and knows more about what the error means.
    response.error = known  # type: ignore[attr-defined]
    return response


def unavailable(request: HttpRequest) -> HttpResponse:
    """For middleware: the database can't do what the answer depends on."""
    body = problem(request, 503, DatabaseUnavailable.default_code, DatabaseUnavailable.default_detail)
    retry = {"Retry-After": str(DatabaseUnavailable.wait)}
    return JsonResponse(body, status=503, content_type=PROBLEM_JSON, headers=retry)


def _translate(exc: Exception) -> exceptions.APIException | None:
    """The hierarchy's name for an exception, or None for one that only a defect can cause."""
    match exc:
        case exceptions.APIException():
            return exc
        case Http404() | django_exceptions.ObjectDoesNotExist():
            return exceptions.NotFound()
        case django_exceptions.PermissionDenied():
            return exceptions.PermissionDenied()
        case django_exceptions.RequestDataTooBig():
            return PayloadTooLarge()
        case OperationalError() | InterfaceError():
            return _outage(exc)
        case DataError():
            return exceptions.ValidationError("A value can't be stored.")
        case IntegrityError():
            return _violation(exc)
    return None


def _outage(exc: OperationalError | InterfaceError) -> Unavailable:
    log.error("database_error", error=type(exc.__cause__ or exc).__name__)
    if getattr(exc.__cause__, "sqlstate", None) in RETRYABLE:
        return Unavailable()
    database_failed.send(sender=None)
    return DatabaseUnavailable()


def _violation(exc: IntegrityError) -> exceptions.APIException | None:
    """What a declared constraint says of its violation: 409 for a duplicate, 422 for a value out of bounds."""
    diagnostic = getattr(exc.__cause__, "diag", None)
    name, sqlstate = getattr(diagnostic, "constraint_name", None), getattr(exc.__cause__, "sqlstate", "")
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name == name:
                code = constraint.violation_error_code or "invalid"
                # A trigger's exception can say more than the rule that it stands for.
                speaks = getattr(constraint, "speaks", False)
                message = (
                    diagnostic.message_primary if speaks and diagnostic else constraint.get_violation_error_message()
                )
                if sqlstate == UNIQUE_VIOLATION:
                    return Conflict(message, code)
                field = getattr(constraint, "field", None)
                return exceptions.ValidationError({field: [message]} if field else message, code)
    # What the request refers to, its user perhaps, was deleted meanwhile.
    return Conflict() if sqlstate == FOREIGN_KEY_VIOLATION else None


def _validation_problem(request: HttpRequest, exc: exceptions.ValidationError) -> dict[str, Any]:
    location = getattr(exc, "location", "body")
    errors = list(_flatten(exc.get_full_details(), location))
    detail = "; ".join(f"{error['location']}: {error['message']}" for error in errors[:3])
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "validation", detail, errors=errors)


def _flatten(details: Any, location: str) -> Iterator[dict[str, str]]:
    """DRF nests messages as the body is nested; clients get a flat list with dotted locations."""
    if isinstance(details, list):
        for index, item in enumerate(details):
            is_message = isinstance(item, dict) and item.keys() == {"message", "code"}
            yield from _flatten(item, location if is_message else f"{location}.{index}")
    elif details.keys() == {"message", "code"} and isinstance(details["message"], str):
        yield {"location": location, "message": str(details["message"]), "code": str(details["code"])}
    else:
        for key, value in details.items():
            inner = location if key == api_settings.NON_FIELD_ERRORS_KEY else f"{location}.{key}"
            yield from _flatten(value, inner)


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = dict(getattr(exc, "headers", {}))
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _error_page(request: HttpRequest, status_code: int, code: str, detail: str) -> HttpResponse:
    """What Django itself refuses: a problem for API clients, a page of ours for people."""
    if request.path_info.startswith("/api"):
        body = problem(request, status_code, code, detail)
        return JsonResponse(body, status=status_code, content_type=PROBLEM_JSON)
    context = {
        "status": status_code,
        "title": HTTPStatus(status_code).phrase,
        "detail": detail,
        "request_id": getattr(request, "id", ""),
    }
    return render(request, "error.html", context, status=status_code)


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`."""
    return _error_page(request, 400, "bad_request", "This request can't be understood.")


@requires_csrf_token
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    return _error_page(request, 403, "permission_denied", "You may not do this.")


@requires_csrf_token
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`CSRF_FAILURE_VIEW`: a form without its token. API requests need none."""
    return _error_page(request, 403, "csrf_failed", "This form has expired; load its page again.")


@csrf_exempt
@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None) -> HttpResponse:
    """`handler404`."""
    return _error_page(request, 404, "not_found", "There is nothing at this address.")


def length_required(request: HttpRequest) -> HttpResponse:
    """A body sent in chunks: answered before anything takes it for an empty one."""
    return _error_page(request, 411, "length_required", "Send the body with a Content-Length.")


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: Django has logged the exception with the request id; the answer holds nothing of it."""
    return _error_page(request, 500, "internal_error", INTERNAL)
