"""POSTs that can be sent again without harm: `Idempotency-Key`, as the draft of the IETF's httpapi group has it.

The first request with a key is worked on, and its answer is stored in the same transaction. Whoever sends it again gets
that answer. A refusal stores nothing: what is sent again is tried anew.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from hashlib import blake2b, sha256
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpResponse
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.ownership import requester
from resources.models import IdempotencyKey
from web.errors import Conflict

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
# As it is, or as a string of structured fields (RFC 9651), which has quotes around it.
KEY = re.compile(r'(?!")[\x21-\x7e]{1,255}|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255}"')
# The headers that belong to what an answer says.
KEPT = ("Content-Type", "ETag", "Location")
# Two statements in one message. Each sees what was committed before it: the second one, whatever the lock's last holder
# has left. In one statement it could see less, for the look would be older than the lock.
CLAIM = """
SELECT pg_try_advisory_xact_lock(%s);
SELECT fingerprint, status, headers, body FROM resources_idempotencykey WHERE owner_id = %s AND key = %s
"""

Handler = TypeVar("Handler", bound=Callable[..., HttpResponse])


class InFlight(Conflict):
    """The first request with the key isn't answered yet."""

    default_detail = "The first request with this key is still being worked on; send this one again in a moment."
    default_code = "idempotency_key_in_flight"
    wait = 1


class KeyReused(APIException):
    """The key belongs to another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This key was sent with another request: another method, address or body."
    default_code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__()
        fault = {"location": f"header.{HEADER}", "message": self.default_detail, "code": self.default_code}
        self.members = {"errors": [fault]}


@dataclass(frozen=True)
class Attempt:
    """A request that was sent with a key.

    fingerprint: SHA-256 of method, address and the body's bytes, or of what stands for those.
    """

    owner_id: UUID
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, request: Request, given: str, body: bytes | None = None) -> Self:
        """given: the header's value. body: what stands for one that is too large to be kept.

        Raises `ParseError` (400).
        """
        digest = sha256(f"{request.method} {request.get_full_path()}\n".encode())
        # Before DRF reads it as a stream: afterwards it could no longer be had as it came.
        digest.update(request.body if body is None else body)
        return cls(requester(request), read_key(given), digest.digest())

    @property
    def lock(self) -> int:
        """The number of an advisory lock: 64 bits that nobody can aim at somebody else's."""
        digest = blake2b(self.key.encode(), digest_size=8, key=self.owner_id.bytes, person=b"idempotency-key")
        return int.from_bytes(digest.digest(), "big", signed=True)

    def claim(self) -> HttpResponse | None:
        """The stored answer, or None: then the key is this transaction's until its end. Waits for nobody.

        Raises `InFlight` and `KeyReused`.
        """
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, [self.lock, self.owner_id, self.key])
            (is_first,) = cursor.fetchone()
            cursor.nextset()
            stored = cursor.fetchone()
        if stored is not None:
            return self._replay(*stored)
        if not is_first:
            raise InFlight
        return None

    def answer(self, view: Any, request: Request, work: Callable[[], HttpResponse]) -> HttpResponse:
        """The stored answer, or the work's, which is stored with what the work has done: one transaction."""
        with transaction.atomic():
            if replayed := self.claim():
                return replayed
            response = _rendered(view, request, work())
            if response.status_code < status.HTTP_400_BAD_REQUEST:
                self.keep(response)
            else:
                transaction.set_rollback(True)
            return response

    def _replay(self, fingerprint: bytes, status_code: int, headers: str, body: bytes) -> HttpResponse:
        if fingerprint != self.fingerprint:
            raise KeyReused
        return HttpResponse(body, status=status_code, headers={**json.loads(headers), REPLAYED: "true"})

    def keep(self, response: HttpResponse) -> None:
        """Store the answer. One statement."""
        IdempotencyKey.objects.create(
            owner_id=self.owner_id,
            key=self.key,
            fingerprint=self.fingerprint,
            status=response.status_code,
            headers={name: response[name] for name in KEPT if name in response},
            body=response.content,
        )


def read_key(given: str) -> str:
    """The key that a header's value means: of 1 to 255 visible ASCII characters. Raises `ParseError` (400)."""
    if not KEY.fullmatch(given):
        raise ParseError(f"{HEADER} is 1 to 255 visible ASCII characters, with or without double quotes around them.")
    return re.sub(r"\\(.)", r"\1", given[1:-1]) if given.startswith('"') else given


def retry_safe(handler: Handler) -> Handler:
    """A view's handler that does its work once for each key, however often the request is sent.

    Without the header it is called as it is. With it the handler's work, the key and the answer are one transaction.
    """

    @wraps(handler)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        given = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if given is None:
            return handler(view, request, *args, **kwargs)
        return Attempt.of(request, given).answer(view, request, lambda: handler(view, request, *args, **kwargs))

    return takes_key(cast(Handler, once))


def takes_key(handler: Handler) -> Handler:
    """The handler, described as one that takes the header."""
    # What the API's description reads.
    handler.is_retry_safe = True  # type: ignore[attr-defined]
    return handler


def _rendered(view: Any, request: Request, response: HttpResponse) -> HttpResponse:
    """With its body: DRF's responses get theirs after the view, which would be after the commit."""
    if not isinstance(response, Response):
        return response
    rendered: HttpResponse = view.finalize_response(request, response).render()
    return rendered
