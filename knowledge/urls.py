"""Routes of the knowledge endpoints, below `/api/v1/`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from knowledge.views import DocumentViewSet, SearchView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("knowledge/documents", DocumentViewSet, basename="document")

urlpatterns = [*router.urls, path("knowledge/search", SearchView.as_view(), name="search")]
