"""Fields that resources have in common, as strict about types as `web.serializers`."""

from functools import cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from resources.metadata import validate_metadata
from web.kinds import DATE, INSTANT, UUID_, Kind

# A column's, of four bytes.
MAX_VERSION = 2**31 - 1


@extend_schema_field({"type": "object", "additionalProperties": True})
class MetadataField(serializers.JSONField):
    """A JSON object of at most 16 KiB, given back as it came."""

    default_validators = (validate_metadata,)


class KindField(serializers.Field):
    """What `web.kinds` reads from a text, and nothing else: DRF's fields take more forms than we say."""

    kind: Kind

    def to_internal_value(self, data: Any) -> Any:
        """The value."""
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a string.", "invalid")
        try:
            return self.kind.read(data)
        except ValueError as exc:
            raise serializers.ValidationError(str(exc), "invalid") from None


class IdField(KindField, serializers.UUIDField):
    """A UUID in its canonical form."""

    kind = UUID_


class InstantField(KindField, serializers.DateTimeField):
    """A date and a time with its offset from UTC (RFC 3339)."""

    kind = INSTANT


class DayField(KindField, serializers.DateField):
    """A date."""

    kind = DATE


class CountedListField(serializers.ListField):
    """A list that is counted before it is read: of a million too many none is looked at."""

    def to_internal_value(self, data: Any) -> list[Any]:
        """The values."""
        if isinstance(data, list):
            self.run_validators(data)
        values: list[Any] = super().to_internal_value(data)
        return values


@cache
def reader(shape: type[serializers.BaseSerializer[Any]], *, partial: bool = False) -> serializers.BaseSerializer[Any]:
    """The serializer that validates bodies: made once, for it keeps nothing of what it validates.

    `reader(shape).run_validation(data)` gives the valid members, or raises `ValidationError` (422).
    """
    return shape(partial=partial)
