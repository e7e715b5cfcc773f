"""GET /api/v1/knowledge/documents/{id}/chunks."""

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from audit.models import Event
from knowledge.models import ChunkVector, KnowledgeDoc, VectorChunk
from knowledge.tests.api import CONTENT, DOCUMENTS, add, indexed
from tasks.tests.api import assert_foreign_is_missing, errors, everything, refusal


def test_api_documents_chunks_and_embeddings(owner_client: APIClient) -> None:
    key = indexed(owner_client)

    document = owner_client.get(f"{DOCUMENTS}/{key}").json()
    response = owner_client.get(f"{DOCUMENTS}/{key}/chunks")
    embedded = owner_client.get(f"{DOCUMENTS}/{key}/chunks?include=embedding").json()["results"]

    chunks = response.json()["results"]
    assert response["ETag"] == f'"{document["version"]}"'
    assert (document["status"], document["chunk_count"]) == ("completed", len(chunks))
    assert [chunk["ordinal"] for chunk in chunks] == list(range(len(chunks)))
    assert [chunk["heading"] for chunk in chunks] == ["Lease", "Lease > Pets"]
    assert all(CONTENT[chunk["char_start"] : chunk["char_end"]] == chunk["content"] for chunk in chunks)
    assert all(chunk["model"].startswith("sentence-transformers/all-MiniLM-L6-v2@") for chunk in chunks)
    assert {(chunk["document_id"], chunk["page"]) for chunk in chunks} == {(key, None)}
    assert [{k: v for k, v in chunk.items() if k != "embedding"} for chunk in embedded] == chunks
    assert all(sum(x * x for x in chunk["embedding"]) == pytest.approx(1, abs=0.01) for chunk in embedded)
    assert {len(chunk["embedding"]) for chunk in embedded} == {384}
    assert str(VectorChunk.objects.earliest("ordinal")) == f"chunk 0 of {key}"
    assert str(ChunkVector.objects.earliest("pk")).startswith("vector of ")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("query", ["", "?include=embedding"])
def test_api_documents_chunks_in_three_statements_and_on_record(
    count: int, query: str, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = indexed(owner_client, content="\n\n".join(f"# Heading {n}\n\nText {n}." for n in range(count)))

    with django_assert_num_queries(3):  # document, chunks, event
        results = owner_client.get(f"{DOCUMENTS}/{key}/chunks{query}").json()["results"]

    assert len(results) == count
    (event,) = Event.objects.filter(action="document.read", object_id=key)
    assert event.detail == {"chunks": True}


def test_api_documents_chunks_come_in_pages(owner_client: APIClient) -> None:
    key = indexed(owner_client, content="\n\n".join(f"# Heading {n}\n\nText {n}." for n in range(12)))

    for query in ({}, {"include": "embedding"}):
        found = everything(owner_client, f"{DOCUMENTS}/{key}/chunks", limit="5", **query)
        assert [chunk["ordinal"] for chunk in found] == list(range(12))


def test_api_documents_chunks_of_another_document_are_not_among_them(owner_client: APIClient) -> None:
    first, second = (indexed(owner_client, content=content) for content in ("Cats.", "Dogs."))

    for key, content in ((first, "Cats."), (second, "Dogs.")):
        assert [c["content"] for c in everything(owner_client, f"{DOCUMENTS}/{key}/chunks")] == [content]


@pytest.mark.parametrize("query", ["include=everything", "limit=0", "cursor=x", "sort=ordinal", "fields=id"])
def test_api_documents_chunks_malformed_parameter_is_422(query: str, owner_client: APIClient) -> None:
    key = add(owner_client)["id"]

    response = owner_client.get(f"{DOCUMENTS}/{key}/chunks?{query}")

    assert [place for place, _ in errors(response)] == [f"query.{query.split('=')[0]}"]


def test_api_documents_chunks_of_what_lies_in_the_trash_are_404(owner_client: APIClient) -> None:
    key = indexed(owner_client)
    KnowledgeDoc.objects.update(trashed_at=timezone.now())

    assert refusal(owner_client.get(f"{DOCUMENTS}/{key}/chunks")) == (404, "not_found")


def test_api_documents_chunks_peer_gets_the_404_of_a_missing_one(
    owner_client: APIClient, peer_client: APIClient
) -> None:
    key = indexed(owner_client)

    assert_foreign_is_missing(peer_client, "get", f"{DOCUMENTS}/{{}}/chunks?include=embedding", key)  # type: ignore[arg-type]


def test_api_documents_chunks_stranger_gets_401(owner_client: APIClient, stranger_client: APIClient) -> None:
    key = indexed(owner_client)

    assert refusal(stranger_client.get(f"{DOCUMENTS}/{key}/chunks")) == (401, "not_authenticated")
