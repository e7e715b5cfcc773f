"""Filters of the task list."""

from django_filters import rest_framework as filters

from tasks.models import Task


class TaskFilter(filters.FilterSet):
    """`?completed=true`."""

    completed = filters.TypedChoiceFilter(
        choices=[("true", "true"), ("false", "false")], coerce=lambda choice: choice == "true"
    )

    class Meta:
        model = Task
        fields = ["completed"]
