"""Putting documents in, and changing them: with each form of one that is new a job is stored, or neither."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from knowledge import jobs
from knowledge.models import KnowledgeDoc
from knowledge.rows import DOCUMENTS
from resources.rows import ALL, SQL, Row
from web.errors import Conflict

# What has a document indexed anew: `knowledge.rules.Restarted`, and the revision itself.
INDEXED = {"title", "language", "content", "chunk_tokens", "chunk_overlap", "own_chunks", "revision"}
# What has one indexed anew that hasn't changed.
AGAIN = {"status": KnowledgeDoc.Status.IN_PROGRESS, "last_error": None, "revision": SQL("revision + 1")}
# The rule that no two documents of an owner's have the same content.
UNIQUE = "knowledge_knowledgedoc_content"


def finish(owner_id: UUID, left: Mapping[UUID, int | None]) -> None:
    """Have documents indexed, as part of the caller's transaction. left: id → the length of what is to be indexed."""
    lengths = {pk: length for pk, length in left.items() if length is not None}
    if lengths:
        jobs.enqueue_all(owner_id=owner_id, lengths=lengths)


@transaction.atomic
def insert(owner_id: UUID, values: Mapping[str, Any]) -> Row:
    """A new document. Raises `Conflict` if there is one with this content."""
    row = DOCUMENTS.insert(owner_id, values)
    finish(owner_id, {row.id: row.left})
    return row


@transaction.atomic
def put(owner_id: UUID, values: Mapping[str, Any]) -> tuple[Row, bool]:
    """The document that has the values' content, made or given the other values; and whether it was made."""
    found = DOCUMENTS.put(owner_id, values)
    if found is None:
        raise Conflict
    row, made = found
    finish(owner_id, {row.id: row.left})
    return row, made


def update(
    owner_id: UUID,
    pk: UUID,
    values: Mapping[str, Any],
    *,
    which: str,
    only: str | None = None,
    versions: Collection[int] | None = None,
) -> Row:
    """`DOCUMENTS.update`, and a job if there is something new to be indexed.

    Raises `Conflict` if another document has this content, too.
    """

    def write() -> Row:
        row = DOCUMENTS.update(owner_id, pk, values, which=which, only=only, versions=versions)
        finish(owner_id, {row.id: row.left})
        return row

    restored = "trashed_at" in values and values["trashed_at"] is None
    if not restored and not INDEXED.intersection(values):
        return write()
    try:
        with transaction.atomic():
            return write()
    except IntegrityError as exc:
        diagnostic = getattr(exc.__cause__, "diag", None)
        if diagnostic is None or diagnostic.constraint_name != UNIQUE:
            raise
        raise Conflict(DOCUMENTS.key.message, DOCUMENTS.key.code, _existing(owner_id, pk, values)) from None


def _existing(owner_id: UUID, pk: UUID, values: Mapping[str, Any]) -> UUID | None:
    """The document that has the content which this one was to get, or to have in the trash no longer."""
    if "content" in values:
        found = twins(owner_id, values["content"])
    else:
        mine = KnowledgeDoc.objects.for_user(owner_id)
        found = mine.filter(trashed_at=None, content_hash__in=mine.filter(pk=pk).values("content_hash"))
    return found.values_list("pk", flat=True).first()


def twins(owner_id: UUID, content: str) -> QuerySet[KnowledgeDoc]:
    """The live documents of the owner's with this content: one, or none."""
    digest = sha256(content.encode()).hexdigest()
    return KnowledgeDoc.objects.for_user(owner_id).filter(trashed_at=None, content_hash=digest)


def create_document(*, owner_id: UUID, title: str, content: str, **fields: Any) -> KnowledgeDoc:
    """`insert`, for programs of ours."""
    row = insert(owner_id, {"title": title, "content": content, **fields})
    return KnowledgeDoc.objects.for_user(owner_id).get(pk=row.id)


def update_document(*, document: KnowledgeDoc, **fields: Any) -> KnowledgeDoc:
    """`update`, for programs of ours: whether the document is in the trash or not. Raises `NotFound` if it is gone."""
    update(document.owner_id, document.pk, fields, which=ALL)
    return KnowledgeDoc.objects.for_user(document.owner_id).get(pk=document.pk)
