"""Tasks and labels in the admin."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import OwnedAdmin
from tasks.models import Label, Task


@admin.register(Task)
class TaskAdmin(OwnedAdmin):
    """Tasks of all users, those in the trash included.

    What refers to other rows is shown and not edited: whether they are its owner's only the database can tell.
    """

    list_display = ("title", "owner", "priority", "due_at", "due_on", "completed", "trashed_at", "updated_at")
    list_filter = (
        "completed",
        "priority",
        ("trashed_at", admin.EmptyFieldListFilter),
        ("created_at", admin.DateFieldListFilter),
    )
    search_fields = ("=id", "=owner__email", "=external_id", "title")
    search_help_text = "A task's id, its owner's e-mail address, what another system calls it, or a part of the title."
    readonly_fields: ClassVar[tuple[str, ...]] = (
        *("id", "version", "completed_at", "parent", "labels", "position"),
        *("external_source", "external_id", "created_at", "updated_at", "trashed_at"),
    )
    fields = (
        *("owner", "title", "description", "completed", "priority", "due_at", "due_on", "metadata"),
        *readonly_fields,
    )


class LabelForm(forms.ModelForm):
    """Finds a name that the owner has already, though the form of a label that is there doesn't ask for its owner."""

    def _get_validation_exclusions(self) -> set[str]:
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc] # Django's stubs don't know it
        return exclusions - {"owner"}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The database deletes subtasks along, past the trash, which Django doesn't know of."""
        shown, counts, lacking, protected = super().get_deleted_objects(objs, request)  # type: ignore[misc]
        below = Task.objects.filter(parent__in=[task.pk for task in objs]).count()
        return [*shown, *([f"{below} subtasks, and what is below them"] if below else [])], counts, lacking, protected


@admin.register(Label)
class LabelAdmin(OwnedAdmin):
    """Labels of all users."""

    form = LabelForm
    list_display = ("name", "owner", "created_at", "updated_at")
    search_fields = ("=id", "=owner__email", "name")
    search_help_text = "A label's id, its owner's e-mail address, or a part of the name."
    readonly_fields: ClassVar[tuple[str, ...]] = ("id", "version", "created_at", "updated_at")
    fields = ("owner", "name", *readonly_fields)
