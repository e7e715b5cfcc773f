"""POST /api/v1/knowledge/search: by meaning, by words, by both; what a hit says; several searches at once."""

from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge import vectors
from knowledge.embeddings import embed
from knowledge.models import ChunkVector, KnowledgeDoc
from knowledge.store import Passage, add_passages

URL = "/api/v1/knowledge/search"
PAPERS = {
    "Lease": ["The rent is due on the first.", "Renting a flat costs more each year.", "Pets are allowed."],
    "Cats": ["A cat sleeps all day.", "Cats like fish; a cat can't swim."],
    "Boats": ["A boat swims.", "Sailing needs wind."],
}


def store(owner: User, title: str, contents: list[str], **columns: Any) -> KnowledgeDoc:
    """An indexed document, of a line for each passage."""
    document = KnowledgeDoc.objects.create(
        owner=owner, title=title, content="\n".join(contents), status="completed", **columns
    )
    start = 0
    passages = []
    for ordinal, content in enumerate(contents):
        passages.append(Passage(ordinal, content, start, start + len(content), "Top > Sub", ordinal + 1, 8))
        start += len(content) + 1
    add_passages(document, passages, embed(contents), model="test")
    return document


@pytest.fixture
def library(owner: User, peer: User) -> dict[str, KnowledgeDoc]:
    store(peer, "Not theirs", ["The cat of the peer pays the rent."])
    return {title: store(owner, title, contents) for title, contents in PAPERS.items()}


def ask(client: APIClient, query: str, **members: Any) -> dict[str, Any]:
    response = client.post(URL, {"query": query} | members)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def hits(client: APIClient, query: str, **members: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(client, query, **members)["results"]
    return found


@pytest.mark.usefixtures("library")
def test_api_search_by_words_finds_any_of_them_in_any_form(owner_client: APIClient) -> None:
    found = hits(owner_client, "rented cats", mode="keyword")

    assert {hit["title"] for hit in found} == {"Lease", "Cats"}
    # The title is among the words.
    assert len([hit for hit in found if hit["title"] == "Cats"]) == 2
    assert found[0]["content"] == "Cats like fish; a cat can't swim."
    assert [hit["ranks"] for hit in found] == [{"semantic": None, "keyword": n} for n in range(1, len(found) + 1)]
    assert all(0 < hit["score"] == hit["scores"]["keyword"] < 1 for hit in found)


@pytest.mark.usefixtures("library")
def test_api_search_by_words_ranks_rare_words_higher(owner: User, owner_client: APIClient) -> None:
    store(owner, "Many", [f"The weather report number {number} speaks of wind." for number in range(20)])

    assert hits(owner_client, "wind fish", mode="keyword")[0]["content"].startswith("Cats like fish")


@pytest.mark.usefixtures("library")
def test_api_search_hybrid_has_both_scores_of_every_hit(owner_client: APIClient) -> None:
    answer = ask(owner_client, "cat")
    by_meaning = {hit["chunk_id"]: hit for hit in hits(owner_client, "cat", mode="semantic")}
    by_words = {hit["chunk_id"]: hit for hit in hits(owner_client, "cat", mode="keyword")}

    assert (answer["mode"], answer["degraded"]) == ("hybrid", False)
    assert len(answer["results"]) == len(by_meaning) == 7 > len(by_words) == 2
    for hit in answer["results"]:
        words = by_words.get(hit["chunk_id"])
        assert hit["scores"]["semantic"] == pytest.approx(by_meaning[hit["chunk_id"]]["score"])
        assert hit["scores"]["keyword"] == pytest.approx(words["score"] if words else 0)
        assert hit["score"] == pytest.approx((hit["scores"]["semantic"] + hit["scores"]["keyword"]) / 2)
        assert hit["ranks"] == {
            "semantic": by_meaning[hit["chunk_id"]]["ranks"]["semantic"],
            "keyword": words["ranks"]["keyword"] if words else None,
        }
    scores = [hit["score"] for hit in answer["results"]]
    assert scores == sorted(scores, reverse=True)


def test_api_search_hybrid_scores_what_only_the_words_found(owner: User, owner_client: APIClient) -> None:
    store(owner, "Crowd", [f"A cat and a kitten, number {number}." for number in range(110)])
    store(owner, "Odd", ["Annual accounts of the power plant, sheet 4711."])
    query = "a cat and a kitten 4711"

    _, odd = hits(owner_client, query, group_by="document", max_num_results=2)
    vectors = embed([query, odd["content"]])
    assert odd["ranks"]["semantic"] is None
    assert odd["scores"]["semantic"] == pytest.approx(float(np.dot(*vectors)), abs=0.002)


def test_api_search_highlights_words_at_exact_places(owner: User, owner_client: APIClient) -> None:
    texts = [
        "Intro 😀 & <b>Cats</b> &amp; dogs; the cat-like CATS!",
        "See https://cats.example.com/cat?x=1 — naïve cats, e.g. cat's.",
    ]
    document = store(owner, "Pets", texts)

    found = hits(owner_client, "a cat", mode="keyword")
    assert len(found) == 2
    for hit in found:
        words = [document.content[span["char_start"] : span["char_end"]] for span in hit["highlights"]]
        assert document.content[hit["char_start"] : hit["char_end"]] == hit["content"]
        assert words
        assert all(word.lower().startswith("cat") for word in words), words
    first = next(hit for hit in found if hit["content"] == texts[0])
    assert next(document.content[span["char_start"] : span["char_end"]] for span in first["highlights"]) == "Cats"


@pytest.mark.usefixtures("library")
def test_api_search_gives_neighbours_if_asked(owner_client: APIClient) -> None:
    (hit,) = hits(owner_client, "flat", mode="keyword", context=1)

    assert [passage["content"] for passage in hit["context"]["before"]] == PAPERS["Lease"][:1]
    assert [passage["content"] for passage in hit["context"]["after"]] == PAPERS["Lease"][2:]
    assert hit["context"]["after"][0].keys() == {"chunk_id", "content", "char_start", "char_end", "heading", "page"}
    assert (hit["heading"], hit["page"]) == ("Top > Sub", 2)
    (hit,) = hits(owner_client, "flat", mode="keyword")
    assert hit["context"] == {"before": [], "after": []}
    (last,) = hits(owner_client, "pets", mode="keyword", context=3)
    assert [passage["content"] for passage in last["context"]["before"]] == PAPERS["Lease"][:2]


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_api_search_grouped_gives_the_best_of_each_document(mode: str, owner: User, owner_client: APIClient) -> None:
    store(owner, "Crowd", [f"A cat and a cat, number {number}." for number in range(150)])
    store(owner, "Other", ["A cat, too, is in this much longer text about boats and ships and the sea."])
    store(owner, "Third", ["My cat."])

    found = hits(owner_client, "cat", mode=mode, group_by="document", max_num_results=3)
    assert sorted(hit["title"] for hit in found) == ["Crowd", "Other", "Third"]
    best = hits(owner_client, "cat", mode=mode, max_num_results=1)
    assert (found[0]["chunk_id"], found[0]["score"]) == (best[0]["chunk_id"], best[0]["score"])
    assert len(hits(owner_client, "cat", mode=mode, group_by=None, max_num_results=3)) == 3


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_api_search_passes_over_the_trash(mode: str, library: dict[str, KnowledgeDoc], owner_client: APIClient) -> None:
    for number in range(3):
        for filters in ({}, {"language": "en"}):
            found = {hit["title"] for hit in hits(owner_client, "cat rent boat", mode=mode, filters=filters)}
            assert ("Lease" in found) == (number != 1)
        KnowledgeDoc.objects.filter(pk=library["Lease"].pk).update(trashed_at=None if number else timezone.now())


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_api_search_trash_and_filters_shorten_no_answer(mode: str, owner: User, owner_client: APIClient) -> None:
    trashed = store(owner, "Trash", ["The cat is here."] * 450, trashed_at=timezone.now())
    other = store(owner, "Other", ["The cat is here, too."] * 450, tags=["other"])
    wanted = store(owner, "Wanted", ["One cat among many things, boats, trains and words."] * 5, tags=["this"])

    found = hits(owner_client, "cat is here", mode=mode, filters={"tags": ["this"]}, max_num_results=50)
    assert {hit["document_id"] for hit in found} == {str(wanted.pk)}
    assert len(found) == 5
    found = hits(owner_client, "cat is here", mode=mode, max_num_results=50)
    assert {hit["document_id"] for hit in found} == {str(other.pk)}
    assert len(found) == 50
    assert str(trashed.pk) not in str(found)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("grouped", [{}, {"group_by": "document"}])
@pytest.mark.parametrize("mode", ["hybrid", "semantic"])
def test_api_search_of_who_has_very_much_finds_the_same_by_the_index(
    mode: str, grouped: dict[str, str], owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = hits(owner_client, "pets", mode=mode, **grouped)
    ChunkVector.objects.update(hot=True)
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 0)

    assert hits(owner_client, "pets", mode=mode, **grouped) == right
    assert len(right) == (3 if grouped else 7)


def test_api_search_each_document_in_its_language(owner: User, owner_client: APIClient) -> None:
    store(owner, "Häuser", ["Die Häuser am See."], language="de")
    store(owner, "Houses", ["Houses by the lake."], language="en")
    store(owner, "Wörter", ["Häuser und Houses."], language="und")

    assert {hit["title"] for hit in hits(owner_client, "Haus", mode="keyword")} == {"Häuser"}
    assert {hit["title"] for hit in hits(owner_client, "housing", mode="keyword")} == {"Houses"}
    assert {hit["title"] for hit in hits(owner_client, "häuser", mode="keyword")} == {"Häuser", "Wörter"}
    # A stop word of one language is a word of another.
    assert {hit["title"] for hit in hits(owner_client, "und", mode="keyword")} == {"Wörter"}


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
@pytest.mark.parametrize(
    "query",
    [
        "the and of",
        "猫はどこですか",
        "'; DROP TABLE x --",
        "a:* & !b | <-> \\",
        "%s %(owner)s",
        "x " * 999,
        "!?",
        "'''\\",
    ],
)
@pytest.mark.usefixtures("library")
def test_api_search_has_an_answer_to_whatever_is_asked(query: str, mode: str, owner_client: APIClient) -> None:
    found = hits(owner_client, query, mode=mode)

    assert len(found) == (0 if mode == "keyword" else 7)


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_api_search_of_nothing_finds_nothing(mode: str, owner_client: APIClient) -> None:
    assert hits(owner_client, "cat", mode=mode) == []


@pytest.mark.usefixtures("library")
def test_api_search_batch_answers_in_order_and_is_on_record_one_by_one(owner_client: APIClient) -> None:
    searches = [
        {"query": "cat", "mode": "keyword"},
        {"query": "rent", "max_num_results": 1},
        {"query": "nothing of the kind", "mode": "keyword"},
        {"query": "cat", "mode": "semantic", "group_by": "document"},
    ]
    response = owner_client.post(f"{URL}/batch", {"searches": searches})

    assert response.status_code == 200, response.content
    assert response.json()["results"] == [ask(owner_client, **search) for search in searches]  # type: ignore[arg-type]
    assert Event.objects.filter(action="search.performed").count() == 8


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "body.searches"),
        ({"searches": []}, "body.searches"),
        ({"searches": [{"query": "x"}] * 11}, "body.searches"),
        ({"searches": [{"query": "x"}, {"query": ""}]}, "body.searches.1.query"),
        ({"searches": [{"query": "x", "limit": 1}]}, "body.searches.0.limit"),
    ],
)
def test_api_search_batch_invalid_is_422(body: dict[str, Any], location: str, owner_client: APIClient) -> None:
    response = owner_client.post(f"{URL}/batch", body)

    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [location]


def test_api_search_batch_stranger_gets_401(stranger_client: APIClient) -> None:
    assert stranger_client.post(f"{URL}/batch", {"searches": [{"query": "x"}]}).status_code == 401
