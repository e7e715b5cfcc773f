"""Confines each request to the rows of whoever sends it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.identity import NOBODY, acting, become_staff


class IdentityMiddleware:
    """Every request starts as nobody, behind row-level security; the authenticator binds the user.

    The admin is the one exception: staff act as the tables' owner, and are put on record by name.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting(replace(NOBODY, request_id=request.id, address=request.META.get("REMOTE_ADDR", ""))):  # type: ignore[attr-defined]
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> None:
        """Decided by where the request was routed to, and not by what its path looks like."""
        if request.resolver_match and "admin" in request.resolver_match.app_names:
            become_staff(request)
