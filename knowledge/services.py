"""Putting documents in, and changing them."""

from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.identity import unconfined
from knowledge import indexing
from knowledge.jobs import index_document
from knowledge.models import KnowledgeDoc


@transaction.atomic
def create_document(*, owner_id: UUID, title: str, content: str, **fields: Any) -> KnowledgeDoc:
    """Store a document and enqueue its indexing, both or neither."""
    document = KnowledgeDoc.objects.create(owner_id=owner_id, title=title, content=content, **fields)
    _enqueue(document)
    return document


@transaction.atomic
def update_document(*, document: KnowledgeDoc, **fields: Any) -> KnowledgeDoc:
    """Change the given fields. New content is indexed anew; until then the old passages can be found. The same
    content again gives a document another try that failed.

    Raises `DoesNotExist` if the document is gone meanwhile.
    """
    rows = KnowledgeDoc.objects.for_user(document.owner_id).filter(pk=document.pk)
    before = rows.select_for_update().get()
    if fields:
        rows.update(**fields)
    changed = fields.get("content", before.content) != before.content
    if changed or ("content" in fields and before.status == KnowledgeDoc.Status.FAILED):
        indexing.invalidate(document.pk)
        _enqueue(rows.get())
    return rows.get()


def _enqueue(document: KnowledgeDoc) -> None:
    # The queue belongs to no user, so API requests have no right on it.
    # Short documents first: a long one, or many, don't hold up everybody else's.
    job = index_document.configure(priority=-(len(document.content) // 10_000))
    with unconfined():
        job.defer(owner_id=str(document.owner_id), document_id=str(document.pk))
