"""Routes of the knowledge endpoints, below `/api/v1/`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from knowledge.bulk import DocumentBulkView
from knowledge.provider_views import ProviderCheckView, ProviderView
from knowledge.search_views import SearchBatchView, SearchView
from knowledge.upload_views import DocumentFileViewSet, UploadViewSet
from knowledge.views import DocumentViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("knowledge/documents", DocumentViewSet, basename="document")

DOCUMENT_FILE = DocumentFileViewSet.as_view({"get": "retrieve", "put": "update"}, basename="document")

urlpatterns = [
    path(
        "knowledge/documents/upload",
        UploadViewSet.as_view({"post": "create"}, basename="document"),
        name="document-upload",
    ),
    path("knowledge/documents/<uuid:pk>/file", DOCUMENT_FILE, name="document-file"),
    path("knowledge/documents/bulk", DocumentBulkView.as_view(), name="document-bulk"),
    *router.urls,
    path("knowledge/search", SearchView.as_view(), name="search"),
    path("knowledge/search/batch", SearchBatchView.as_view(), name="search-batch"),
    path("knowledge/embedding-provider", ProviderView.as_view(), name="embedding-provider"),
    path("knowledge/embedding-provider/check", ProviderCheckView.as_view(), name="embedding-provider-check"),
]
