"""Filters of the task list."""

from django_filters import rest_framework as filters

from tasks.models import Task


class TaskFilter(filters.FilterSet):
    """`?completed=true`."""

    completed = filters.BooleanFilter()

    class Meta:
        model = Task
        fields = ["completed"]
