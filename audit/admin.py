"""The record in the admin: to be searched and read, never written."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import activity
from audit.histogram import Histogram, ranked
from audit.ids import first_id
from audit.keys import signer
from audit.models import Event, Leaf
from audit.recorded import RecordedAdmin, history_url
from audit.triggers import noun_of

USER_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OTHERS = "other actions"
SHORT = 8  # of an id, its end: what UUIDv7s begin with is much the same for all of a day


class ActionFilter(admin.SimpleListFilter):
    """By action, of those that are common lately."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """And of the one that is chosen, however rare."""
        actions = {*activity.recent_actions(), *filter(None, [self.value()])}
        return [(action, action) for action in sorted(actions)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Exactly this one."""
        return queryset.filter(action=self.value()) if self.value() else queryset


class PeriodFilter(admin.SimpleListFilter):
    """By the key, and so by the partitions."""

    title = "time"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The same as of the histogram."""
        return [(key, f"Last {period.name}") for key, period in activity.PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """From then on."""
        period = activity.PERIODS.get(self.value() or "")
        return queryset.filter(pk__gte=first_id(datetime.now(UTC) - period.length)) if period else queryset


@admin.register(Event)
class EventAdmin(RecordedAdmin):
    """All events, newest first."""

    list_display = ["time", "action", "by", "about", "result", "request"]
    list_filter = ["outcome", PeriodFilter, ActionFilter]
    search_fields = ["object_id__exact", "request_id__exact"]
    search_help_text = "An object's id, a request id, or a person's e-mail address, exactly."
    readonly_fields = ["time", "by", "about_in_full", "concerning", "result", "written", "told", "leaf"]

    class Media:
        css = {"all": ["audit/record.css"]}

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Event], search_term: str) -> Any:
        """By an address: what that person did, and what concerns them."""
        found = super().get_search_results(request, queryset, search_term)
        if "@" not in search_term:
            return found
        person = get_user_model()._default_manager.filter(email=search_term.strip().lower()).first()
        theirs = Q(actor=str(person.pk)) | Q(owner_id=person.pk) if person else Q(pk__in=[])
        return queryset.filter(theirs), False

    def get_urls(self) -> list[URLPattern]:
        """One page more."""
        page = self.admin_site.admin_view(self.activity_view)
        return [path("activity/", page, name="audit_event_activity"), *super().get_urls()]

    def activity_view(self, request: HttpRequest) -> HttpResponse:
        """How the record is sealed, how far back it goes, and what has been going on. It shows nobody's things."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen = request.GET.get("period", "24h")
        if chosen not in activity.PERIODS:
            raise BadRequest("period is one of " + ", ".join(activity.PERIODS))
        context = {
            **self.admin_site.each_context(request),
            "title": "Seal and activity",
            "opts": self.opts,
            "media": self.media,
            "state": activity.seal_state(),
            "key": signer().verifier.vkey,
            "retention": activity.retention(),
            "retention_days": settings.AUDIT_RETENTION_DAYS,
            "chosen": chosen,
            "periods": activity.PERIODS,
            "period": activity.PERIODS[chosen],
            "chart": _chart(activity.PERIODS[chosen]),
            "others": OTHERS,
        }
        return TemplateResponse(request, "admin/audit/event/activity.html", context)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A list of one object's events is its history, and says so."""
        noun, object_id = request.GET.get("object_type", ""), request.GET.get("object_id", "")
        about = {}
        if noun and object_id:
            about = {"title": f"History of {noun} {object_id}", "object_page": self._page_of(noun, object_id)}
        return super().changelist_view(request, about | (extra_context or {}))

    def _page_of(self, noun: str, object_id: str) -> str | None:
        """Where an object is in the admin, if it still is, and its kind of things are."""
        models = (model._meta for model in self.admin_site._registry if noun_of(model) == noun)
        pages = (f"admin:{meta.app_label}_{meta.model_name}_change" for meta in models)
        return next((reverse(page, args=[quote(object_id)]) for page in pages), None)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """With the names of who acted."""
        page = super().get_changelist_instance(request)
        _name(page.result_list)
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With the names of who acted, and whom it concerns."""
        event = super().get_object(request, object_id, from_field)
        _name([event] if event else [])
        return event

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What there is to say."""
        told = ["written"] * bool(obj and obj.changes) + ["told"] * bool(obj and obj.detail)
        return [
            (None, {"fields": ["time", "action", "about_in_full", "result", *told]}),
            ("Who", {"fields": ["by", "concerning", "address", "user_agent", "request_id"]}),
            ("Seal", {"fields": ["leaf", "id", "transaction_id"]}),
        ]

    @admin.display(description="time (UTC)")
    def time(self, event: Event) -> str:
        """To the millisecond."""
        return event.occurred_at.isoformat(" ", "milliseconds").removesuffix("+00:00")

    @admin.display(description="actor")
    def by(self, event: Any) -> str:
        """A user by e-mail address."""
        return _person(event, event.actor)

    @admin.display(description="concerns")
    def concerning(self, event: Any) -> str:
        """Whose it is."""
        return _person(event, str(event.owner_id or ""), whole=True) or "nobody in particular"

    @admin.display(description="object")
    def about(self, event: Event) -> str:
        """Leads to its history."""
        return _about(event, _short(event.object_id))

    @admin.display(description="object")
    def about_in_full(self, event: Event) -> str:
        """For a page that has the room."""
        return _about(event, event.object_id)

    @admin.display(description="outcome")
    def result(self, event: Event) -> str:
        """Marked unless it is the usual one."""
        return format_html('<span class="outcome {}">{}</span>', event.outcome, event.outcome)

    @admin.display(description="request")
    def request(self, event: Event) -> str:
        """Leads to all that the request did."""
        target = f"{reverse('admin:audit_event_changelist')}?{urlencode({'request_id': event.request_id})}"
        link = '<a href="{}" title="{}" class="id">{}</a>'
        return format_html(link, target, event.request_id, _short(event.request_id)) if event.request_id else ""

    @admin.display(description="changes")
    def written(self, event: Event) -> SafeString:
        """Before and after, side by side."""
        return _table(["before", "after"], event.changes, event.commitments)

    @admin.display(description="detail")
    def told(self, event: Event) -> SafeString:
        """What else there is to say; of what is masked the commitment."""
        said = {name: [value] for name, value in event.detail.items()}
        return _table(["value"], said, {name: pair[1:] for name, pair in event.commitments.items()})

    @admin.display(description="leaf")
    def leaf(self, event: Event) -> str:
        """Its number in the tree."""
        index = Leaf.objects.filter(event_id=event.pk).values_list("index", flat=True).first()
        return "Not sealed yet" if index is None else f"Sealed as leaf {index}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Events are written by the database."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events don't change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events don't go."""
        return False


def _chart(period: activity.Period) -> Histogram:
    starts = period.starts(datetime.now(UTC))
    series = ranked(activity.activity(period, starts), OTHERS)
    return Histogram(series, [f"{start:%Y-%m-%d %H:%M}" for start in starts], [period.label(start) for start in starts])


def _name(events: Iterable[Any]) -> None:
    """Give each event `people`: the addresses of the users that any of them names, by id. One statement."""
    named = {text for event in events for text in (event.actor, str(event.owner_id)) if USER_ID.fullmatch(text)}
    users = get_user_model()._default_manager.filter(pk__in=named)
    people = {str(pk): name for pk, name in users.values_list("pk", get_user_model().USERNAME_FIELD)}
    for event in events:
        event.people = people


def _person(event: Any, actor: str, *, whole: bool = False) -> str:
    """A user's address and page; an actor that is no user, or no longer one, as it is, in a list cut."""
    if actor not in event.people:
        cut = USER_ID.fullmatch(actor) and not whole
        return format_html('<span title="{}">{}</span>', actor, _short(actor)) if cut else actor
    meta = get_user_model()._meta
    page = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[actor])
    return format_html('<a href="{}" title="{}">{}</a>', page, event.people[actor], event.people[actor])


def _about(event: Event, text: str) -> str:
    """What kind of thing an event is about, and if it has an id a link of this text to its history."""
    if not event.object_id:
        return event.object_type
    target = history_url(event.object_type, event.object_id)
    link = '{} <a href="{}" title="{}" class="id">{}</a>'
    return format_html(link, event.object_type, target, event.object_id, text)


def _short(identifier: str) -> str:
    return f"…{identifier[-SHORT:]}" if len(identifier) > SHORT + 1 else identifier


def _table(headings: list[str], values: dict[str, Any], commitments: dict[str, Any]) -> SafeString:
    """A row for each field: its values below the headings, and with each its commitment, if it has one."""
    rows = [(field, list(_cells(cells, commitments.get(field, [])))) for field, cells in sorted(values.items())]
    return render_to_string("admin/audit/event/fields.html", {"headings": headings, "rows": rows})


def _cells(values: list[Any], commitments: list[str | None]) -> Iterator[tuple[str | None, str | None]]:
    for number, value in enumerate(values):
        text = value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False)
        yield text, commitments[number] if number < len(commitments) else None
