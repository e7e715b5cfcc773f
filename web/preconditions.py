"""Conditional requests (RFC 9110, 13): a resource's version is its entity tag, always a strong one."""

import re

from django.http import HttpResponse, HttpResponseNotModified
from rest_framework import exceptions, status
from rest_framework.request import Request

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# With empty members between the commas, which are to be passed over.
ENTITY_TAGS = re.compile(rf"[\s,]*{TAG}(?:\s*,[\s,]*{TAG})*[\s,]*")
ENTITY_TAG = re.compile(r'(W/)?"([^"]*)"')
VERSION = re.compile("[1-9][0-9]{0,8}")


class PreconditionFailed(exceptions.APIException):
    """It has another version than the request is about: somebody changed it meanwhile."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "This was changed meanwhile; read it again."
    default_code = "precondition_failed"

    def __init__(self, version: int | None = None) -> None:
        super().__init__()
        if version is not None:
            self.headers = {"ETag": entity_tag(version)}


def entity_tag(version: int) -> str:
    """The value of ETag."""
    return f'"{version}"'


def expected_versions(request: Request) -> list[int] | None:
    """`If-Match`: the versions of which a change is wanted; None if any will do.

    A weak tag, or one that isn't a version, matches none. Raises `ParseError` (400) for what isn't a list of tags.
    """
    given = request.META.get("HTTP_IF_MATCH")
    if given is None or given.strip() == "*":
        return None
    return [int(tag) for weak, tag in _tags(given, "If-Match") if not weak and VERSION.fullmatch(tag)]


def must_exist(request: Request) -> bool:
    """`If-Match`, whatever it names: the request is to change something, or to fail."""
    return "HTTP_IF_MATCH" in request.META


def must_differ(request: Request) -> bool:
    """`If-None-Match`: the request is for something new, or for what the client doesn't know, or to fail."""
    return "HTTP_IF_NONE_MATCH" in request.META


def is_known(request: Request, version: int) -> bool:
    """Whether `If-None-Match` names this version, or any. Raises `ParseError` (400) for what isn't a list of tags."""
    given: str = request.META.get("HTTP_IF_NONE_MATCH", "")
    return given.strip() == "*" or str(version) in [tag for _, tag in _tags(given, "If-None-Match")]


def not_modified(request: Request, version: int) -> HttpResponse | None:
    """`If-None-Match`: 304 if the client has this version already."""
    if must_differ(request) and is_known(request, version):
        return HttpResponseNotModified(headers={"ETag": entity_tag(version)})
    return None


def _tags(given: str, header: str) -> list[tuple[str, str]]:
    if not ENTITY_TAGS.fullmatch(given):
        raise exceptions.ParseError(f"{header} is `*`, or entity tags in double quotes.")
    return ENTITY_TAG.findall(given)
