"""Shapes of the forms that bring files."""

from io import BytesIO
from typing import Any, ClassVar

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError

from knowledge.languages import CONFIGURATIONS
from knowledge.models import MAX_TAG, MAX_TAGS, MAX_URI
from resources.metadata import MAX_METADATA, validate_metadata
from resources.serializers import CountedListField
from web.parsers import StrictJSONParser
from web.serializers import StrictSerializer

MAX_NAME = 255


@extend_schema_field({"type": "string", "maxLength": MAX_METADATA})
class JSONTextField(serializers.JSONField):
    """A JSON object as text, as strict as a body's."""

    default_validators = (validate_metadata,)

    def to_internal_value(self, data: Any) -> Any:
        """The object."""
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a text.", "invalid")
        try:
            return StrictJSONParser().parse(BytesIO(data.encode()))
        except ParseError as exc:
            raise serializers.ValidationError(str(exc.detail), "invalid") from None


# What a column says of a file's size ends there; `UPLOAD_MAX_BYTES` ends sooner.
BINARY = {"type": "string", "format": "binary", "maxLength": 2**31 - 1}


@extend_schema_field(BINARY | {"contentMediaType": "application/octet-stream"})
class UploadedFileField(serializers.FileField):
    """A file with a name and some bytes in it."""


class FileFormSerializer(StrictSerializer):
    """A file."""

    example: ClassVar[dict[str, Any]] = {"file": "%PDF-1.7 …"}

    file = UploadedFileField(max_length=MAX_NAME, help_text="PDF, Word (.docx), HTML, Markdown, plain text or CSV.")


class UploadSerializer(FileFormSerializer):
    """A file, and what a document says beside its content."""

    example: ClassVar[dict[str, Any]] = {
        **FileFormSerializer.example,
        "title": "Handbook",
        "metadata": '{"source": "handbook"}',
        "tags": ["animals"],
        "language": "en",
        "source_uri": "https://zoo.example/handbook.pdf",
        "if_exists": "refuse",
    }

    title = serializers.CharField(
        max_length=255, required=False, help_text="Without it: the file's name, without its extension."
    )
    metadata = JSONTextField(required=False, help_text="A JSON object.")
    tags = CountedListField(
        child=serializers.CharField(max_length=MAX_TAG),
        max_length=MAX_TAGS,
        required=False,
        help_text="One field for each.",
    )
    language = serializers.ChoiceField(list(CONFIGURATIONS), required=False, help_text="As with a document.")
    source_uri = serializers.CharField(max_length=MAX_URI, required=False, help_text="Where it comes from.")
    if_exists = serializers.ChoiceField(
        ["refuse", "update"],
        required=False,
        help_text="If there is a document of this file, `refuse`: 409 with its id; `update`: it gets the other fields.",
    )


def form_members(data: Any, shape: type[FileFormSerializer]) -> dict[str, Any]:
    """The valid members of a request's form. Raises `ValidationError`."""
    # A request without a body has no form either.
    form = data if isinstance(data, QueryDict) else QueryDict()
    lists = {name for name, field in shape().fields.items() if isinstance(field, serializers.ListField)}
    given = {name: values if name in lists else values[-1] for name, values in form.lists()}
    repeated = [name for name, values in form.lists() if len(values) > 1 and name not in lists]
    if repeated:
        fault = ErrorDetail("Give this field once.", "repeated")
        raise serializers.ValidationError({name: [fault] for name in sorted(repeated)})
    return shape.read(given)
