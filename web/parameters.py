"""How OpenAPI describes parameters and headers: lists, versions (RFC 9110), retries, preferences (RFC 7240)."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from web.kinds import Kind
from web.lists import NewestFirst
from web.preconditions import ENTITY_TAGS
from web.refusals import REQUEST

Described = dict[str, Any]

# A parameter is neither empty nor has a NUL in it.
PARAMETER = r"^[^\x00]+$"
DESCRIPTIONS = {
    "cursor": "The `next` of the page before.",
    "fields": "Only these members, with commas between them.",
    "id": "Its `id`.",
    "limit": "The most results on a page.",
    "sort": "The order; with - before it descending.",
}
# What a filter of django-filter lets through, by its look-up.
LOOKUPS = {
    "exact": "Only with this `{}`.",
    "gt": "Only with `{}` beyond this.",
    "gte": "Only with `{}` from this on.",
    "lt": "Only with `{}` before this.",
    "lte": "Only with `{}` up to this.",
}
# One of ours says in its name how it compares.
ENDINGS = {"_after": "Only what is {} after this.", "_before": "Only what is {} before this."}
TAGS = rf"^(?:\s*\*\s*|{ENTITY_TAGS.pattern})$"
# As it is, or as a string of structured fields (RFC 9651).
KEY = r'^(?:(?!")[\x21-\x7e]{1,255}|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255}")$'
REQUEST_HEADERS: dict[str, Described] = {
    "Idempotency-Key": {
        "schema": {"type": "string", "pattern": KEY, "maxLength": 512},
        "description": "Sent again with it within 24 hours, the request gets the first answer and does nothing more.",
    },
    "If-Match": {
        "schema": {"type": "string", "pattern": TAGS, "maxLength": 4096},
        "description": "Versions, as `ETag` has them: 412 if this is none of them any more.",
    },
    "If-None-Match": {
        "schema": {"type": "string", "pattern": TAGS, "maxLength": 4096},
        "description": "Versions, as `ETag` has them: 304 if this is one of them still.",
    },
    "Prefer": {
        "schema": {"type": "string", "maxLength": 4096},
        "description": "`count=exact` adds `count`. What isn't understood is passed over.",
    },
}
COMMON_HEADERS: dict[str, Described] = {
    "X-Request-ID": {
        "required": True,
        "schema": {"type": "string", "pattern": REQUEST, "maxLength": 128},
        "description": "The client's, or a new one.",
    },
    "Access-Control-Allow-Origin": {
        "schema": {"type": "string", "format": "uri"},
        "description": "The origin of the page that asks, if this service trusts it.",
    },
}
ETAG: Described = {
    "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,9}"$', "maxLength": 12},
    "description": "The version.",
}
LOCATION: Described = {
    "required": True,
    "schema": {"type": "string", "format": "uri"},
    "description": "Where it is.",
}
REPLAYED: Described = {
    "schema": {"type": "string", "const": "true"},
    "description": "This is the first answer to the `Idempotency-Key`, once more.",
}
COUNTED: Described = {
    "schema": {"type": "string", "const": "count=exact"},
    "description": "That `count` is there, as preferred.",
}
WAIT: Described = {"schema": {"type": "integer", "minimum": 1, "maximum": 86_400}, "description": "Seconds."}
CHALLENGE: Described = {
    "required": True,
    "schema": {"type": "string", "pattern": "^Bearer ", "maxLength": 1024},
    "description": "RFC 6750.",
}
# Of refusals, by their status.
PROBLEM_HEADERS: dict[str, dict[str, Described]] = {
    "401": {"WWW-Authenticate": CHALLENGE},
    "409": {"Retry-After": WAIT},
    "412": {"ETag": ETAG},
    "503": {"Retry-After": WAIT | {"required": True}},
}


class Filter(Protocol):
    """A parameter that narrows a list."""

    @property
    def kind(self) -> Kind:
        """What values it takes."""

    @property
    def description(self) -> str:
        """What it lets through, if its name doesn't say it all."""


class Shape(Protocol):
    """What clients get of a row."""

    shape: Mapping[str, Any]


class Listing(Protocol):
    """What a list can be asked for."""

    @property
    def rows(self) -> Shape:
        """Of what it is."""

    @property
    def filters(self) -> Mapping[str, Filter]:
        """By the parameter's name."""

    @property
    def sorts(self) -> Mapping[str, Any]:
        """By the order's name."""

    @property
    def default_sort(self) -> str:
        """The order that nobody asked for."""


class ListingPages:
    """The pages of a listing, as drf-spectacular asks a paginator to describe them."""

    # A title of 255 characters, each escaped, with what stands around it, in base64.
    cursor: Described = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 2200}
    count: Described = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "description": "Of all pages."}

    def __init__(self, listing: Listing) -> None:
        self.listing = listing

    def get_paginated_response_schema(self, schema: Described) -> Described:
        """The page."""
        following = self.cursor | {
            "type": ["string", "null"],
            "description": "Pass it as `cursor` for the next page; null on the last.",
        }
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": following, "count": self.count},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[Described]:
        """All that the list knows."""
        orders = [name for sort in self.listing.sorts for name in (sort, f"-{sort}")]
        limit = {"type": "integer", "minimum": 1, "maximum": NewestFirst.max_limit}
        return [
            query("cursor", self.cursor),
            query("limit", limit | {"default": NewestFirst.default_limit}),
            query("sort", {"type": "string", "enum": orders, "default": self.listing.default_sort}),
            *(known(self.listing, name) for name in ("fields", *self.listing.filters)),
        ]


def query(name: str, schema: Mapping[str, Any], description: str = "") -> Described:
    """A parameter that may be left out."""
    return {"name": name, "in": "query", "schema": dict(schema), "description": description or DESCRIPTIONS[name]}


def known(listing: Listing, name: str) -> Described:
    """A listing's parameter, which one of its rows may be asked for with, too."""
    if name == "fields":
        member = f"(?:{'|'.join(listing.rows.shape)})"
        pattern, length = f"^{member}(?:,{member})*$", len(",".join(listing.rows.shape))
        return query(name, {"type": "string", "pattern": pattern, "maxLength": length})
    narrowed = listing.filters[name]
    return query(name, narrowed.kind.schema, narrowed.description or _told(name, narrowed.kind.schema))


def _told(name: str, schema: Mapping[str, Any]) -> str:
    if schema.get("type") == "boolean":
        return f"Only what is {name}, or what isn't."
    for ending, text in ENDINGS.items():
        if name.endswith(ending):
            return text.format(name.removesuffix(ending))
    return LOOKUPS["exact"].format(name)


def describe(parameter: Described, filters: Mapping[str, Any]) -> None:
    """Add what can be said of a parameter of which nothing is said. filters: those of django-filter."""
    name, schema, is_query = parameter["name"], parameter["schema"], parameter["in"] == "query"
    narrowed = filters.get(name)
    told = LOOKUPS.get(narrowed.lookup_expr, "").format(narrowed.field_name) if narrowed else DESCRIPTIONS.get(name)
    if not parameter.get("description") and (told or is_query):
        parameter["description"] = told or _told(name, schema)
    if is_query and schema.get("type") == "string" and not {"enum", "format"} & schema.keys():
        schema.setdefault("pattern", PARAMETER)


def request_headers(names: Iterator[str]) -> list[Described]:
    """Headers that may be sent."""
    return [{"name": name, "in": "header", **REQUEST_HEADERS[name]} for name in names]
