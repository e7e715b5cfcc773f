"""The documents' files: where they lie, how they get there and go, and what they say."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from knowledge.extraction import process
from knowledge.extraction.failures import ExtractionError
from knowledge.extraction.text import Extracted
from knowledge.models import DiscardedFile, KnowledgeDoc
from web.errors import Unavailable

log = structlog.get_logger(__name__)

# How long a file may be nobody's: longer than any request takes. What the storage doesn't delete is tried again then.
PATIENCE = timedelta(hours=1)
BATCH = 100


class StorageUnavailable(Unavailable):
    """Files can't be stored or fetched now."""

    default_detail = "The storage of files is unavailable for the moment; please try again."
    default_code = "storage_unavailable"


@dataclass(frozen=True)
class StoredFile:
    """A file in the storage that waits to become a document's.

    digest: SHA-256 of its bytes, in hexadecimal. due: when it is deleted if it doesn't.
    """

    key: str
    name: str
    media_type: str
    size: int
    digest: str
    due: datetime

    @property
    def columns(self) -> dict[str, Any]:
        """What a document says of it."""
        return {
            "file_key": self.key,
            "file_name": self.name,
            "file_type": self.media_type,
            "file_size": self.size,
            "file_hash": self.digest,
        }


def storage() -> Storage:
    """Where the files lie."""
    return storages["documents"]


@contextmanager
def reachable() -> Iterator[None]:
    """Whatever a storage raises is told as `StorageUnavailable` (503)."""
    try:
        yield
    except Exception as exc:
        # Each storage has errors of its own.
        log.exception("storage_failed")
        raise StorageUnavailable from exc


def digest_of(file: File) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def store(*, owner_id: UUID, file: File, media_type: str, digest: str) -> StoredFile:
    """Save a file, under a name that nobody else chose. Until `take` it is to be deleted.

    Raises `StorageUnavailable`.
    """
    key, due = f"{owner_id}/{uuid4()}", datetime.now(UTC) + PATIENCE
    # Committed before there is a file: if all ends here, somebody knows of it.
    with transaction.atomic(durable=True):
        DiscardedFile.objects.create(key=key, owner_id=owner_id, due=due)
    with reachable():
        storage().save(key, file)
    return StoredFile(key, Path(file.name or "").name, media_type, file.size, digest, due)


def take(file: StoredFile) -> None:
    """It is a document's, from the end of the transaction on. Raises `StorageUnavailable` if it was deleted by then."""
    # Whoever is about to delete it has changed the moment.
    taken, _ = DiscardedFile.objects.filter(key=file.key, due=file.due).delete()
    if not taken:
        raise StorageUnavailable


def open_file(document: KnowledgeDoc) -> File:
    """The document's file. Raises `FileNotFoundError`, and what else the storage raises."""
    return storage().open(str(document.file_key))


def extract_text(document: KnowledgeDoc) -> Extracted:
    """What the document's file says. Raises `ExtractionError`, and what the storage raises if it can't be reached."""
    with NamedTemporaryFile(prefix="daybook-file-") as copy:
        try:
            with open_file(document) as original:
                shutil.copyfileobj(original, copy)
        except FileNotFoundError:
            raise ExtractionError("file_missing") from None
        copy.flush()
        return process.extract(Path(copy.name), str(document.file_type))


def purge_files() -> int:
    """Delete the files that are due; how many. What can't be deleted now is tried again in an hour."""
    purged = 0
    while keys := _lease():
        gone = [key for key in keys if _delete(key)]
        DiscardedFile.objects.filter(key__in=gone).delete()
        purged += len(gone)
    return purged


@transaction.atomic
def _lease() -> list[str]:
    """Some of what is due, which for an hour is nobody else's: deleting them takes time, and no transaction waits."""
    due = _due().order_by("due").select_for_update(skip_locked=True)
    keys = list(due.values_list("key", flat=True)[:BATCH])
    DiscardedFile.objects.filter(key__in=keys).update(due=Now() + PATIENCE)
    return keys


def _due() -> QuerySet[DiscardedFile]:
    used = KnowledgeDoc.objects.filter(file_key=OuterRef("key"))
    return DiscardedFile.objects.filter(due__lte=Now()).exclude(Exists(used))


def _delete(key: str) -> bool:
    try:
        # What isn't there is deleted, too.
        storage().delete(key)
    except Exception:
        log.exception("file_not_deleted")
        return False
    return True
