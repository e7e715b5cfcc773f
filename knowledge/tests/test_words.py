"""The keyword index follows the passages, whichever way they are written."""

import threading
from collections.abc import Sequence

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.identity import acting_for
from accounts.models import User
from knowledge.models import Corpus, KnowledgeDoc, Posting, VectorChunk
from knowledge.tests.words import assert_index_is_right, document_of, passages_of, rows

WORDS = ("rent", "renting", "cat", "cats", "the", "Haus", "Häuser", "well-known", "https://example.com/a", "")
CONTENTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
LANGUAGES = st.sampled_from(["en", "de", "und"])
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 2), st.lists(CONTENTS, max_size=4), LANGUAGES),
        st.tuples(st.just("rewrite"), st.integers(0, 2), CONTENTS, LANGUAGES),
        st.tuples(st.just("append"), st.integers(0, 2), CONTENTS),
        st.tuples(st.just("touch"), st.integers(0, 2)),
        st.tuples(st.just("drop"), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.just("delete"), st.integers(0, 2)),
    ),
    max_size=12,
)


class Library:
    """Three documents of two people, to which something happens."""

    def __init__(self, owner: User, peer: User) -> None:
        self.people = (owner, owner, peer)
        self.documents = [document_of(person, f"Paper {number}") for number, person in enumerate(self.people)]
        self.ordinal = 0

    def add(self, which: int, contents: list[str], language: str) -> None:
        passages_of(self.documents[which], contents, start=self.ordinal, language=language, heading="Above")
        self.ordinal += len(contents)

    def rewrite(self, which: int, content: str, language: str) -> None:
        self._chunks(which).update(content=content, language=language)

    def append(self, which: int, content: str) -> None:
        self._chunks(which).update(content=Concat(F("content"), Value(" "), Value(content)))

    def touch(self, which: int) -> None:
        self._chunks(which).update(token_count=2)

    def drop(self, which: int, remainder: int) -> None:
        self._chunks(which).filter(number__in=[n for n in self._numbers() if n % 4 == remainder]).delete()

    def delete(self, which: int) -> None:
        """The passages go by the cascade."""
        self.documents[which].delete()
        self.documents[which] = document_of(self.people[which], f"Paper {which}")

    def _chunks(self, which: int) -> QuerySet[VectorChunk]:
        return VectorChunk.objects.filter(document=self.documents[which])

    def _numbers(self) -> Sequence[int]:
        return list(VectorChunk.objects.values_list("number", flat=True))


@given(actions=ACTIONS)
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_index_is_as_if_built_from_scratch_whatever_happens(
    actions: list[tuple[object, ...]], owner: User, peer: User
) -> None:
    with transaction.atomic():
        library = Library(owner, peer)
        for name, *arguments in actions:
            getattr(library, str(name))(*arguments)
            assert_index_is_right()
        transaction.set_rollback(True)


def test_index_of_more_than_a_block(owner: User) -> None:
    document = document_of(owner, "Many")
    passages_of(document, ["rent due"] * 100)
    passages_of(document, ["rent paid"] * 300, start=100)
    assert_index_is_right()
    assert sorted(len(posting.entries) for posting in Posting.objects.filter(lexeme="rent")) == [16, 128, 128, 128]

    numbers = VectorChunk.objects.order_by("number").values_list("number", flat=True)
    VectorChunk.objects.filter(number__in=list(numbers[5:300:2])).delete()
    assert_index_is_right()
    VectorChunk.objects.filter(number__lt=numbers[100]).update(content="rent and rent and rent")
    assert_index_is_right()
    document.delete()
    assert not Posting.objects.exists()
    assert not Corpus.objects.exists()


def test_index_counts_up_to_what_an_entry_holds(owner: User) -> None:
    passages_of(document_of(owner, "Long"), ["cat " * 300 + "dog " * 70_000], language="und")

    (cat,), (dog,) = (Posting.objects.get(lexeme=lexeme).entries for lexeme in ("cat", "dog"))
    assert (cat & 255, dog & 255) == (255, 255)
    assert cat >> 8 == dog >> 8


def test_index_takes_what_a_tsvector_does_not_hold(owner: User) -> None:
    passages_of(document_of(owner, "Longer"), [" ".join(f"w{number}" for number in range(300_000)), "x" * 3000])

    assert Posting.objects.filter(lexeme="w1").count() == 1
    assert Corpus.objects.get().chunk_count == 2


def test_index_is_written_by_nobody_but_the_triggers(owner: User, peer: User) -> None:
    passages_of(document_of(owner, "Mine"), ["rent"])
    with acting_for(owner.pk):
        assert Posting.objects.count() == Posting.objects.filter(owner=owner).count() > 0
        for write in (
            lambda: Posting.objects.update(last=0),
            lambda: Corpus.objects.update(chunk_count=0),
            lambda: Posting.objects.filter(lexeme="rent").delete(),
        ):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                write()
        passages_of(KnowledgeDoc.objects.get(), ["cat"], start=1)
    with acting_for(peer.pk):
        assert not Posting.objects.exists()
        assert not Corpus.objects.exists()
    assert_index_is_right()


def test_index_of_a_deleted_account_is_gone(owner: User, peer: User) -> None:
    passages_of(document_of(owner, "Mine"), ["rent"])
    passages_of(document_of(peer, "Theirs"), ["rent"])
    owner.delete()
    assert {owner_id for (owner_id,) in rows("SELECT DISTINCT owner_id FROM knowledge_posting")} == {peer.pk}
    assert_index_is_right()


@pytest.mark.django_db(transaction=True)
def test_index_is_right_after_writes_at_the_same_time(owner: User) -> None:
    documents = [document_of(owner, f"Paper {number}") for number in range(4)]
    begin = threading.Barrier(len(documents))

    def work(document: KnowledgeDoc) -> None:
        try:
            begin.wait()
            for turn in range(6):
                with transaction.atomic():
                    passages_of(document, [f"rent {turn}", f"rent {document.title}"], start=2 * turn)
                if turn % 2:
                    VectorChunk.objects.filter(document=document, ordinal=turn).delete()
                else:
                    VectorChunk.objects.filter(document=document, ordinal=turn).update(content="cats")
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(document,)) for document in documents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert VectorChunk.objects.count() == 4 * (12 - 3)
    assert_index_is_right()
