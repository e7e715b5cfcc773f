"""Serializers that refuse what they don't know."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """An unknown or read-only member of the body is an error: a typo must not be a silent no-op."""

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
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(str(key) for key in data if key not in writable)
            if unknown:
                errors = {key: [self._refusal(key)] for key in unknown}
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)

    def _refusal(self, key: str) -> serializers.ErrorDetail:
        if key in self.fields:
            return serializers.ErrorDetail("This field is read-only.", code="read_only")
        return serializers.ErrorDetail("There is no such field.", code="unknown_field")


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
