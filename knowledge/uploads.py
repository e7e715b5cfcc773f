"""Documents of files: putting them in, and giving them another file."""

from collections.abc import Collection, Mapping
from pathlib import PurePath
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.core.files import File
from django.db import IntegrityError, transaction
from rest_framework.exceptions import APIException
from rest_framework.status import HTTP_415_UNSUPPORTED_MEDIA_TYPE

from knowledge import files, services
from knowledge.extraction.sniffing import KINDS, sniff
from knowledge.models import KnowledgeDoc
from knowledge.rows import DOCUMENTS
from resources.rows import LIVE, NaturalKey, Row, Rows
from web.errors import Conflict

# What a file makes of a document. Its content is still to be extracted.
UNREAD = {"content": "", "page_starts": None, "own_chunks": False}
# Documents, which are named by their files.
FILED = Rows(
    KnowledgeDoc,
    DOCUMENTS.shape,
    key=NaturalKey(
        columns=("file_hash",),
        target=DOCUMENTS.key.target,
        condition=f"content_hash = %s AND {LIVE}",
        message="There is a document of this file.",
        code=DOCUMENTS.key.code,
        among=DOCUMENTS.key.among,
    ),
    unlisted=["content"],
    # Its size stands for the length of the text that nobody has seen yet.
    left="new.file_size",
)


class UnsupportedFile(APIException):
    """A file of a kind that isn't taken."""

    status_code = HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_detail = f"This file is of a kind that can't be read. What can be: {', '.join(KINDS.values())}."
    default_code = "unsupported_media_type"


def media_type_of(file: File) -> str:
    """What kind of file it is. Raises `UnsupportedFile`."""
    media_type = sniff(cast(BinaryIO, file.file), file.name or "")
    file.seek(0)
    if media_type is None:
        raise UnsupportedFile
    return media_type


def title_of(name: str) -> str:
    """A title for a file of this name."""
    return " ".join(PurePath(name).stem.split()) or name.strip() or "Untitled"


def twin(owner_id: UUID, digest: str) -> UUID | None:
    """The owner's live document of this file."""
    row = FILED.named(owner_id, [digest])
    return row.id if row else None


def refusal(existing: UUID | None) -> Conflict:
    """To be raised if there is a document of the file already."""
    return Conflict(FILED.key.message, FILED.key.code, existing=existing)


@transaction.atomic
def create(owner_id: UUID, file: files.StoredFile, members: Mapping[str, Any]) -> Row:
    """A new document of a file, which is to be read and indexed. Raises `Conflict` if there is one."""
    values = {"title": title_of(file.name), **members, **file.columns}
    row = FILED.insert(owner_id, values)
    files.take(file)
    services.finish(owner_id, {row.id: row.left})
    return row


def replace(owner_id: UUID, pk: UUID, file: files.StoredFile, *, versions: Collection[int] | None) -> Row:
    """Give a document another file. Until that is indexed the old passages are found.

    Raises `NotFound`, `PreconditionFailed`, and `Conflict` if there is another document of the file.
    """
    try:
        with transaction.atomic():
            values = {**UNREAD, **services.AGAIN, **file.columns}
            row = FILED.update(owner_id, pk, values, which=LIVE, versions=versions)
            files.take(file)
            services.finish(owner_id, {row.id: row.left})
            return row
    except IntegrityError as exc:
        if (existing := twin(owner_id, file.digest)) is None:
            raise
        raise refusal(existing) from exc
