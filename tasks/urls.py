"""Routes of the task endpoints, below `/api/v1/`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from tasks.bulk import BulkView
from tasks.exports import TaskExportView
from tasks.imports import TaskImportView
from tasks.views import LabelViewSet, TaskViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("tasks", TaskViewSet, basename="task")
router.register("labels", LabelViewSet, basename="label")

urlpatterns = [
    path("tasks/bulk", BulkView.as_view(), name="task-bulk"),
    path("tasks/export", TaskExportView.as_view(), name="task-export"),
    path("tasks/import", TaskImportView.as_view(), name="task-import"),
    *router.urls,
]
