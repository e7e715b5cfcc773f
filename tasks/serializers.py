"""Shape of a task."""

from rest_framework import serializers

from tasks.models import MAX_DESCRIPTION, Task
from web.serializers import StrictModelSerializer


class TaskSerializer(StrictModelSerializer):
    """A task as its owner reads and writes it."""

    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True, trim_whitespace=False
    )

    class Meta:
        model = Task
        fields = ["id", "title", "description", "completed", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]
