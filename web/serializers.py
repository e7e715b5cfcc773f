"""Serializers that refuse what they don't know."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from rest_framework import serializers

from web.parsers import Number

# DRF's fields would take 3 for "3", "3" for 3 and "yes" for true. Whether null will do the field itself knows.
JSON_TYPES: dict[type[serializers.Field], tuple[tuple[type, ...], str]] = {
    serializers.BooleanField: ((bool,), "This must be a boolean."),
    serializers.CharField: ((str,), "This must be a string."),
    serializers.FloatField: ((float, Number, int), "This must be a number."),
    serializers.IntegerField: ((int, float, Number), "This must be a whole number."),
}


class StrictSerializer(serializers.Serializer[Any]):
    """An unknown, read-only or mistyped member of the body is an error: a typo must not be a silent no-op."""

    @classmethod
    def read(cls, data: Any) -> dict[str, Any]:
        """The members of a valid body; raises `ValidationError` (422) for any other."""
        serializer = cls(data=data)
        serializer.is_valid(raise_exception=True)
        members: dict[str, Any] = serializer.validated_data
        return members

    def to_internal_value(self, data: Any) -> Any:
        """Check the members' names, then validate as usual."""
        if isinstance(data, Mapping):
            refusals = {str(key): self._refusal(str(key), data[key]) for key in data}
            if errors := {key: [refusal] for key, refusal in sorted(refusals.items()) if refusal}:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)

    def _refusal(self, key: str, value: Any) -> serializers.ErrorDetail | None:
        field = self.fields.get(key)
        if field is None:
            return serializers.ErrorDetail("There is no such field.", code="unknown_field")
        if field.read_only:
            return serializers.ErrorDetail("This field is read-only.", code="read_only")
        # Null and 3.0 for 3 are the field's own business.
        for kind, (types, message) in JSON_TYPES.items():
            if isinstance(field, kind) and type(value) not in types and value is not None:
                return serializers.ErrorDetail(message, code="invalid")
        return None


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """The same for a model; an update writes what the body names, and nothing else."""

    def update(self, instance: Model, validated_data: dict[str, Any]) -> Model:
        """One UPDATE of the named columns, so that a simultaneous change of another column isn't undone.

        Raises `DoesNotExist` (404) if the row is gone meanwhile.
        """
        rows = type(instance)._default_manager.filter(pk=instance.pk)
        if validated_data:
            rows.update(**validated_data)
        return rows.get()
