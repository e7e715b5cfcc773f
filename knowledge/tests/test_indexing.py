"""From a document to its passages: the old form or the new one, and never a part of either."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from accounts.identity import acting_for
from accounts.models import User
from knowledge import indexing
from knowledge.chunking import MAX_TOKENS
from knowledge.embeddings import DIMENSIONS, embed
from knowledge.embeddings.passages import TITLE_TOKENS
from knowledge.extraction.text import Extracted
from knowledge.minilm.tokenizer import count
from knowledge.models import ChunkVector, IndexingRun, KnowledgeDoc, VectorChunk
from knowledge.store import BATCH, Passage, add_passages, vector_texts

LONG = "\n\n".join(f"On day {day} the warehouse counted {day * 7} crates, and nobody complained." for day in range(700))


@pytest.fixture
def document(owner: User) -> KnowledgeDoc:
    """Waits for the index."""
    return KnowledgeDoc.objects.create(owner=owner, title="Warehouse", content=LONG)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the model was given, in the place of its work."""
    texts: list[str] = []

    def remember(step: Sequence[str]) -> Any:
        texts.extend(step)
        return np.full((len(step), DIMENSIONS), DIMENSIONS**-0.5, np.float32)

    monkeypatch.setattr(indexing, "embed", remember)
    return texts


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[int], object]) -> None:
    """Something happens before each step of the model. It gets the number of passages that are done."""
    done = 0

    def step(texts: Sequence[str]) -> Any:
        nonlocal done
        happens(done)
        done += len(texts)
        return np.full((len(texts), DIMENSIONS), DIMENSIONS**-0.5, np.float32)

    monkeypatch.setattr(indexing, "embed", step)


def run(document: KnowledgeDoc) -> bool:
    done = indexing.index(owner_id=document.owner_id, document_id=document.pk)
    document.refresh_from_db()
    return done


def test_passages_carry_their_documents_title_and_language(document: KnowledgeDoc, seen: list[str]) -> None:
    KnowledgeDoc.objects.update(language="de")

    assert run(document)

    chunks = document.chunks.order_by("ordinal")
    assert len(chunks) == document.chunk_count > indexing.STEP
    assert {(chunk.title, chunk.language, chunk.page) for chunk in chunks} == {("Warehouse", "de", None)}
    assert seen == [f"Warehouse\n{chunk.content}" for chunk in chunks]
    assert all(chunk.content == LONG[chunk.char_start : chunk.char_end] for chunk in chunks)
    assert ChunkVector.objects.filter(document=document, hot=False).count() == len(chunks)


def test_what_is_embedded_fits_the_model_whatever_the_title(document: KnowledgeDoc, seen: list[str]) -> None:
    KnowledgeDoc.objects.update(title="7" + " 7." * 80, chunk_overlap=120)

    assert run(document)

    read = max(count(text) for text in seen)
    assert read <= MAX_TOKENS
    assert count(seen[0].partition("\n")[0]) == TITLE_TOKENS


def test_passages_are_as_long_as_the_document_says(document: KnowledgeDoc, seen: list[str]) -> None:
    KnowledgeDoc.objects.update(chunk_tokens=40, chunk_overlap=0)

    assert run(document)

    spans = list(document.chunks.order_by("ordinal").values_list("char_start", "char_end", "token_count"))
    assert max(tokens for *_, tokens in spans) <= 40
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_passages_know_the_page_that_they_begin_on(owner: User, seen: list[str]) -> None:
    content = "\n\n".join(f"# Page {number}\n\nSome words." for number in range(1, 4))
    starts = [content.index(f"# Page {number}") for number in range(1, 4)]
    document = KnowledgeDoc.objects.create(owner=owner, title="Book", content=content, page_starts=starts)

    assert run(document)

    assert list(document.chunks.order_by("ordinal").values_list("page", flat=True)) == [1, 2, 3]


def test_progress_can_be_seen_while_it_lasts(document: KnowledgeDoc, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    meanwhile(
        monkeypatch, lambda done: told.append(IndexingRun.objects.values_list("chunks_done", "chunks_total").get())
    )

    assert run(document)

    total = document.chunk_count
    assert told == [(done, total) for done in range(0, total, indexing.STEP)]
    assert not IndexingRun.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 2, "content": "Other words."},
        {"trashed_at": "2026-01-01T00:00:00Z", "status": "cancelled"},
        {"status": "failed"},
    ],
)
@pytest.mark.parametrize("when", [0, indexing.STEP])
def test_what_changes_meanwhile_keeps_its_old_passages(
    change: dict[str, Any], when: int, document: KnowledgeDoc, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(document)
    old = set(document.chunks.values_list("pk", flat=True))
    KnowledgeDoc.objects.update(status="in_progress", content=f"New. {LONG}")
    meanwhile(monkeypatch, lambda done: done == when and KnowledgeDoc.objects.update(**change))

    assert not run(document)

    assert set(document.chunks.values_list("pk", flat=True)) == old
    assert document.status == change.get("status", "in_progress")


def test_a_document_that_is_deleted_meanwhile_leaves_nothing(
    document: KnowledgeDoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda done: KnowledgeDoc.objects.all().delete())

    assert not indexing.index(owner_id=document.owner_id, document_id=document.pk)

    assert not (VectorChunk.objects.exists() or ChunkVector.objects.exists() or IndexingRun.objects.exists())


def test_a_swap_that_fails_leaves_the_old_form(
    document: KnowledgeDoc, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError

    assert run(document)
    old = set(document.chunks.values_list("pk", flat=True))
    KnowledgeDoc.objects.update(status="in_progress", content="New words.")
    monkeypatch.setattr("knowledge.store.add_passages", fail)

    with pytest.raises(ZeroDivisionError):
        run(document)

    document.refresh_from_db()
    assert set(document.chunks.values_list("pk", flat=True)) == old
    assert (document.status, document.chunk_count) == ("in_progress", len(old))


def test_an_owners_own_passages_stay_and_get_the_new_title(document: KnowledgeDoc, seen: list[str]) -> None:
    passage = Passage(0, LONG[:9], 0, 9, "", None, 3)
    with acting_for(document.owner_id):
        add_passages(document, [passage], embed(["On day 0"]), model="client")
    KnowledgeDoc.objects.update(own_chunks=True, chunk_count=1, title="Depot", language="fr")

    assert run(document)

    assert seen == []
    assert list(document.chunks.values_list("title", "language", "model")) == [("Depot", "fr", "client")]
    assert (document.status, document.chunk_count) == ("completed", 1)


def test_white_space_has_no_passages(owner: User) -> None:
    document = KnowledgeDoc.objects.create(owner=owner, title="Blank", content=" \n\t\n ")

    assert run(document)

    assert (document.status, document.chunk_count) == ("completed", 0)


def test_a_job_for_nobodys_document_does_nothing(document: KnowledgeDoc, peer: User) -> None:
    assert not indexing.index(owner_id=peer.pk, document_id=document.pk)

    document.refresh_from_db()
    assert document.status == "in_progress"


def test_vectors_are_stored_as_half_precision_numbers(document: KnowledgeDoc) -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(BATCH + 2, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    passages = [Passage(number, "x", 0, 1, "", None, 1) for number in range(len(vectors))]

    add_passages(document, passages, vectors, model="client")

    rows = ChunkVector.objects.order_by("chunk__ordinal").values_list("embedding", flat=True)
    stored = np.array(list(rows), np.float16)
    assert np.array_equal(stored, vectors.astype(np.float16))
    assert vector_texts(np.array([[1.0, -0.5, 0.0]], np.float32)) == ["[1.0,-0.5,0.0]"]


def filed(owner: User, **columns: Any) -> KnowledgeDoc:
    """A document whose file nobody has read yet."""
    file = {"file_key": f"{owner.pk}/x", "file_name": "x.pdf", "file_type": "application/pdf", "file_size": 1}
    return KnowledgeDoc.objects.create(owner=owner, title="Book", file_hash="0" * 64, **file, **columns)


def test_a_file_is_read_once(owner: User, seen: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    document = filed(owner)
    texts = [Extracted("One page.\n\nTwo pages.", [0, 11])]
    monkeypatch.setattr(indexing, "extract_text", lambda document: texts.pop())

    assert run(document)

    assert (document.content, document.page_starts, document.status) == (
        "One page.\n\nTwo pages.",
        [0, 11],
        "completed",
    )
    assert document.revision == 1
    KnowledgeDoc.objects.update(title="Booklet")
    assert run(document)
    assert seen[-1].startswith("Booklet\nOne page.")


def test_a_file_that_is_replaced_while_it_is_read_is_left_to_the_next_job(
    owner: User, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = filed(owner)

    def read(document: KnowledgeDoc) -> Extracted:
        KnowledgeDoc.objects.update(revision=2)
        return Extracted("The old file.")

    monkeypatch.setattr(indexing, "extract_text", read)

    assert not run(document)

    assert (document.content, document.status, seen) == ("", "in_progress", [])
