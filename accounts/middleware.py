"""Confines each request to the rows of whoever sends it."""

from collections.abc import Callable
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property

from accounts.identity import Identity, acting


class IdentityMiddleware:
    """Every request starts as nobody, behind row-level security; the authenticator binds the user.

    The admin is the one exception: staff act as the tables' owner, and are put on record by name.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    @cached_property
    def admin_prefix(self) -> str:
        """Where the admin lives."""
        return reverse("admin:index")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id: str = request.id  # type: ignore[attr-defined]
        address = request.META.get("REMOTE_ADDR", "")
        nobody = Identity(confined=True, actor="anonymous", request_id=request_id, address=address)
        if not request.path_info.startswith(self.admin_prefix):
            with acting(nobody):
                return self.get_response(request)
        staff = replace(nobody, confined=False)
        with acting(staff):
            actor = str(request.user.pk) if request.user.is_authenticated else "anonymous"
            with acting(replace(staff, actor=actor)):
                return self.get_response(request)
