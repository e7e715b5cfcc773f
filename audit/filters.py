"""Filters of the event list."""

from django_filters import rest_framework as filters

from audit.models import Event
from web.lists import InstantFilter


class EventFilter(filters.FilterSet):
    """Exact matches, and `from` (inclusive) and `to` (exclusive) in RFC 3339. `owner_id` is for staff."""

    outcome = filters.ChoiceFilter(choices=Event.Outcome.choices)

    class Meta:
        model = Event
        fields = ["action", "object_type", "object_id", "actor", "owner_id", "outcome", "request_id"]


# `from` is a keyword of Python, so it can't be an attribute in the class above.
EventFilter.base_filters["from"] = InstantFilter(field_name="occurred_at", lookup_expr="gte")
EventFilter.base_filters["to"] = InstantFilter(field_name="occurred_at", lookup_expr="lt")
