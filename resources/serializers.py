"""Fields that resources have in common, as strict about types as `web.serializers`."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from resources.metadata import validate_metadata
from web.kinds import DATE, INSTANT, UUID_, Kind

# A column's, of four bytes.
MAX_VERSION = 2**31 - 1
# Of many refused items.
MAX_NAMED = 100


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


class BoundedListSerializer(serializers.ListSerializer):
    """A list of which all refused items are counted, and the first hundred named."""

    child: serializers.Field
    max_length: int

    def to_internal_value(self, data: Any) -> list[Any]:
        """The valid items. Raises `ValidationError`."""
        if not isinstance(data, list):
            raise serializers.ValidationError("This must be a list.", "not_a_list")
        if not data and not self.allow_empty:
            raise serializers.ValidationError("This may not be empty.", "empty")
        if len(data) > self.max_length:
            raise serializers.ValidationError(f"At most {self.max_length} at once.", "max_length")
        valid, refused = [], {}
        for index, item in enumerate(data):
            try:
                valid.append(self.child.run_validation(item))
            except serializers.ValidationError as exc:
                refused[index] = exc.detail
        if refused:
            raise serializers.ValidationError(bounded(refused))
        return valid


def bounded(refused: Mapping[int, Any]) -> dict[str, Any]:
    """What is wrong with which item, for a `ValidationError`: of the first hundred, and how many there are."""
    named = {str(index): refused[index] for index in sorted(refused)[:MAX_NAMED]}
    if len(refused) == len(named):
        return named
    total = f"{len(refused)} are refused; the first {MAX_NAMED} are named."
    return {**named, "non_field_errors": [serializers.ErrorDetail(total, "too_many")]}


@cache
def reader(shape: type[serializers.BaseSerializer[Any]], *, partial: bool = False) -> serializers.BaseSerializer[Any]:
    """The serializer that validates bodies: made once, for it keeps nothing of what it validates.

    `reader(shape).run_validation(data)` gives the valid members, or raises `ValidationError` (422).
    """
    return shape(partial=partial)
