"""Task endpoints."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from accounts.ownership import requester
from tasks.filters import TaskFilter
from tasks.models import Task, TaskQuerySet
from tasks.serializers import TaskSerializer
from web.views import StrictView


class TaskViewSet(StrictView, ModelViewSet[Task]):
    """The signed-in user's tasks, newest first."""

    queryset = Task.objects.none()
    serializer_class = TaskSerializer
    filterset_class = TaskFilter
    lookup_value_converter = "uuid"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self) -> TaskQuerySet:
        """The first wall; the database is the second."""
        return Task.objects.for_user(requester(self.request))

    def perform_create(self, serializer: BaseSerializer[Task]) -> None:
        """Whoever makes it owns it."""
        serializer.save(owner_id=requester(self.request))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def toggle(self, request: Request, **kwargs: Any) -> Response:
        """Complete an open task, or reopen a complete one."""
        self.get_queryset().filter(pk=kwargs["pk"]).toggle()
        return Response(self.get_serializer(self.get_object()).data)
