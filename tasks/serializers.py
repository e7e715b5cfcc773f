"""Shapes of tasks and labels."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from resources.serializers import MAX_VERSION, CountedListField, DayField, IdField, InstantField, MetadataField
from tasks.models import MAX_DESCRIPTION, MAX_LABEL_NAME, MAX_LABELS, Task
from web.serializers import StrictSerializer

# Priorities by the names that clients know them by.
PRIORITIES = {priority.name.lower(): priority.value for priority in Task.Priority}


class LabelSerializer(StrictSerializer):
    """A label as its owner reads and writes it."""

    example: ClassVar[dict[str, Any]] = {
        "id": "01a1ff94-6367-7904-9212-5ed00e7d9c67",
        "name": "Garden",
        "created_at": "2026-11-21T19:27:57.278425Z",
        "updated_at": "2026-11-21T19:27:57.278425Z",
        "version": 1,
    }

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=MAX_LABEL_NAME, help_text="Unique, whatever its case.")
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(
        read_only=True, min_value=1, max_value=MAX_VERSION, help_text="One more with each change: the ETag."
    )


class TaskSerializer(StrictSerializer):
    """A task as its owner reads and writes it."""

    example: ClassVar[dict[str, Any]] = {
        "id": "01a1ff94-63fc-724e-8256-c65521b1ff37",
        "title": "Prune the roses",
        "description": "Those by the *wall* first.",
        "completed": False,
        "completed_at": None,
        "priority": "high",
        "due_at": "2026-12-01T08:00:00.000000Z",
        "due_on": None,
        "labels": [LabelSerializer.example["id"]],
        "parent": None,
        "position": "660ce5ba69111fd698",
        "external_source": "github",
        "external_id": "acme/garden#12",
        "metadata": {"tools": ["shears"]},
        "created_at": "2026-11-21T19:27:57.434948Z",
        "updated_at": "2026-11-21T19:27:57.644512Z",
        "trashed_at": None,
        "version": 2,
    }

    id = serializers.UUIDField(read_only=True)
    title = serializers.CharField(max_length=255)
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True, trim_whitespace=False, help_text="Markdown."
    )
    completed = serializers.BooleanField(required=False)
    completed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False)
    due_at = InstantField(required=False, allow_null=True, help_text="The moment it is due. Not beside `due_on`.")
    due_on = DayField(required=False, allow_null=True, help_text="The day it is due, which ends in UTC.")
    labels = CountedListField(
        child=IdField(), max_length=MAX_LABELS, required=False, help_text="Ids of labels, each once."
    )
    parent = IdField(  # type: ignore[assignment] # DRF takes fields out of the class
        required=False, allow_null=True, help_text="The id of the task that this is a subtask of."
    )
    position = serializers.CharField(
        read_only=True, max_length=1024, help_text="The manual order: sort by it as text. `/move` changes it."
    )
    external_source = serializers.CharField(
        max_length=64,
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text="The system that the task comes from.",
    )
    external_id = serializers.CharField(
        max_length=255,
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text="What that system calls it. Unique there.",
    )
    metadata = MetadataField(required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    trashed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    version = serializers.IntegerField(
        read_only=True, min_value=1, max_value=MAX_VERSION, help_text="One more with each change: the ETag."
    )


class ExternalTaskSerializer(TaskSerializer):
    """A task whose external source and id stand in the path."""

    external_source = serializers.CharField(read_only=True)
    external_id = serializers.CharField(read_only=True)


class ExternalIdSerializer(StrictSerializer):
    """What another system calls a task."""

    external_source = serializers.CharField(max_length=64, trim_whitespace=False)
    external_id = serializers.CharField(max_length=255, trim_whitespace=False)


class MoveSerializer(StrictSerializer):
    """A place in the manual order: one of the two. Null is nothing: after it is the front, before it the end."""

    example = {"after": TaskSerializer.example["id"]}

    after = IdField(required=False, allow_null=True)
    before = IdField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Either of them."""
        if len(attrs) != 1:
            raise serializers.ValidationError("Say either `after` or `before`.", "invalid")
        return attrs


def task_columns(members: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a task's valid members are stored in."""
    columns = dict(members)
    if "priority" in columns:
        columns["priority"] = PRIORITIES[columns["priority"]]
    if "parent" in columns:
        columns["parent_id"] = columns.pop("parent")
    return columns
