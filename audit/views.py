"""The record, to be read."""

from django.db.models import QuerySet
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from audit.filters import EventFilter
from audit.models import Event
from audit.serializers import EventSerializer
from web.views import StrictView


class EventViewSet(StrictView, ListModelMixin, RetrieveModelMixin, GenericViewSet[Event]):
    """What happened to what is the signed-in user's, newest first."""

    queryset = Event.objects.none()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Event]:
        """The first wall; the database is the second."""
        return Event.objects.filter(owner_id=self.request.user.pk)
