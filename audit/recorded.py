"""The base of every admin page of ours: what staff look at is on record."""

from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from audit.services import record
from audit.triggers import noun_of
from web.lists import EstimatingPaginator


def history_url(noun: str, object_id: str) -> str:
    """Where an object's events are, be it there or gone."""
    return f"{reverse('admin:audit_event_changelist')}?{urlencode({'object_type': noun, 'object_id': object_id})}"


class RecordedAdmin(admin.ModelAdmin):
    """Fast on tables of any size, and each look at an object or a list is on record. No event, no page."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    # The newest first, by the key; another order would sort a table of any size.
    ordering: ClassVar[Any] = ["-id"]
    sortable_by: ClassVar[Any] = ()

    def owner_of(self, obj: Any) -> UUID | None:
        """Whom a look at the object concerns."""
        owner: UUID | None = obj.owner_id
        return owner

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Every page of one object begins here. Whether it may be seen Django asks later; nothing unseen is a look."""
        obj = super().get_object(request, object_id, from_field)
        if obj is not None and self._may_see(request, obj):
            noun = noun_of(self.model)
            record(action=f"{noun}.read", object_type=noun, object_id=obj.pk, concerning=self.owner_of(obj))
        return obj

    def _may_see(self, request: HttpRequest, obj: Any) -> bool:
        return self.has_view_or_change_permission(request, obj) or self.has_delete_permission(request, obj)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Every list begins here. It concerns somebody if all of its rows are theirs."""
        page = super().get_changelist_instance(request)
        owners = {self.owner_of(row) for row in page.result_list}
        noun = noun_of(self.model)
        record(
            action=f"{noun}.listed",
            object_type=noun,
            detail={"rows": len(page.result_list)},
            said={"query": request.GET.urlencode()} if request.GET else {},
            concerning=owners.pop() if len(owners) == 1 else None,
        )
        return page

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """How many of what would go with them, and not, as Django has it, the title of each."""
        _, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return [f"{count} {name}" for name, count in counts.items()], counts, lacking, protected

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Django's own log keeps titles and addresses in clear, for ever; the record says it without."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """As above."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        """As above."""

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """For lists only: of what Django's address for completing what is typed shows nothing would be on record."""
        if request.resolver_match and request.resolver_match.url_name == "autocomplete":
            raise Http404
        return super().get_search_results(request, queryset, search_term)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What the record says of the object, which is more than what was done to it in the admin."""
        return HttpResponseRedirect(history_url(noun_of(self.model), unquote(object_id)))
