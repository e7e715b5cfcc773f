"""Gives each request its id, and leaves one line about it in the log."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

from web.errors import length_required

log = structlog.get_logger("daybook.request")

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class RequestMiddleware:
    """Outermost of ours: binds the request id to everything logged meanwhile, and answers with it.

    A client's `X-Request-ID` is kept if it looks like an id, so that a call can be followed across systems.
    The line names the route and not the URL: a query string can hold what somebody searched for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request.id = _request_id(request)  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request.id)  # type: ignore[attr-defined]
        try:
            response = length_required(request) if _is_chunked(request) else self.get_response(request)
            response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
            if log.is_enabled_for(logging.INFO):
                elapsed = (time.perf_counter() - started) * 1000
                log.info("request", **_describe(request), status=response.status_code, ms=round(elapsed, 1))
            return response
        finally:
            # What the thread logs next isn't this request's.
            structlog.contextvars.clear_contextvars()


def _is_chunked(request: HttpRequest) -> bool:
    """A body without a length, which WSGI frameworks take for none at all."""
    return "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH")


def _request_id(request: HttpRequest) -> str:
    offered = request.META.get("HTTP_X_REQUEST_ID", "")
    return offered if REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())


def _describe(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match
    if match is None:
        return {"method": request.method, "route": None}
    actions = getattr(match.func, "actions", None) or {}
    action = actions.get((request.method or "").lower())
    noun = getattr(match.func, "initkwargs", {}).get("basename")
    described = {"method": request.method, "route": match.view_name}
    return described | ({"action": f"{noun}.{action}"} if action else {})
