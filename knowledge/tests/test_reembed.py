"""`manage.py reembed`: after a change of the model, live, and whatever interrupts it."""

import threading
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from rest_framework.test import APIClient

from accounts.models import User
from knowledge import indexing, reembedding, services
from knowledge.embedding_errors import UnreachableError
from knowledge.embeddings import MODEL_REVISION, Vectors, embed
from knowledge.models import ChunkVector, KnowledgeDoc, VectorChunk

FORMER = "another-model@000000000000"
PASSAGES = 5


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that some are needed."""
    monkeypatch.setattr(reembedding, "BATCH", 2)


def indexed(user: User, title: str) -> KnowledgeDoc:
    """A document of five passages, that another model embedded: its vectors are worthless now."""
    content = "\n\n".join(f"# Part {number}\n\nThe elephant {number} sleeps." for number in range(PASSAGES))
    document = services.create_document(owner_id=user.pk, title=title, content=content)
    indexing.index(owner_id=user.pk, document_id=document.pk)
    VectorChunk.objects.filter(document=document).update(model=FORMER)
    ChunkVector.objects.filter(document=document).update(embedding=[1.0] + [0.0] * 383, hot=True)
    return document


def vectors(document: KnowledgeDoc) -> Vectors:
    """The document's, in the order of its passages."""
    rows = ChunkVector.objects.filter(document=document).order_by("chunk__ordinal")
    return np.array([row.embedding for row in rows], np.float32)


def run(*arguments: str) -> str:
    """What the command prints."""
    output = StringIO()
    call_command("reembed", *arguments, stdout=output)
    return output.getvalue()


def left() -> int:
    """Passages of the former model."""
    return VectorChunk.objects.filter(model=FORMER).count()


def after(batches: int, then: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something happen while a batch is embedded, after so many others."""
    calls = iter(range(100))

    def embed_and(texts: Any) -> Vectors:
        if next(calls) == batches:
            then()
        return embed(texts)

    monkeypatch.setattr(reembedding, "embed", embed_and)


def test_passages_get_the_vectors_that_indexing_gives_them(owner: User, peer: User) -> None:
    mine, theirs = indexed(owner, "Zoo"), indexed(peer, "A title of many words " * 9 + "and an end")

    assert run() == "10 passages embedded.\n"

    assert left() == 0 and not VectorChunk.objects.exclude(model=MODEL_REVISION).exists()
    for document in (mine, theirs):
        found = vectors(document)
        assert ChunkVector.objects.filter(document=document, hot=True).count() == PASSAGES
        KnowledgeDoc.objects.filter(pk=document.pk).update(status="in_progress")
        indexing.index(owner_id=document.owner_id, document_id=document.pk)
        np.testing.assert_allclose(found, vectors(document), atol=2e-3)
    assert run() == "0 passages embedded.\n"


def test_a_dry_run_counts_and_changes_nothing(owner: User) -> None:
    document = indexed(owner, "Zoo")
    assert run("--dry-run") == "5 passages to embed.\n"
    assert left() == PASSAGES and vectors(document)[0][0] == 1


@pytest.mark.parametrize("name", ["pk", "email"])
def test_one_owner_can_be_named(name: str, owner: User, peer: User) -> None:
    indexed(owner, "Zoo")
    theirs = indexed(peer, "Lease")

    assert run("--owner", str(getattr(owner, name))) == "5 passages embedded.\n"
    assert set(VectorChunk.objects.filter(model=FORMER).values_list("document_id", flat=True)) == {theirs.pk}


def test_an_owner_that_there_is_not_is_told(db: None) -> None:
    with pytest.raises(CommandError, match="no user nobody@") as refusal:
        run("--owner", "nobody@example.com")
    assert refusal.value.returncode == 2


def test_passages_that_their_owner_brought_stay(owner: User) -> None:
    document = indexed(owner, "Zoo")
    KnowledgeDoc.objects.filter(pk=document.pk).update(own_chunks=True)
    VectorChunk.objects.filter(document=document).update(model=FORMER)

    assert run() == "0 passages embedded.\n"
    assert left() == PASSAGES


def test_what_is_interrupted_goes_on_with_the_next_run(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed(owner, "Zoo")

    def die() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        after(2, die, patch)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert left() == 1
    assert run() == "1 passages embedded.\n"


def test_a_provider_that_fails_leaves_what_is_done(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed(owner, "Zoo")

    def fail() -> None:
        raise UnreachableError

    with monkeypatch.context() as patch:
        after(1, fail, patch)
        with pytest.raises(CommandError, match=r"can't be reached\. 2 passages were embedded") as refusal:
            run()
    assert refusal.value.returncode == 1
    assert left() == 3


@pytest.mark.django_db(transaction=True)
def test_a_passage_that_was_changed_meanwhile_is_embedded_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    document = indexed(User.objects.create_user("owner@example.com"), "Zoo")
    first = VectorChunk.objects.filter(document=document).earliest("pk")

    after(0, lambda: VectorChunk.objects.filter(pk=first.pk).update(title="Aquarium"), monkeypatch)
    # It is passed over first, and seen to in a second round.
    assert run() == "5 passages embedded.\n"
    expected = embed([f"Aquarium\n{first.content}"])[0]
    np.testing.assert_allclose(ChunkVector.objects.get(pk=first.pk).embedding, expected, atol=2e-3)


def test_a_document_that_is_deleted_meanwhile_is_no_error(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    document = indexed(owner, "Zoo")
    after(1, KnowledgeDoc.objects.filter(pk=document.pk).delete, monkeypatch)
    assert run() == "2 passages embedded.\n"


@pytest.fixture
def elsewhere() -> Callable[[Callable[[], object]], None]:
    """Runs something in another thread, and so on another connection, and waits for it."""

    def do(work: Callable[[], object]) -> None:
        def finish() -> None:
            try:
                work()
            finally:
                connection.close()

        thread = threading.Thread(target=finish)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()

    return do


@pytest.mark.django_db(transaction=True)
def test_what_somebody_has_locked_is_left_and_nobody_waits(elsewhere: Callable[[Callable[[], object]], None]) -> None:
    owner = User.objects.create_user("owner@example.com")
    document = indexed(owner, "Zoo")
    held = VectorChunk.objects.filter(document=document).earliest("pk")
    told = []

    def reembed() -> None:
        started = time.monotonic()
        with pytest.raises(CommandError, match="1 passages are left") as refusal:
            run()
        told.append((refusal.value.returncode, time.monotonic() - started < 15))

    with transaction.atomic():
        VectorChunk.objects.select_for_update().get(pk=held.pk)
        elsewhere(reembed)
    assert told == [(1, True)]
    assert left() == 1
    assert run() == "1 passages embedded.\n"


@pytest.mark.django_db(transaction=True)
def test_documents_can_be_changed_and_searched_while_a_batch_is_embedded(
    elsewhere: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch, sign_in: Any
) -> None:
    owner = User.objects.create_user("owner@example.com")
    document = indexed(owner, "Zoo")
    client: APIClient = sign_in(owner)
    answers = []

    def use() -> None:
        answers.append(client.post("/api/v1/knowledge/search", {"query": "elephant"}).status_code)
        answers.append(KnowledgeDoc.objects.filter(pk=document.pk).update(metadata={"read": True}))

    after(1, lambda: elsewhere(use), monkeypatch)
    assert run() == "5 passages embedded.\n"
    assert answers == [200, 1]
