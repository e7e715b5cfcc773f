"""No file is lost, and none stays that is nobody's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts.identity import acting_for
from accounts.models import User
from knowledge import files, uploads
from knowledge.extraction.failures import ExtractionError
from knowledge.files import PATIENCE, StorageUnavailable, StoredFile, purge_files
from knowledge.models import DiscardedFile, KnowledgeDoc
from knowledge.tests.uploads import TEXT, lying
from resources.purge import purge
from tasks.tests.api import at_once

LONG_AGO = datetime.now(UTC) - timedelta(days=40)


def store(owner: User, data: bytes = TEXT) -> StoredFile:
    """A file in the storage, as a request saves it."""
    file = ContentFile(data, "Lease.md")
    with acting_for(owner.pk):
        return files.store(owner_id=owner.pk, file=file, media_type="text/markdown", digest=files.digest_of(file))


def made(owner: User, data: bytes = TEXT) -> KnowledgeDoc:
    """A document of a file, as a request makes it."""
    stored = store(owner, data)
    with acting_for(owner.pk):
        row = uploads.create(owner.pk, stored, {})
    return KnowledgeDoc.objects.get(pk=row.id)


def overdue(*keys: str) -> None:
    """Their time is up."""
    found = DiscardedFile.objects.filter(key__in=keys) if keys else DiscardedFile.objects.all()
    found.update(due=LONG_AGO)


def create_and_die(owner: User, file: StoredFile) -> None:
    """A request that ends before it commits."""
    with acting_for(owner.pk), transaction.atomic():
        uploads.create(owner.pk, file, {})
        raise KeyboardInterrupt


@pytest.mark.django_db(transaction=True)
def test_a_crash_between_storing_and_committing_leaves_nothing(owner: User, stored: Path) -> None:
    kept = made(owner)
    other = store(owner, b"other")
    with pytest.raises(KeyboardInterrupt):
        create_and_die(owner, other)

    assert lying(stored) == [TEXT, b"other"]
    assert purge_files() == 0
    overdue()
    assert purge_files() == 1

    assert lying(stored) == [TEXT]
    assert list(KnowledgeDoc.objects.all()) == [kept]
    assert not DiscardedFile.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_crash_while_storing_leaves_nothing(owner: User, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(self: Any, name: str, content: Any) -> str:
        Path(self.path(name)).parent.mkdir(parents=True)
        Path(self.path(name)).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", half)
        with pytest.raises(KeyboardInterrupt):
            store(owner)
    overdue()

    assert (purge_files(), lying(stored)) == (1, [])


@pytest.mark.django_db(transaction=True)
def test_a_file_is_never_listed_in_a_transaction_that_may_be_undone(owner: User, stored: Path) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        store(owner)

    assert lying(stored) == []


@pytest.mark.django_db
def test_a_file_waits_for_an_hour(owner: User) -> None:
    before = datetime.now(UTC)
    store(owner)

    assert before + PATIENCE <= DiscardedFile.objects.get().due <= datetime.now(UTC) + PATIENCE
    assert purge_files() == 0


@pytest.mark.django_db
def test_a_file_that_a_purge_has_in_hand_becomes_no_document(owner: User) -> None:
    stored = store(owner)
    overdue()
    files._lease()

    with pytest.raises(StorageUnavailable), acting_for(owner.pk):
        uploads.create(owner.pk, stored, {})

    assert not KnowledgeDoc.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "delete",
    [
        lambda owner, document: document.delete(),
        lambda owner, document: owner.delete(),
        lambda owner, document: connection.cursor().execute("DELETE FROM knowledge_knowledgedoc"),
        lambda owner, document: KnowledgeDoc.objects.update(**dict.fromkeys(document_columns(document))),
        lambda owner, document: trash_and_purge(),
    ],
)
def test_a_file_goes_when_its_document_does(
    delete: Callable[[User, KnowledgeDoc], object], owner: User, peer: User, stored: Path
) -> None:
    document = made(owner)
    delete(owner, document)

    made(peer, b"theirs")
    assert (purge_files(), lying(stored)) == (1, [b"theirs"])


def document_columns(document: KnowledgeDoc) -> list[str]:
    return [field.name for field in document._meta.fields if field.name.startswith("file_")]


def trash_and_purge() -> None:
    KnowledgeDoc.objects.update(trashed_at=LONG_AGO)
    purge()


@pytest.mark.django_db
def test_a_file_in_use_stays_whoever_lists_it(owner: User, stored: Path) -> None:
    document = made(owner)
    DiscardedFile.objects.create(key=document.file_key, owner=owner, due=LONG_AGO)

    assert (purge_files(), lying(stored)) == (0, [TEXT])


@pytest.mark.django_db
def test_a_change_of_something_else_discards_nothing(owner: User) -> None:
    document = made(owner)
    KnowledgeDoc.objects.update(title="Other", file_key=document.file_key)

    assert not DiscardedFile.objects.exists()


@pytest.mark.django_db
def test_what_the_storage_doesnt_delete_is_tried_again_in_an_hour(
    owner: User, stored: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, gone = store(owner, b"stuck"), store(owner, b"gone")
    overdue()
    delete = FileSystemStorage.delete

    def refuse(self: FileSystemStorage, name: str) -> None:
        if name == stuck.key:
            raise OSError("Permission denied")
        delete(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "delete", refuse)
        assert purge_files() == 1

    assert "file_not_deleted" in caplog.text
    assert lying(stored) == [b"stuck"]
    assert DiscardedFile.objects.get().due > datetime.now(UTC) + PATIENCE / 2
    overdue()
    assert (purge_files(), lying(stored)) == (1, [])
    assert gone.key != stuck.key


@pytest.mark.django_db
def test_a_purge_goes_on_to_the_end(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BATCH", 2)
    rows = [DiscardedFile(key=f"{owner.pk}/{number}", owner=owner, due=LONG_AGO) for number in range(5)]
    DiscardedFile.objects.bulk_create(rows)

    assert purge_files() == 5
    assert not DiscardedFile.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_purges_at_once_delete_each_file_once(owner: User) -> None:
    rows = [DiscardedFile(key=f"{owner.pk}/{number}", owner=owner, due=LONG_AGO) for number in range(250)]
    DiscardedFile.objects.bulk_create(rows)

    assert sum(at_once(purge_files, purge_files)) == 250


@pytest.mark.django_db
def test_peer_neither_sees_nor_lists_nor_takes_the_owners_files(owner: User, peer: User) -> None:
    stored = store(owner)

    with acting_for(peer.pk):
        assert not DiscardedFile.objects.exists()
        with pytest.raises(StorageUnavailable):
            files.take(stored)
        with pytest.raises(IntegrityError, match="knowledge_discardedfile_key"), transaction.atomic():
            DiscardedFile.objects.create(key=f"{owner.pk}/{uuid4()}", owner=peer, due=LONG_AGO)
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            DiscardedFile.objects.create(key=f"{owner.pk}/{uuid4()}", owner=owner, due=LONG_AGO)
    assert DiscardedFile.objects.count() == 1


@pytest.mark.django_db
def test_a_request_can_put_off_nothing(owner: User) -> None:
    store(owner)

    with pytest.raises(ProgrammingError, match="permission denied"), acting_for(owner.pk), transaction.atomic():
        DiscardedFile.objects.update(due=datetime.now(UTC) + timedelta(days=9))


@pytest.mark.django_db
def test_the_text_of_a_document_is_that_of_its_file(owner: User) -> None:
    assert files.extract_text(made(owner)).text == TEXT.decode()


@pytest.mark.django_db
def test_a_file_that_is_gone_says_so(owner: User, stored: Path) -> None:
    document = made(owner)
    for path in stored.rglob("*"):
        if path.is_file():
            path.unlink()

    with pytest.raises(ExtractionError) as refusal:
        files.extract_text(document)

    assert refusal.value.code == "file_missing"
