"""What is answered: looked at before anything is measured, for a wrong answer may be a fast one."""

import json
import socket
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from http.client import HTTPResponse
from typing import Any, NamedTuple

from benchmarks.instance import HOST
from benchmarks.operations import LIST, OPERATIONS, PAGE, RETRIEVE, Operation
from benchmarks.sides import Side

TIMEOUT_SECONDS = 30.0


class Answer(NamedTuple):
    """Status, bytes of the body, and what they say."""

    status: int
    size: int
    content: Any


def ask(side: Side, request: bytes) -> Answer:
    """Send what is sent when it is measured, over a connection of its own."""
    with socket.create_connection((HOST, side.port), TIMEOUT_SECONDS) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
    return Answer(response.status, len(body), json.loads(body))


def newest(side: Side, token: str) -> list[str]:
    """The ids of a user's newest tasks, a page of them."""
    return [task["id"] for task in ask(side, *LIST.requests(token, [])).content[side.page]]


def check(side: Side) -> str:
    """Try everything once, and tell what a page is made of. Raises `RuntimeError` for what isn't as it should be."""
    token, stranger = side.tokens[:2]
    page = ask(side, *LIST.requests(token, []))
    tasks = page.content[side.page]
    ids, fields = [task["id"] for task in tasks], tasks[0].keys()
    faults = [fault for operation in OPERATIONS for fault in _faults(side, operation, token, ids, fields)]
    if len(tasks) != PAGE:
        faults.append(f"{len(tasks)} tasks in a page")
    if (refused := ask(side, RETRIEVE.requests(stranger, ids)[0]).status) != HTTPStatus.NOT_FOUND:
        faults.append(f"somebody else's task is answered with {refused}")
    if faults:
        raise RuntimeError(f"Of {side.name}: {'; '.join(faults)}.")
    return f"Of {side.name}: {len(tasks)} tasks of {len(fields)} fields are a page of {page.size:,} bytes."


def _faults(side: Side, operation: Operation, token: str, ids: Sequence[str], fields: Any) -> Iterator[str]:
    before = side.events()
    status, _, content = ask(side, operation.requests(token, ids)[0])
    if status != operation.status:
        yield f"{operation.name} is answered with {status}"
    elif any(task.keys() != fields for task in content.get(side.page, [content])):
        yield f"{operation.name} gives other fields"
    if (events := side.events() - before) != operation.events:
        yield f"{operation.name} leaves {events} audit events"
