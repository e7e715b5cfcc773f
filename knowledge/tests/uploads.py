"""What the tests of files have in common: forms, and what lies in the storage."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from rest_framework.test import APIClient

from knowledge.tests.api import DOCUMENTS

UPLOAD, FILE = f"{DOCUMENTS}/upload", DOCUMENTS + "/{}/file"
TEXT = b"# Lease\n\nCats are welcome, dogs are not.\n"
BOUNDARY = "b0undary"


def a_file(data: bytes = TEXT, name: str = "Lease.md") -> SimpleUploadedFile:
    """A file as a form brings it."""
    return SimpleUploadedFile(name, data)


def send(client: APIClient, data: bytes = TEXT, name: str = "Lease.md", **fields: Any) -> HttpResponse:
    """The answer to an upload. fields: the form's, and `headers`."""
    headers = fields.pop("headers", {})
    form = {"file": a_file(data, name), **fields}
    response: HttpResponse = client.post(UPLOAD, form, format="multipart", headers=headers)
    return response


def upload(client: APIClient, data: bytes = TEXT, name: str = "Lease.md", **fields: Any) -> dict[str, Any]:
    """A document of a file, as the client is told of it."""
    response: Any = send(client, data, name, **fields)
    assert response.status_code == 202, response.content
    body: dict[str, Any] = response.json()
    return body


def put(client: APIClient, pk: UUID | str, data: bytes, name: str = "New.md", **headers: str) -> Any:
    """The answer to another file of a document."""
    return client.put(FILE.format(pk), {"file": a_file(data, name)}, format="multipart", headers=headers)


def raw(client: APIClient, body: bytes, boundary: str = BOUNDARY, **extra: Any) -> Any:
    """The answer to a body as it is."""
    return client.generic("POST", UPLOAD, body, f"multipart/form-data; boundary={boundary}", **extra)


def part(name: str, data: bytes, file_name: str | None = None) -> bytes:
    """One part of a body."""
    named = f'; filename="{file_name}"' if file_name is not None else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def lying(place: Path) -> list[bytes]:
    """What the files in the storage hold."""
    return sorted(path.read_bytes() for path in place.rglob("*") if path.is_file())
