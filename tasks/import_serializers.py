"""Shapes of the file that an export writes and an import takes, and of what an import reports."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from resources.serializers import MAX_VERSION, BoundedListSerializer, IdField, InstantField
from tasks.models import MAX_LABEL_NAME
from tasks.serializers import LabelSerializer, TaskSerializer
from web.kinds import CANONICAL_UUID, Kind
from web.serializers import StrictSerializer

FORMAT_VERSION = 1
# So that no import keeps its owner's other changes waiting for more than some seconds.
MAX_TASKS, MAX_FILE_LABELS = 25_000, 5_000

UUID7_PATTERN = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"


def _uuid7(given: str) -> UUID:
    if CANONICAL_UUID.fullmatch(given) and (value := UUID(given)).version == 7:
        return value
    raise ValueError("A UUID of version 7, as in 01890a5d-ac96-774b-bcce-b302099a8057.")


@extend_schema_field({"type": "string", "pattern": UUID7_PATTERN, "maxLength": 36})
class TimeOrderedIdField(IdField):
    """A UUIDv7 (RFC 9562): the order of creation lies in it."""

    kind = Kind(_uuid7)


class FileLabelSerializer(StrictSerializer):
    """A label in a file."""

    id = IdField(help_text="What the file's tasks call it.")
    name = serializers.CharField(max_length=MAX_LABEL_NAME, help_text="What it is known by where it is imported.")

    class Meta:
        list_serializer_class = BoundedListSerializer


class FileTaskSerializer(TaskSerializer):
    """A task in a file. `labels` and `parent` are ids of the file's; a parent can also be a task that is there."""

    id = TimeOrderedIdField(help_text="Of which a new id is made, always the same one.")
    completed_at = InstantField(required=False, allow_null=True)
    position = serializers.RegexField(
        r"^[0-9a-f]*[1-9a-f]\Z",
        max_length=1024,
        required=False,
        trim_whitespace=False,
        help_text="Kept, unless there is a task in that place.",
    )
    created_at = InstantField(required=False)
    updated_at = InstantField(required=False, help_text="Taken, and not kept: importing is a change.")
    trashed_at = InstantField(required=False, allow_null=True, help_text="Kept, but for when: it gets there anew.")
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_VERSION, help_text="Taken, and not kept: a new task has 1."
    )

    class Meta:
        list_serializer_class = BoundedListSerializer

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What the database would refuse without saying of which task."""
        if attrs.get("due_at") and attrs.get("due_on"):
            told = "A task is due at a moment or on a day: set the other to null."
            raise serializers.ValidationError({"due_on": [told]}, "invalid")
        if (attrs.get("external_source") is None) != (attrs.get("external_id") is None):
            told = "external_source and external_id come together, or not at all."
            raise serializers.ValidationError({"external_id": [told]}, "invalid")
        if attrs.get("completed_at") and not attrs.get("completed"):
            raise serializers.ValidationError({"completed_at": ["This task isn't completed."]}, "invalid")
        return attrs


class TaskFileSerializer(StrictSerializer):
    """Labels and tasks as a file."""

    example: ClassVar[dict[str, Any]] = {
        "daybook": FORMAT_VERSION,
        "labels": [{name: LabelSerializer.example[name] for name in ("id", "name")}],
        "tasks": [TaskSerializer.example],
    }

    daybook = serializers.IntegerField(
        min_value=FORMAT_VERSION, max_value=FORMAT_VERSION, help_text="The version of the file's form."
    )
    labels = FileLabelSerializer(many=True, max_length=MAX_FILE_LABELS)  # type: ignore[call-arg] # the list's
    tasks = FileTaskSerializer(many=True, max_length=MAX_TASKS)  # type: ignore[call-arg]


class ExportedFileSerializer(TaskFileSerializer):
    """The same, of any length."""

    labels = FileLabelSerializer(many=True, max_length=2**31 - 1)  # type: ignore[call-arg]
    tasks = FileTaskSerializer(many=True, max_length=2**31 - 1)  # type: ignore[call-arg]


class ImportedTaskSerializer(serializers.Serializer[Any]):
    """What became of one of the file's tasks."""

    index = serializers.IntegerField(min_value=0, max_value=MAX_TASKS, help_text="Its place in the file, from 0.")
    id = serializers.UUIDField(help_text="Its id here.")
    status = serializers.ChoiceField(["created", "skipped"], help_text="`skipped`: it is there, and stays as it is.")


class ImportReportSerializer(serializers.Serializer[Any]):
    """What an import has done."""

    example: ClassVar[dict[str, Any]] = {
        "created": 1,
        "skipped": 1,
        "labels_created": 0,
        "tasks": [
            {"index": 0, "id": "01a1ff80-e417-71a1-b1f0-5cf0a9d07f53", "status": "skipped"},
            {"index": 1, "id": "01a1ff94-63fc-724e-8d5e-0b9a33c1e2a4", "status": "created"},
        ],
    }

    created = serializers.IntegerField(min_value=0, max_value=MAX_TASKS)
    skipped = serializers.IntegerField(min_value=0, max_value=MAX_TASKS)
    labels_created = serializers.IntegerField(min_value=0, max_value=MAX_FILE_LABELS)
    tasks = ImportedTaskSerializer(many=True, max_length=MAX_TASKS)  # type: ignore[call-arg]
