"""Tasks in the admin."""

from django.contrib import admin

from accounts.admin import OwnedAdmin
from tasks.models import Task


@admin.register(Task)
class TaskAdmin(OwnedAdmin):
    """Tasks of all users."""

    list_display = ("title", "owner", "completed", "created_at", "updated_at")
    list_filter = ("completed", ("created_at", admin.DateFieldListFilter))
    search_fields = ("=id", "=owner__email", "title")
    search_help_text = "A task's id, its owner's e-mail address, or a part of the title."
