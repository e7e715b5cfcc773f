"""What is asked of the API: requests as they go over the wire, the same for the product and its peer."""

import json
import secrets
from collections.abc import Callable, Sequence
from http import HTTPMethod, HTTPStatus
from typing import Any, NamedTuple

from benchmarks.instance import HOST

PAGE = 50
TITLE = "Water the plants"
TASK = {
    "title": TITLE,
    "description": "The two on the balcony every other day, the one by the window on Sundays only. The can is below "
    "the sink, and what is left of the fertiliser on the shelf above it: a capful to a can, never in winter.",
    "priority": "medium",
    "due_at": "2027-01-01T09:00:00Z",
    "metadata": {"room": "balcony", "plants": 3},
}


class Operation(NamedTuple):
    """A kind of request: a user's, made from token and ids of tasks; the status of each, and its audit events."""

    name: str
    status: HTTPStatus
    requests: Callable[[str, Sequence[str]], list[bytes]]
    events: int = 0


def _request(token: str, method: HTTPMethod, path: str, body: dict[str, Any] | None = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} /api/v1{path} HTTP/1.1",
        f"Host: {HOST}",
        f"Authorization: Bearer {token}",
        "User-Agent: daybook-benchmark",
        # What the platform's proxy says, which ends TLS.
        "X-Forwarded-Proto: https",
    ]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _list(token: str, ids: Sequence[str]) -> list[bytes]:
    return [_request(token, HTTPMethod.GET, f"/tasks?limit={PAGE}")]


def _retrieve(token: str, ids: Sequence[str]) -> list[bytes]:
    return [_request(token, HTTPMethod.GET, f"/tasks/{task}") for task in ids]


def _create(token: str, ids: Sequence[str]) -> list[bytes]:
    return [_request(token, HTTPMethod.POST, "/tasks", TASK)]


def _update(token: str, ids: Sequence[str]) -> list[bytes]:
    """Each task twice, and with titles that are new each time: every request is a change."""
    return [
        _request(token, HTTPMethod.PATCH, f"/tasks/{task}", {"title": _title(), "completed": completed})
        for task in ids
        for completed in (True, False)
    ]


def _title() -> str:
    return f"{TITLE}: {secrets.token_hex(8)}"


LIST = Operation(f"list {PAGE}", HTTPStatus.OK, _list)
RETRIEVE = Operation("retrieve", HTTPStatus.OK, _retrieve)
CREATE = Operation("create", HTTPStatus.CREATED, _create, events=1)
UPDATE = Operation("update", HTTPStatus.OK, _update, events=1)
OPERATIONS = (LIST, RETRIEVE, CREATE, UPDATE)
