"""One request, and all that its answer tells: status, headers, body, and the statements it took."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from rest_framework.test import APIClient

from config.tests.isolation.bodies import FILE

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Of savepoints and cursors: each is another.
NAME = re.compile(r'"s\d+_x\d+"|\bexport_\d+')
MOMENT = re.compile(r'\d{4}-\d\d-\d\dT[\d:.]+Z|(?<="position":")[0-9a-f]+')
JSON = ("application/json", "application/problem+json")
# One for everybody: each builds the whole house.
CLIENT = APIClient()


@dataclass(frozen=True)
class Answer:
    """What a client sees, and for the time it takes the statements that were sent, without their values."""

    path: str
    status: int
    headers: dict[str, str]
    text: str
    statements: list[str]

    @property
    def request_id(self) -> str:
        """As the server gave it, or kept it."""
        return self.headers["X-Request-ID"]

    @cached_property
    def data(self) -> Any:
        """What the body holds, a list if it is of JSON lines; None if it is empty, or isn't JSON."""
        if self.headers.get("Content-Type") == "application/jsonl":
            return [json.loads(line) for line in self.text.splitlines()]
        return json.loads(self.text) if self.text and self.headers.get("Content-Type") in JSON else None

    @property
    def everything(self) -> str:
        """Headers and body, to be searched for what mustn't be there."""
        return "\n".join([*self.headers.values(), self.text])

    def told(self, asked: str, *, loosely: bool = False) -> tuple[object, ...]:
        """Status, headers, body and statements, without the request's own id and the id that was `asked` for.

        loosely: without any id, moment and position, for answers in which the asker's own events and new tasks stand.
        """
        headers = {name: value for name, value in self.headers.items() if name != "X-Request-ID"}
        told = "\n".join([*map(": ".join, headers.items()), self.text])
        told = told.replace(asked, "<id>" if loosely else "<asked>").replace(self.request_id, "<request>")
        if loosely:
            told = MOMENT.sub("<moment>", UUID.sub("<id>", told))
        return self.status, told, self.statements


def send(verb: str, path: str, body: object, headers: dict[str, str]) -> Answer:
    """Send a request through the whole house. What is streamed is read, and its statements noted, too."""
    statements: list[str] = []

    def note(execute: Callable[..., Any], statement: object, *arguments: Any) -> Any:
        statements.append(NAME.sub("<name>", UUID.sub("<id>", str(statement))))
        return execute(statement, *arguments)

    data, content_type = encode(body)
    with connection.execute_wrapper(note):
        response: Any = CLIENT.generic(verb.upper(), path, data, content_type, headers=headers)
        text = response.getvalue().decode()
    return Answer(path, response.status_code, dict(response.headers), text, statements)


def encode(body: Any) -> tuple[Any, str]:
    """The bytes of a body, and what they are: JSON, or a form with a file."""
    if isinstance(body, dict) and FILE in body:
        file = SimpleUploadedFile("canary.md", body[FILE].encode())
        return encode_multipart(BOUNDARY, {"file": file}), MULTIPART_CONTENT
    return "" if body is None else json.dumps(body), "application/json"
