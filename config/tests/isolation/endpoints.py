"""Every endpoint of the API, read from the URL configuration: what is added is known without being told."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

API = "api/v1/"
# Describe the API, are the same for everybody, and take long to make.
PAGES = {f"{API}{page}" for page in ("openapi.json", "docs", "redoc")}
# Are for staff, and of the service itself.
STAFFS = {f"{API}knowledge/embedding-provider{rest}" for rest in ("", "/check")}
CONVERTER = re.compile(r"<(\w+):\w+>")


@dataclass(frozen=True)
class Endpoint:
    """A verb, in lower case, and the route that it is for, as in `api/v1/tasks/<uuid:pk>/toggle`.

    query: parameters that make it another endpoint: `?trashed=true`.
    """

    verb: str
    route: str
    view: Callable[..., Any]
    query: str = ""

    def __repr__(self) -> str:
        return f"{self.verb} {self.route}{self.query}"

    @property
    def collection(self) -> str:
        """What stands before the key: `tasks`."""
        return self.route.removeprefix(API).split("/<")[0]

    @property
    def is_of_an_object(self) -> bool:
        """Whether the path names an object by its id."""
        return "<uuid:" in self.route

    @property
    def action(self) -> str | None:
        """What a view set calls it."""
        return (getattr(self.view, "actions", None) or {}).get(self.verb)

    @property
    def is_list(self) -> bool:
        """Whether it gives pages of a collection."""
        return self.action == "list"

    @property
    def parameters(self) -> set[str]:
        """The names of all query parameters that it takes."""
        known = set(getattr(self.view, "initkwargs", {}).get("query_parameters", ()))
        view = getattr(self.view, "cls", None)
        known.update(getattr(view, "query_parameters", ()), getattr(view, "known", {}).get(self.action, ()))
        if self.is_list:
            listing, filterset = getattr(view, "listing", None), getattr(view, "filterset_class", None)
            known.update(listing.parameters if listing else filterset.base_filters if filterset else ())
        return known

    def path(self, key: object) -> str:
        """The path below the API's, with the key in it."""
        return CONVERTER.sub(str(key), self.route.removeprefix(API)) + self.query


@cache
def endpoints() -> list[Endpoint]:
    """All that the API has of anybody's, HEAD and OPTIONS apart."""
    return sorted(_walk(get_resolver()), key=repr)


def _walk(resolver: URLResolver, prefix: str = "") -> Iterator[Endpoint]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, route)
        elif route.startswith(API) and route not in PAGES | STAFFS:
            yield from (Endpoint(verb, route, pattern.callback) for verb in _verbs(pattern))


def _verbs(pattern: URLPattern) -> set[str]:
    view: Any = pattern.callback
    known = set(view.cls.http_method_names) - {"head", "options"}
    return known & set(getattr(view, "actions", None) or filter(partial(hasattr, view.cls), known))
