"""The record in the admin: to be searched and read, never written."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audit.models import Event
from web.lists import EstimatingPaginator


@admin.register(Event)
class EventAdmin(admin.ModelAdmin):
    """All events, newest first."""

    list_display = ["time", "action", "actor", "object_type", "object_id", "outcome", "request_id"]
    list_filter = ["outcome", ("occurred_at", admin.DateFieldListFilter)]
    # The newest first, by the key; another order would sort a table of any size.
    sortable_by = ()
    search_fields = ["object_id__exact", "request_id__exact"]
    search_help_text = "An object's id or a request id, exactly."
    paginator = EstimatingPaginator
    show_full_result_count = False
    ordering = ["-id"]

    @admin.display(description="time (UTC)")
    def time(self, event: Event) -> str:
        """To the millisecond."""
        return event.occurred_at.isoformat(" ", "milliseconds").removesuffix("+00:00")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Events are written by the database."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events don't change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events don't go."""
        return False
