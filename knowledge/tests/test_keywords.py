"""The statement of a keyword search: what it costs, and what its scores are."""

import math
from typing import Any

import pytest
from django.db import connection

from accounts.identity import acting_for
from accounts.models import User
from knowledge import filters, keywords
from knowledge.models import VectorChunk
from knowledge.tests.words import document_of, passages_of

KEYWORD = (
    f"WITH {filters.EXCLUDED}, {keywords.SCORED}, {keywords.KEYWORD.format(condition=filters.IS_LIVE)} "
    "SELECT chunk_id, score FROM keyword ORDER BY rank"
)


def run(owner: User, text: str, *, prefix: str = "", depth: int = 10) -> list[tuple[Any, ...]]:
    with acting_for(owner.pk), connection.cursor() as cursor:
        cursor.execute(prefix + KEYWORD, {"owner": owner.pk, "text": text, "depth": depth})
        return list(cursor.fetchall())


def test_keyword_search_uses_the_index_behind_row_level_security(owner: User, peer: User) -> None:
    for person in (owner, peer):
        passages_of(document_of(person, "Many"), [f"rent of number{number}" for number in range(400)], language="en")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE knowledge_posting, knowledge_vectorchunk")
    plan = "\n".join(line for (line,) in run(owner, "rent number7", prefix="EXPLAIN "))

    conditions = [line for line in plan.splitlines() if "Index Cond" in line and "lexeme" in line]
    assert len(conditions) == 2, plan
    assert "Seq Scan on knowledge_posting" not in plan
    assert "Seq Scan on knowledge_vectorchunk" not in plan


def test_keyword_search_scores_by_bm25_with_the_owners_own_statistics(owner: User, peer: User) -> None:
    # What somebody else has changes nothing.
    passages_of(document_of(peer, "x"), ["cat"] * 50, language="en", title="")
    contents = ["cat", "cat dog", "dog dog dog bird", "bird"]
    chunks = passages_of(document_of(owner, "x"), contents, language="en", title="")
    lengths = [len(content.split()) for content in contents]

    def part(word: str, number: int) -> float:
        times = contents[number].split().count(word)
        return times / (times + 1.2 * (0.25 + 0.75 * lengths[number] / (sum(lengths) / 4)))

    idf = {word: math.log(1 + (4 - 2 + 0.5) / (2 + 0.5)) for word in ("cat", "dog")}
    expected = {number: sum(idf[word] * part(word, number) for word in idf) / sum(idf.values()) for number in range(3)}
    found = dict(run(owner, "cats and dogs, unheard-of"))
    numbers = dict(VectorChunk.objects.filter(owner=owner).values_list("pk", "ordinal"))
    assert {numbers[pk]: score for pk, score in found.items()} == pytest.approx(expected)
    assert len(chunks) == 4


def test_keyword_search_reads_the_rarest_words_first_and_no_more_than_it_may(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    passages_of(document_of(owner, "x"), ["common rare"] * 2 + ["common"] * 20, language="en", title="")
    limited = KEYWORD.replace(f"<= {keywords.MOST_ENTRIES}", "<= 10")
    assert limited != KEYWORD

    assert len(run(owner, "common rare", depth=50)) == 22
    monkeypatch.setattr("knowledge.tests.test_keywords.KEYWORD", limited)
    assert len(run(owner, "common rare", depth=50)) == 2
    assert len(run(owner, "common", depth=50)) == 22
