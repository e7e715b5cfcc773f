"""What the tests of the document endpoints have in common."""

from typing import Any
from uuid import UUID

import numpy as np
from procrastinate.contrib.django.models import ProcrastinateJob
from rest_framework.test import APIClient

from accounts.models import User
from knowledge import indexing
from knowledge.embeddings import DIMENSIONS
from knowledge.models import KnowledgeDoc

DOCUMENTS = "/api/v1/knowledge/documents"
BULK = f"{DOCUMENTS}/bulk"
CONTENT = "# Lease\n\nThe rent is due on the first of each month.\n\n## Pets\n\nCats are welcome, dogs are not.\n"
FILE: dict[str, Any] = {
    "file_key": "a/b",
    "file_name": "lease.pdf",
    "file_type": "application/pdf",
    "file_size": 7,
    "file_hash": "a" * 64,
}


def add(client: APIClient, **members: Any) -> dict[str, Any]:
    """A new document, as the client is told of it."""
    response = client.post(DOCUMENTS, {"title": "Lease", "content": CONTENT} | members)
    assert response.status_code == 202, response.content
    body: dict[str, Any] = response.json()
    return body


def make(owner: User, number: int = 0, **columns: Any) -> KnowledgeDoc:
    """A document that is there, past the API, and isn't waiting for the index. No two have the same content."""
    columns = {"title": "Lease", "content": f"Content {number}.", "status": "completed"} | columns
    return KnowledgeDoc.objects.create(owner=owner, **columns)


def from_file(owner: User) -> KnowledgeDoc:
    """A document that was made from a file."""
    return make(owner, **(FILE | {"file_key": f"{owner.pk}/lease"}))


def jobs() -> list[str]:
    """The ids of the documents that are to be indexed, the first enqueued first."""
    waiting = ProcrastinateJob.objects.filter(status="todo", task_name__endswith="index_document").order_by("id")
    return [job.args["document_id"] for job in waiting]


def run_jobs() -> int:
    """Do what the worker would do now; how many jobs there were."""
    waiting = ProcrastinateJob.objects.filter(status="todo", task_name__endswith="index_document").order_by("id")
    for job in waiting:
        indexing.index(owner_id=UUID(job.args["owner_id"]), document_id=UUID(job.args["document_id"]))
    return len(waiting)


def indexed(client: APIClient, **members: Any) -> str:
    """The id of a new document that can be found."""
    key: str = add(client, **members)["id"]
    run_jobs()
    ProcrastinateJob.objects.all().delete()
    return key


def vector(number: int = 0) -> list[float]:
    """Some embedding, not normalised."""
    return [float(x) for x in np.random.default_rng(number).normal(size=DIMENSIONS).round(4)]


def passage(start: int, end: int, number: int = 0, **members: Any) -> dict[str, Any]:
    """A client's own passage."""
    return {"char_start": start, "char_end": end, "embedding": vector(number)} | members
