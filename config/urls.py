"""Every address of the service."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView, TemplateView
from drf_spectacular.views import SpectacularJSONAPIView

from config.api_pages import RedocPage, SwaggerPage
from config.feed import FEED
from config.health import database_health, health
from config.version import VERSION
from resources.changes import ChangesView
from web.errors import not_found

admin.site.site_header = admin.site.site_title = "Daybook"
admin.site.index_title = "Administration"

urlpatterns = [
    # First, because it is asked for most, and addresses are looked for one after another.
    path("api/v1/", include("tasks.urls")),
    path(
        "",
        TemplateView.as_view(
            template_name="start.html", extra_context={"version": VERSION, "api_docs": settings.API_DOCS}
        ),
        name="start",
    ),
    path("health", health, name="health"),
    path("health/db", database_health, name="health-db"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/", include("knowledge.urls")),
    path("api/v1/", include("audit.urls")),
    path("api/v1/changes", ChangesView.as_view(feed=FEED), name="changes"),
]
if settings.API_DOCS:
    schema = SpectacularJSONAPIView.as_view(authentication_classes=[], permission_classes=[])
    urlpatterns += [
        path("api/v1/openapi.json", schema, name="openapi"),
        path("api/v1/docs", SwaggerPage.as_view(), name="swagger"),
        path("api/v1/redoc", RedocPage.as_view(), name="redoc"),
    ]

# With DEBUG on Django would answer an unknown address with a page of its own; API clients get a problem.
urlpatterns.append(re_path("^api/", not_found, {"exception": None}))

handler400 = "web.errors.bad_request"
handler403 = "web.errors.permission_denied"
handler404 = "web.errors.not_found"
handler500 = "web.errors.server_error"
