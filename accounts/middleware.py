"""Confines each request to the rows of whoever sends it, and puts on record what it is refused."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import structlog
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch

from accounts.identity import NOBODY, acting, become_staff, unconfined, without_session
from audit.models import Event
from audit.services import record
from web.errors import unavailable

log = structlog.get_logger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]
MAX_USER_AGENT = 256
MAX_OBJECT_ID = 64
REFUSALS = {401, 403, 404, 429}


class IdentityMiddleware:
    """Every request starts as nobody, behind row-level security; the authenticator binds the user.

    The admin is the one exception: staff act as the tables' owner, and are put on record by name.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nobody = replace(
            NOBODY,
            request_id=request.id,  # type: ignore[attr-defined]
            address=request.META.get("REMOTE_ADDR", ""),
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:MAX_USER_AGENT],
        )
        with acting(nobody):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> None:
        """Decided by where the request was routed to, and not by what its path looks like."""
        if is_admin(request):
            become_staff(request)


class RefusalMiddleware:
    """Puts on record what was refused and what failed: after the rollback, which would take the event with it.

    A 404 on an object's address is a refusal, whether the object is missing or somebody else's: nothing here asks
    which. A refusal that can't be put on record is answered 503.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        noun = _noun(match) if match else None
        if match is None or noun is None or not (response.status_code in REFUSALS or response.status_code >= 500):
            return response
        try:
            _record(request, response, match, noun)
        except Error as exc:
            log.error("refusal_not_recorded", error=type(exc).__name__, status=response.status_code)
            return unavailable(request)
        return response


def is_admin(request: HttpRequest) -> bool:
    """Whether the request was routed to the admin."""
    return bool(request.resolver_match and "admin" in request.resolver_match.app_names)


def _noun(match: ResolverMatch) -> str | None:
    """What an endpoint is about: a view set by its routes' name, another view by its `noun`. None: nobody's things."""
    if "admin" in match.app_names:
        return "admin"
    view = match.func
    noun: str | None = getattr(view, "initkwargs", {}).get("basename") or getattr(
        getattr(view, "cls", None), "noun", None
    )
    return noun


def _object_id(named: Mapping[str, Any]) -> str:
    """What was asked for. The admin's addresses take any text, and what can't be stored or indexed could hide there."""
    return str(named.get("pk") or named.get("object_id") or "").replace("\0", "")[:MAX_OBJECT_ID]


def _record(request: HttpRequest, response: HttpResponse, match: ResolverMatch, noun: str) -> None:
    denied = response.status_code in REFUSALS
    # Without a user whose it could be, it is the session that is refused, whatever was asked for.
    refused = "session" if response.status_code == 401 else noun
    concerning = getattr(getattr(response, "error", None), "concerning", None)
    with without_session(), unconfined() if concerning else nullcontext():
        record(
            action=f"{refused}.refused" if denied else f"{noun}.failed",
            object_type=noun,
            object_id=_object_id(match.kwargs),
            outcome=Event.Outcome.DENIED if denied else Event.Outcome.FAILED,
            detail={
                "method": request.method,
                "route": match.view_name,
                "status": response.status_code,
                "code": (getattr(response, "data", None) or {}).get("code", ""),
            },
            concerning=concerning,
        )
