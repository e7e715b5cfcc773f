"""Swagger UI and ReDoc: the API's description as pages, of what drf-spectacular-sidecar ships."""

from typing import Any

from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.views import APIView

# ReDoc would load its maker's logo, and either page what a description's text refers to. Both style themselves as they
# go; ReDoc searches in a worker that it makes of a blob.
POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


class Page(APIView):
    """For everybody, and from nowhere else: the browser may ask this service only."""

    authentication_classes = ()
    permission_classes = ()
    url_name = "openapi"

    @property
    def default_response_headers(self) -> dict[str, Any]:
        """Of each answer."""
        return {**super().default_response_headers, "Content-Security-Policy": POLICY}


class SwaggerPage(Page, SpectacularSwaggerSplitView):
    """The operations, to try out."""


class RedocPage(Page, SpectacularRedocView):
    """The operations, to read."""

    template_name = "redoc.html"
