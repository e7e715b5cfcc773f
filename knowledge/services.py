"""Putting documents in, and changing them."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts.identity import unconfined
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
    """Change the given fields. New content is indexed anew; until then the old passages can be found.

    The same content again gives a document that isn't indexed another try. Raises `DoesNotExist` if it is gone.
    """
    rows = KnowledgeDoc.objects.for_user(document.owner_id).filter(pk=document.pk)
    before = rows.select_for_update().get()
    changed = fields.get("content", before.content) != before.content
    stale = changed or ("content" in fields and before.status != KnowledgeDoc.Status.COMPLETED)
    if stale:
        # The revision tells a job in flight that what it has read is the old form.
        fields |= {"status": KnowledgeDoc.Status.IN_PROGRESS, "last_error": None, "revision": F("revision") + 1}
    if fields:
        rows.update(**fields)
    after = rows.get()
    if stale:
        _enqueue(after)
    return after


def _enqueue(document: KnowledgeDoc) -> None:
    # Short documents first: a long one, or many, don't hold up everybody else's.
    job = index_document.configure(priority=-(len(document.content) // 10_000))
    # The queue belongs to no user, so API requests have no right on it.
    with unconfined():
        job.defer(owner_id=str(document.owner_id), document_id=str(document.pk))
