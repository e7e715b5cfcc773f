"""What OpenAPI says of every endpoint alike: the problems it can answer with, the headers it sends, strict input.

A view declares what it gives when all is well, and a refusal that only it knows; a serializer declares one `example`;
the rest is added here, and from what a view has for its own work: a `listing`, versioned `rows`, handlers that are safe
to be sent again. Bounds that follow from a format are added by `web.bounds`.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, force_instance, get_doc
from rest_framework import serializers

from web.bounds import bounds_of
from web.errors import PROBLEM_JSON
from web.parameters import (
    COMMON_HEADERS,
    COUNTED,
    ETAG,
    LOCATION,
    PROBLEM_HEADERS,
    REPLAYED,
    ListingPages,
    describe,
    known,
    request_headers,
)
from web.refusals import BODY_PROBLEMS, PROBLEMS

# What is trimmed has a character that `str.strip` leaves.
NOT_BLANK = r"[^\s\x1c-\x1f]"
SAFE = {"GET", "HEAD", "OPTIONS"}
# What the usual actions do, whatever their docstrings say beyond it.
SUMMARIES = {
    "list": "List {many}",
    "create": "Create {one}",
    "retrieve": "Get {one}",
    "update": "Replace {one}",
    "partial_update": "Change {one}",
    "destroy": "Delete {one}",
}


class OperationSchema(AutoSchema):
    """`DEFAULT_SCHEMA_CLASS`: drf-spectacular's, and what all operations of a kind have in common."""

    @property
    def action(self) -> str:
        """The name of the view's method."""
        name: str = getattr(self.view, "action", self.method.lower())
        return name

    @property
    def is_retry_safe(self) -> bool:
        """Whether it takes an `Idempotency-Key`."""
        return getattr(getattr(self.view, self.action), "is_retry_safe", False)

    @property
    def is_versioned(self) -> bool:
        """Whether it is about one row, of which the entity tag is the version."""
        return hasattr(self.view, "rows") and ("{" in self.path or self.action == "create")

    @property
    def is_conditional(self) -> bool:
        """Whether it takes `If-Match`: what changes a row."""
        return self.is_versioned and "{" in self.path and self.method not in SAFE

    @property
    def listing(self) -> Any:
        """What a list can be asked for; None if it isn't one of ours."""
        return getattr(self.view, "listing", None) if self.action == "list" else None

    @property
    def known(self) -> tuple[str, ...]:
        """What one row can be asked for with."""
        names: tuple[str, ...] = getattr(self.view, "known", {}).get(self.action, ())
        return names

    def get_operation_id(self) -> str:
        """What isn't one of the usual actions is called as its address is: `tasks_toggle`."""
        name: str = super().get_operation_id()
        return name if self.action in SUMMARIES else name.removesuffix("_create")

    def get_summary(self) -> str | None:
        """What it does to what; of other than the usual actions what its docstring begins with."""
        if usual := SUMMARIES.get(self.action):
            names = cast(Any, self.view).queryset.model._meta
            one = str(names.verbose_name)
            article = "an" if one[0] in "aeiou" else "a"
            return usual.format(one=f"{article} {one}", many=names.verbose_name_plural)
        return re.split(r"\.(?:\s|$)", self.get_description(), maxsplit=1)[0]

    def get_description(self) -> str:  # type: ignore[override] # drf-spectacular's has other parameters than DRF's
        """The method's docstring. That of its class is about the list."""
        own = get_doc(getattr(self.view, self.action))
        if own or self.action == "list" or self.action not in SUMMARIES:
            return str(own or super().get_description())
        return f"{self.get_summary()}."

    def get_paginated_name(self, serializer_name: str) -> str:
        """`TaskPage`."""
        return f"{serializer_name.removesuffix('List')}Page"

    def _get_paginator(self) -> Any:
        return ListingPages(self.listing) if self.listing else super()._get_paginator()  # type: ignore[no-untyped-call]

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        return bounds_of(field) | schema

    def _get_parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._get_parameters()
        parameters += [known(cast(Any, self.view).listing, name) for name in self.known]
        filterset = getattr(self.view, "filterset_class", None)
        for parameter in parameters:
            describe(parameter, filterset.base_filters if filterset else {})
        return parameters + request_headers(self._request_headers())

    def _request_headers(self) -> Iterator[str]:
        if self.is_conditional:
            yield "If-Match"
        if self.is_versioned and self.action == "retrieve":
            yield "If-None-Match"
        if self.is_retry_safe:
            yield "Idempotency-Key"
        if self.listing:
            yield "Prefer"

    def _get_examples(self, serializer: Any, direction: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Those that the view declares, or else the serializer's one: of it what is sent this way."""
        declared: dict[str, Any] = super()._get_examples(serializer, direction, *args, **kwargs)  # type: ignore[no-untyped-call]
        shape = force_instance(getattr(serializer, "child", serializer))  # type: ignore[no-untyped-call]
        if declared or not hasattr(shape, "example"):
            return declared
        hidden = "read_only" if direction == "request" else "write_only"
        shown = {name: value for name, value in shape.example.items() if not getattr(shape.fields[name], hidden)}
        if direction == "request" and self.method == "PATCH":
            shown = dict([*shown.items()][:1])
        listed = direction == "response" and self._is_list_view(serializer)
        return {type(shape).__name__.removesuffix("Serializer"): {"value": self._page(shown) if listed else shown}}

    def _page(self, shown: dict[str, Any]) -> Any:
        return {"results": [shown], "next": None} if self._get_paginator() else [shown]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        declared: dict[str, Any] = super()._get_response_bodies(direction)
        if self.is_versioned and self.action == "retrieve":
            declared["304"] = {"description": "The client has this version."}
        for status, response in declared.items():
            # A deletion's answer is drf-spectacular's own, and has none.
            response.setdefault("headers", self._get_response_headers_for_code(status, direction))
            response["description"] = response["description"] or HTTPStatus(int(status)).phrase
        problems = {str(status): self._problem(status) for status in self._problems()}
        return dict(sorted({**problems, **declared}.items()))

    def _problems(self) -> Iterator[int]:
        """The statuses with which an operation of this kind can be refused."""
        yield from (406, 422, 500, 503)
        if {} not in self.get_auth():
            yield 401
        if "{" in self.path:
            yield 404
        if self.is_versioned:
            yield 400
        if self.is_retry_safe or self.is_conditional:
            yield from (400, 409)
        if self.is_conditional:
            yield 412
        if self._get_request_body():  # type: ignore[no-untyped-call]
            yield from BODY_PROBLEMS

    def _problem(self, status: int) -> dict[str, Any]:
        """A reference to the response that all operations share."""
        response = self._get_response_for_code(PROBLEMS[status], str(status))
        return self._shared(f"Problem{status}", ResolvedComponent.RESPONSE, response)

    def _shared(self, name: str, kind: str, described: dict[str, Any]) -> dict[str, Any]:
        component = ResolvedComponent(name, kind, described, name)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        if status_code >= "400":
            media_types = [PROBLEM_JSON]
        response = super()._get_response_for_code(serializer, status_code, media_types, direction)  # type: ignore[no-untyped-call]
        if status_code == "200" and (self.listing or "fields" in self.known):
            for content in response["content"].values():
                self._allow_parts(content)
        return response

    def _allow_parts(self, content: dict[str, Any]) -> None:
        """With `fields` an answer has some members only, in the page or by itself."""
        if self.listing:
            page = self._referred(content["schema"])
            holder, key = page["properties"]["results"], "items"
        else:
            holder, key = content, "schema"
        if "anyOf" not in holder[key]:
            holder[key] = {"anyOf": [holder[key], self._part_of(holder[key])]}

    def _referred(self, reference: dict[str, Any]) -> dict[str, Any]:
        name = reference["$ref"].split("/")[-1]
        schema: dict[str, Any] = self.registry[name, ResolvedComponent.SCHEMA].schema
        return schema

    def _part_of(self, reference: dict[str, Any]) -> dict[str, Any]:
        whole = self._referred(reference)
        part = {key: value for key, value in whole.items() if key != "required"}
        part["description"] = "The members that `fields` names."
        return self._shared(f"{reference['$ref'].split('/')[-1]}Part", ResolvedComponent.SCHEMA, part)

    def _get_response_headers_for_code(self, status_code: str, direction: Any = "response") -> dict[str, Any]:
        declared = super()._get_response_headers_for_code(status_code, direction)
        return COMMON_HEADERS | PROBLEM_HEADERS.get(status_code, {}) | dict(self._headers(status_code)) | declared

    def _headers(self, status: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """What comes with an answer of this kind when all is well."""
        if self.is_versioned and status in ("200", "201", "304"):
            yield "ETag", ETAG | {"required": True}
        if self.is_versioned and status == "201":
            yield "Location", LOCATION
        if self.is_retry_safe and status < "300":
            yield "Idempotency-Replayed", REPLAYED
        if status == "200" and self.listing:
            yield "Preference-Applied", COUNTED


class StrictExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """What `StrictSerializer` does: a request has no other members, an answer has all of them.

    What its `validate` asks of members together a serializer can declare as JSON Schema, in `constraint`.
    """

    target_class = "web.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """An answer may get new members one day, so it isn't closed."""
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        properties = schema["properties"]
        if direction == "response":
            return schema | {"required": sorted(properties)}
        for name, field in self.target.fields.items():
            trimmed = isinstance(field, serializers.CharField) and field.trim_whitespace
            if trimmed and name in properties and not field.allow_blank:
                properties[name].setdefault("pattern", NOT_BLANK)
        return schema | {"additionalProperties": False} | getattr(self.target, "constraint", {})
