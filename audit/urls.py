"""Routes of the audit endpoints, below `/api/v1/`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from audit.views import CheckpointView, EventViewSet, LatestCheckpointView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("audit/events", EventViewSet, basename="event")

urlpatterns = [
    *router.urls,
    path("audit/checkpoints/latest", LatestCheckpointView.as_view(), name="checkpoint-latest"),
    path("audit/checkpoints/<int:size>", CheckpointView.as_view(), name="checkpoint"),
]
