"""Every endpoint of the API, read from the URL configuration: what is added is known without being told.

Only what to write into a body has to be told.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

API = "api/v1/"
TASKS = "tasks"
# Describes the API, is the same for everybody, and takes long to make.
NOBODYS = {f"{API}openapi.json"}
CONVERTER = re.compile(r"<(\w+):\w+>")


@dataclass(frozen=True)
class Endpoint:
    """A verb, in lower case, and the route that it is for, as in `api/v1/tasks/<uuid:pk>/toggle`."""

    verb: str
    route: str
    view: Callable[..., Any]

    def __repr__(self) -> str:
        return f"{self.verb} {self.route}"

    @property
    def collection(self) -> str:
        """What stands before the key: `tasks`."""
        return self.route.removeprefix(API).split("/<")[0]

    @property
    def is_of_an_object(self) -> bool:
        """Whether the path names an object by its id."""
        return "<uuid:" in self.route

    @property
    def is_list(self) -> bool:
        """Whether it gives pages of a collection."""
        return (getattr(self.view, "actions", None) or {}).get(self.verb) == "list"

    @property
    def filters(self) -> list[str]:
        """The names of a list's typed filters."""
        filterset = getattr(getattr(self.view, "cls", None), "filterset_class", None)
        return list(filterset.base_filters) if filterset else []

    def path(self, key: object) -> str:
        """The path below the API's, with the key in it."""
        return CONVERTER.sub(str(key), self.route.removeprefix(API))


@cache
def endpoints() -> list[Endpoint]:
    """All that the API answers to, HEAD and OPTIONS apart."""
    return sorted(_walk(get_resolver()), key=repr)


def _walk(resolver: URLResolver, prefix: str = "") -> Iterator[Endpoint]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, route)
        elif route.startswith(API) and route not in NOBODYS:
            yield from (Endpoint(verb, route, pattern.callback) for verb in _verbs(pattern))


def _verbs(pattern: URLPattern) -> set[str]:
    view: Any = pattern.callback
    known = set(view.cls.http_method_names) - {"head", "options"}
    return known & set(getattr(view, "actions", None) or filter(partial(hasattr, view.cls), known))


def text_of(collection: str, word: str, mentioned: str) -> dict[str, Any]:
    """The body of an object that holds a word, and mentions an id wherever it can."""
    text = f"{word} mentions {mentioned}"
    if collection == TASKS:
        return {"title": text, "description": text}
    return {"title": text, "content": text, "metadata": {word: mentioned}}
