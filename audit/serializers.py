"""Shape of an event."""

from rest_framework import serializers

from audit.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event as the user it concerns sees it. `changes` maps a field to `[before, after]`."""

    class Meta:
        model = Event
        fields = [
            "id",
            "occurred_at",
            "actor",
            "request_id",
            "address",
            "action",
            "object_type",
            "object_id",
            "outcome",
            "changes",
        ]
