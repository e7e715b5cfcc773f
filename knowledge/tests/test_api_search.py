"""POST /api/v1/knowledge/search."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge import indexing
from knowledge.embeddings import ModelMissingError
from knowledge.models import KnowledgeDoc

URL = "/api/v1/knowledge/search"
TEXTS = {
    "Lease": "The rent is due on the first of each month.",
    "Cat": "Feed the cat twice a day and give it fresh water.",
    "Router": "To reset the router hold the button for ten seconds.",
}


@pytest.fixture
def library(owner: User) -> None:
    for title, content in TEXTS.items():
        document = KnowledgeDoc.objects.create(owner=owner, title=title, content=content)
        indexing.index(owner_id=owner.pk, document_id=document.pk)


def search(client: APIClient, query: str, **members: Any) -> list[dict[str, Any]]:
    response = client.post(URL, {"query": query} | members)
    assert response.status_code == 200, response.content
    hits: list[dict[str, Any]] = response.json()["results"]
    return hits


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("When do I have to pay my landlord?", "Lease"),
        ("How do I look after a kitten?", "Cat"),
        ("the internet box does not work", "Router"),
    ],
)
@pytest.mark.usefixtures("library")
def test_api_search_owner_finds_by_meaning(query: str, title: str, owner_client: APIClient) -> None:
    hits = search(owner_client, query)

    assert hits[0]["title"] == title
    assert len(hits) == 3
    best = hits[0]
    assert best["content"] == TEXTS[title] == TEXTS[title][best["char_start"] : best["char_end"]]
    assert best["document_id"] == str(KnowledgeDoc.objects.get(title=title).pk)
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(-1 <= score <= 1.001 for score in scores)


@pytest.mark.usefixtures("library")
def test_api_search_limit_and_threshold(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3):  # how many passages there are, search, record
        assert len(search(owner_client, "rent", max_num_results=2)) == 2
    for mode, threshold in (("hybrid", 0.3), ("semantic", 0.3), ("keyword", 0.3)):
        options = {"mode": mode, "ranking_options": {"score_threshold": threshold}}
        assert [hit["title"] for hit in search(owner_client, "rent", **options)] == ["Lease"]
    assert search(owner_client, "rent", ranking_options={}) == search(owner_client, "rent")
    assert search(owner_client, "rent", ranking_options={"score_threshold": 0.99}) == []


@pytest.mark.usefixtures("library")
def test_api_search_peer_finds_nothing_of_the_owners(peer: User, peer_client: APIClient) -> None:
    assert search(peer_client, TEXTS["Cat"]) == []
    document = KnowledgeDoc.objects.create(owner=peer, title="Dog", content="Walk the dog.")
    indexing.index(owner_id=peer.pk, document_id=document.pk)
    assert [hit["title"] for hit in search(peer_client, TEXTS["Cat"])] == ["Dog"]


@pytest.mark.usefixtures("library")
def test_api_search_is_on_record_without_its_words(owner: User, owner_client: APIClient) -> None:
    seen = sorted({hit["document_id"] for hit in search(owner_client, "my symptoms")})

    event = Event.objects.get(action="search.performed")
    assert (event.actor, event.owner_id, event.detail) == (
        str(owner.pk),
        owner.pk,
        {"hits": 3, "documents": seen, "query": "•••"},
    )
    assert len(event.commitments["query"][1]) == 44
    assert "symptoms" not in str(list(Event.objects.values()))


@pytest.mark.usefixtures("library")
def test_api_search_is_on_record_with_its_words_if_policy_says_so(owner_client: APIClient, settings: Settings) -> None:
    settings.AUDIT_SEARCH_TEXT = "recorded"
    seen = sorted({hit["document_id"] for hit in search(owner_client, "my symptoms")})

    event = Event.objects.get(action="search.performed")
    assert (event.detail, event.commitments) == (
        {"hits": 3, "documents": seen, "query": "my symptoms"},
        {},
    )


@pytest.mark.usefixtures("library")
def test_api_search_is_not_answered_if_it_cannot_be_put_on_record(owner_client: APIClient) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (action !~ 'search') NOT VALID")

    with pytest.raises(DatabaseError, match="full_disk"):
        owner_client.post(URL, {"query": "rent"})


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "body.query"),
        ({"query": "  "}, "body.query"),
        ({"query": "x" * 2001}, "body.query"),
        ({"query": "x", "max_num_results": 0}, "body.max_num_results"),
        ({"query": "x", "max_num_results": 101}, "body.max_num_results"),
        ({"query": "x", "ranking_options": {"score_threshold": 1.1}}, "body.ranking_options.score_threshold"),
        ({"query": "x", "mode": "fuzzy"}, "body.mode"),
        ({"query": "x", "context": 4}, "body.context"),
        ({"query": "x", "group_by": "tag"}, "body.group_by"),
        ({"query": "x", "filters": {"tag": "a"}}, "body.filters.tag"),
        ({"query": "x", "filters": {"tags": "a"}}, "body.filters.tags"),
        ({"query": "x", "filters": {"tags": [1]}}, "body.filters.tags.0"),
        ({"query": "x", "filters": {"tags": []}}, "body.filters.tags"),
        ({"query": "x", "filters": {"document_ids": ["1"]}}, "body.filters.document_ids.0"),
        ({"query": "x", "filters": {"metadata": [1]}}, "body.filters.metadata"),
        ({"query": "x", "filters": {"language": "tlh"}}, "body.filters.language"),
        ({"query": "x", "filters": {"created_after": "yesterday"}}, "body.filters.created_after"),
    ],
)
def test_api_search_invalid_is_422(body: dict[str, Any], location: str, owner_client: APIClient) -> None:
    response = owner_client.post(URL, body)

    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [location]


def test_api_search_stranger_gets_401(stranger_client: APIClient) -> None:
    assert stranger_client.post(URL, {"query": "x"}).status_code == 401


@pytest.fixture
def _without_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be embedded any more."""

    def fail(texts: list[str]) -> None:
        raise ModelMissingError("the weights")

    monkeypatch.setattr("knowledge.search.embed_queries", fail)


@pytest.mark.usefixtures("library", "_without_model")
def test_api_search_by_meaning_without_its_model_is_a_503_that_says_so(owner_client: APIClient) -> None:
    response = owner_client.post(URL, {"query": "rent", "mode": "semantic"})

    assert (response.status_code, response.json()["code"]) == (503, "embedding_unavailable")
    assert not Event.objects.filter(action="search.performed").exists()


@pytest.mark.usefixtures("library", "_without_model")
def test_api_search_without_its_model_finds_by_words_and_says_so(owner_client: APIClient) -> None:
    answer = owner_client.post(URL, {"query": "resetting routers"}).json()

    assert [hit["title"] for hit in answer["results"]] == ["Router"]
    assert (answer["mode"], answer["degraded"]) == ("keyword", True)
    assert answer["results"][0]["scores"]["semantic"] is None
    asked = owner_client.post(URL, {"query": "resetting routers", "mode": "keyword"}).json()
    assert (asked["mode"], asked["degraded"]) == ("keyword", False)
    assert asked["results"] == answer["results"]
