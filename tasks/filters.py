"""Filters of the task list."""

from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from tasks.models import Task


class TaskFilter(filters.FilterSet):
    """`?completed=true`."""

    completed = extend_schema_field(OpenApiTypes.BOOL)(
        filters.TypedChoiceFilter(
            choices=[("true", "true"), ("false", "false")], coerce=lambda choice: choice == "true"
        )
    )

    class Meta:
        model = Task
        fields = ["completed"]
