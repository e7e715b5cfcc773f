"""Middleware of browsers: sessions and what hangs on them, which the admin needs and the API doesn't know.

A request whose path begins with `/api/` goes past it. Routes are matched with the same `path_info`, so nothing that is
served there finds a browser's session to act on, whatever cookies are sent.
"""

from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin

API = "/api/"


class PagesOnly(MiddlewareMixin):
    """Comes before a middleware of Django's among the bases, and lets it see pages only."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API):
            return self.get_response(request)
        return super().__call__(request)


class PageSessions(PagesOnly, SessionMiddleware):
    """The admin's sessions."""


class PageUsers(PagesOnly, AuthenticationMiddleware):
    """`request.user`, by the session. In the API it comes from the bearer token."""


class PageMessages(PagesOnly, MessageMiddleware):
    """What the admin says on the next page."""


class OtherOrigins(CorsMiddleware):
    """What browsers ask before a page of another origin may use the API, and nobody else."""

    def add_response_headers(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """For a request without an origin, only that with one the answer could be another."""
        if "HTTP_ORIGIN" in request.META:
            return super().add_response_headers(request, response)
        if self.is_enabled(request):
            patch_vary_headers(response, ("origin",))
        return response
