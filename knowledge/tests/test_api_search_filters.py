"""POST /api/v1/knowledge/search: among which documents."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from knowledge.models import KnowledgeDoc
from knowledge.tests.test_api_search_modes import hits, store

DAY = {number: f"2026-01-0{number}T00:00:00Z" for number in range(1, 5)}


@pytest.fixture
def library(owner: User, peer: User) -> dict[str, KnowledgeDoc]:
    documents = {
        "a": store(owner, "a", ["A cat."], tags=["pets", "home"], metadata={"year": 2024, "by": {"name": "Ada"}}),
        "b": store(owner, "b", ["Another cat."], tags=["pets"], metadata={"year": 1.50}, source_uri="file:///b"),
        "c": store(owner, "c", ["Le chat."], language="fr", metadata={"year": 2024, "list": ["x", "y"]}),
        "d": store(owner, "d", ["Cat of the past."]),
    }
    store(peer, "peer", ["A cat."], tags=["pets", "home"], metadata={"year": 2024})
    for number, document in enumerate(documents.values(), 1):
        KnowledgeDoc.objects.filter(pk=document.pk).update(created_at=DAY[number])
    return documents


@pytest.mark.parametrize("mode", ["hybrid", "semantic"])
@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({}, "abcd"),
        ({"tags": ["pets"]}, "ab"),
        ({"tags": ["home", "pets"]}, "a"),
        ({"tags": ["none"]}, ""),
        ({"metadata": {"year": 2024}}, "ac"),
        ({"metadata": {"year": 1.5}}, "b"),
        ({"metadata": {"by": {"name": "Ada"}}}, "a"),
        ({"metadata": {"list": ["y"]}}, "c"),
        ({"metadata": {}}, "abcd"),
        ({"language": "fr"}, "c"),
        ({"source_uri": "file:///b"}, "b"),
        ({"created_after": DAY[1], "created_before": DAY[4]}, "bc"),
        ({"updated_before": DAY[1]}, ""),
        ({"updated_after": DAY[1]}, "abcd"),
        ({"tags": ["pets"], "metadata": {"year": 2024}}, "a"),
    ],
)
@pytest.mark.usefixtures("library")
def test_api_search_filters(filters: dict[str, Any], titles: str, mode: str, owner_client: APIClient) -> None:
    found = hits(owner_client, "cat", mode=mode, filters=filters)

    assert sorted(hit["title"] for hit in found) == list(titles)


def test_api_search_by_words_among_documents(library: dict[str, KnowledgeDoc], owner_client: APIClient) -> None:
    ids = [str(library["a"].pk), str(library["c"].pk), str(uuid4())]

    assert [hit["title"] for hit in hits(owner_client, "cat", mode="keyword", filters={"document_ids": ids})] == ["a"]


def test_api_search_peer_names_the_owners_document_and_finds_nothing(
    library: dict[str, KnowledgeDoc], peer_client: APIClient
) -> None:
    for mode in ("hybrid", "semantic", "keyword"):
        found = hits(peer_client, "cat", mode=mode, filters={"document_ids": [str(library["a"].pk)]})
        assert found == []
