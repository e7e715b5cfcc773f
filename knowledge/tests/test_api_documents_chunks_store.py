"""PUT and POST /api/v1/knowledge/documents/{id}/chunks: a client's own passages."""

import json
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.embeddings import DIMENSIONS
from knowledge.minilm.tokenizer import count
from knowledge.models import ChunkVector, IndexingRun, KnowledgeDoc, VectorChunk
from knowledge.tests.api import CONTENT, DOCUMENTS, add, indexed, jobs, make, passage, run_jobs, vector
from tasks.tests.api import assert_foreign_is_missing, errors, everything, refusal

VERBS = ["put", "post"]


@pytest.fixture
def document(owner: User) -> KnowledgeDoc:
    """One of the owner's, whose passages are the owner's, too, though there are none yet."""
    return make(owner, content=CONTENT, own_chunks=True)


def address(document: KnowledgeDoc | str) -> str:
    key = document if isinstance(document, str) else document.pk
    return f"{DOCUMENTS}/{key}/chunks"


def send(client: APIClient, verb: str, document: KnowledgeDoc | str, *chunks: Any, **options: Any) -> Any:
    headers = options.pop("headers", {})
    return getattr(client, verb)(address(document), {"chunks": chunks, **options}, headers=headers)


def ordinals(client: APIClient, document: KnowledgeDoc | str) -> list[int]:
    return [chunk["ordinal"] for chunk in everything(client, address(document))]


@pytest.mark.parametrize("number", [1, 3])
def test_api_documents_chunks_store_replaces_all_and_completes_the_document(
    number: int, owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = indexed(owner_client)
    KnowledgeDoc.objects.update(status="failed", last_error={"code": "x", "message": "x"})
    IndexingRun.objects.create(document_id=key, owner=owner, chunks_done=1, chunks_total=2)
    given = [passage(n, n + 7, n, heading=f"H{n}", page=n + 1) for n in range(number)]

    with django_assert_num_queries(7):  # savepoint, document, run, old chunks, new ones, document, release
        response = send(owner_client, "put", key, *given)

    body = response.json()
    assert (response.status_code, response["ETag"]) == (200, f'"{body["version"]}"')
    assert (body["status"], body["last_error"], body["chunk_count"]) == ("completed", None, number)
    assert (body["chunking"]["by"], jobs(), IndexingRun.objects.exists()) == ("client", [], False)
    chunks = everything(owner_client, address(key), include="embedding")
    for n, chunk in enumerate(chunks):
        embedding = chunk.pop("embedding")
        unit = np.array(given[n]["embedding"]) / np.linalg.norm(given[n]["embedding"])
        assert np.allclose(embedding, unit, atol=1e-4)
        assert chunk | {"id": ""} == {
            "id": "",
            "document_id": key,
            "ordinal": n,
            "content": CONTENT[n : n + 7],
            "char_start": n,
            "char_end": n + 7,
            "heading": f"H{n}",
            "page": n + 1,
            "token_count": count(CONTENT[n : n + 7]),
            "model": "client",
        }
    stored = VectorChunk.objects.earliest("ordinal")
    assert (stored.title, stored.language, ChunkVector.objects.count()) == ("Lease", "en", number)


def test_api_documents_chunks_store_keeps_the_name_of_the_model(
    document: KnowledgeDoc, owner_client: APIClient
) -> None:
    send(owner_client, "put", document, passage(0, 5), model="mine@1")
    send(owner_client, "post", document, passage(5, 9))

    assert [chunk["model"] for chunk in everything(owner_client, address(document))] == ["mine@1", "client"]


def test_api_documents_chunks_add_continues_behind_those_there_are(
    document: KnowledgeDoc, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    send(owner_client, "put", document, passage(0, 5), passage(5, 9))

    with django_assert_num_queries(5):  # savepoint, document, chunks, document, release
        response = send(owner_client, "post", document, passage(9, 20, 2, content=CONTENT[9:20]))

    assert (response.status_code, response.json()["chunk_count"], response["ETag"]) == (200, 3, '"3"')
    assert ordinals(owner_client, document) == [0, 1, 2]


def test_api_documents_chunks_add_to_the_servers_is_409(owner_client: APIClient) -> None:
    key = indexed(owner_client)

    assert refusal(send(owner_client, "post", key, passage(0, 5))) == (409, "chunks_of_server")


def test_api_documents_chunks_add_is_retry_safe(document: KnowledgeDoc, owner_client: APIClient) -> None:
    first, again = (
        send(owner_client, "post", document, passage(0, 5), headers={"Idempotency-Key": "a"}) for _ in range(2)
    )

    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    assert ordinals(owner_client, document) == [0]


def test_api_documents_chunks_a_thousand_at_once(
    document: KnowledgeDoc, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    many = [passage(n % 50, n % 50 + 10, n) for n in range(1_000)]

    with django_assert_num_queries(8):  # one more for the second five hundred
        assert send(owner_client, "put", document, *many).json()["chunk_count"] == 1_000
    assert VectorChunk.objects.count() == ChunkVector.objects.count() == 1_000
    assert errors(send(owner_client, "put", document, *many, many[0])) == [("body.chunks", "max_length")]


def without(member: str) -> dict[str, Any]:
    return {name: value for name, value in passage(0, 5).items() if name != member}


LONG = [*vector(), 0.5]


@pytest.mark.parametrize(
    ("chunk", "place", "code"),
    [
        (without("embedding"), ".embedding", "required"),
        (without("char_start"), ".char_start", "required"),
        (passage(0, 5, embedding=None), ".embedding", "null"),
        (passage(0, 5, embedding="1"), ".embedding", "invalid"),
        (passage(0, 5, embedding=[]), ".embedding", "length"),
        (passage(0, 5, embedding=LONG[2:]), ".embedding", "length"),
        (passage(0, 5, embedding=LONG), ".embedding", "length"),
        (passage(0, 5, embedding=[True, *LONG[2:]]), ".embedding", "invalid"),
        (passage(0, 5, embedding=["1", *LONG[2:]]), ".embedding", "invalid"),
        (passage(0, 5, embedding=[None, *LONG[2:]]), ".embedding", "invalid"),
        (passage(0, 5, embedding=[[1.0], *LONG[2:]]), ".embedding", "invalid"),
        (passage(0, 5, embedding=[10**400, *LONG[2:]]), ".embedding", "not_finite"),
        (passage(0, 5, embedding=[0, -0.0] * 192), ".embedding", "zero"),
        (passage(5, 5), ".char_end", "invalid"),
        (passage(5, 4), ".char_end", "invalid"),
        (passage(0, 8_001), ".char_end", "invalid"),
        (passage(-1, 4), ".char_start", "min_value"),
        (passage(0, len(CONTENT) + 1), ".char_end", "invalid"),
        (passage(0, 5, content="# lea"), ".content", "invalid"),
        (passage(0, 5, content=""), ".content", "invalid"),
        (passage(0, 5, page=0), ".page", "min_value"),
        (passage(0, 5, heading="x" * 10_000), ".heading", "max_length"),
        (passage(0, 5, ordinal=3), ".ordinal", "unknown_field"),
        ([], "", "invalid"),
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_api_documents_chunks_invalid_are_422_and_named_and_nothing_is_stored(
    verb: str, chunk: Any, place: str, code: str, document: KnowledgeDoc, owner_client: APIClient
) -> None:
    response = send(owner_client, verb, document, passage(0, 5), chunk)

    named = f"body.chunks.1{place}" if place else "body.chunks.1"
    assert errors(response) == [(named, code)]
    assert not VectorChunk.objects.exists()


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_api_documents_chunks_numbers_out_of_range_are_422(
    number: str, document: KnowledgeDoc, owner_client: APIClient
) -> None:
    body = json.dumps({"chunks": [passage(0, 5, embedding=[*LONG[2:], 7777])]}).replace("7777", number)

    response = owner_client.put(address(document), body, content_type="application/json")

    assert errors(response) == [("body.chunks.0.embedding", "not_finite")]


@pytest.mark.parametrize("number", [5e-324, 1e308, 10**300, 1])
def test_api_documents_chunks_of_any_size_are_normalised(
    number: float, document: KnowledgeDoc, owner_client: APIClient
) -> None:
    send(owner_client, "put", document, passage(0, 5, embedding=[number] * DIMENSIONS))

    (chunk,) = everything(owner_client, address(document), include="embedding")
    assert chunk["embedding"] == [pytest.approx(DIMENSIONS**-0.5, rel=1e-3)] * DIMENSIONS


@pytest.mark.parametrize("wrong", [passage(0, 5, embedding=[0.0]), passage(0, 200)])
def test_api_documents_chunks_of_many_faults_a_hundred_are_named(
    wrong: dict[str, Any], document: KnowledgeDoc, owner_client: APIClient
) -> None:
    found = errors(send(owner_client, "put", document, *[wrong] * 150))

    assert len(found) == 101
    assert found[-1] == ("body.chunks", "too_many")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body.chunks"),
        ({"chunks": []}, "body.chunks"),
        ({"chunks": {}}, "body.chunks"),
        ({"chunks": [passage(0, 5)], "model": ""}, "body.model"),
        ({"chunks": [passage(0, 5)], "model": "x" * 101}, "body.model"),
        ({"chunks": [passage(0, 5)], "x": 1}, "body.x"),
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_api_documents_chunks_body_of_another_form_is_422(
    verb: str, body: dict[str, Any], place: str, document: KnowledgeDoc, owner_client: APIClient
) -> None:
    response = getattr(owner_client, verb)(address(document), body)

    assert [where for where, _ in errors(response)] == [place]


@pytest.mark.parametrize("verb", VERBS)
def test_api_documents_chunks_store_of_another_version_is_412(
    verb: str, document: KnowledgeDoc, owner_client: APIClient
) -> None:
    response = send(owner_client, verb, document, passage(0, 5), headers={"If-Match": '"2"'})

    assert (refusal(response), response["ETag"]) == ((412, "precondition_failed"), '"1"')
    assert not VectorChunk.objects.exists()
    assert send(owner_client, verb, document, passage(0, 5), headers={"If-Match": '"1"'})["ETag"] == '"2"'


@pytest.mark.parametrize("verb", VERBS)
def test_api_documents_chunks_store_peer_gets_the_404_of_a_missing_one(
    verb: str, document: KnowledgeDoc, peer_client: APIClient
) -> None:
    body = {"chunks": [passage(0, 5)]}

    for headers in ({}, {"If-Match": '"1"'}):
        assert_foreign_is_missing(peer_client, verb, f"{DOCUMENTS}/{{}}/chunks", document.pk, body, headers)
    assert not VectorChunk.objects.exists()


@pytest.mark.parametrize("verb", VERBS)
def test_api_documents_chunks_store_stranger_gets_401(
    verb: str, document: KnowledgeDoc, stranger_client: APIClient
) -> None:
    assert refusal(send(stranger_client, verb, document, passage(0, 5))) == (401, "not_authenticated")


@pytest.mark.parametrize("verb", VERBS)
def test_api_documents_chunks_store_in_the_trash_is_404(
    verb: str, document: KnowledgeDoc, owner_client: APIClient
) -> None:
    KnowledgeDoc.objects.update(trashed_at=timezone.now())

    assert refusal(send(owner_client, verb, document, passage(0, 5))) == (404, "not_found")


def test_api_documents_chunks_store_is_on_record_as_a_change_of_the_document(
    document: KnowledgeDoc, owner_client: APIClient
) -> None:
    KnowledgeDoc.objects.update(own_chunks=False, status="completed")
    send(owner_client, "put", document, passage(0, 5))

    event = Event.objects.filter(action="document.updated", object_id=str(document.pk)).latest("pk")
    assert {"own_chunks", "chunk_count"} <= set(event.changes)


def test_an_index_that_is_overtaken_by_a_clients_passages_is_not_swapped_in(owner_client: APIClient) -> None:
    key = add(owner_client)["id"]
    send(owner_client, "put", key, passage(0, 5))

    run_jobs()

    assert ordinals(owner_client, key) == [0]


def test_new_content_has_the_server_index_it_again(document: KnowledgeDoc, owner_client: APIClient) -> None:
    send(owner_client, "put", document, *(passage(n, n + 5) for n in range(3)))

    body = owner_client.patch(f"{DOCUMENTS}/{document.pk}", {"content": "Something else."}).json()
    run_jobs()

    assert (body["status"], body["chunking"]["by"]) == ("in_progress", "server")
    assert [chunk["content"] for chunk in everything(owner_client, address(document))] == ["Something else."]


@pytest.mark.parametrize("change", [{"title": "The lease"}, {"language": "de"}])
def test_a_new_title_or_language_keeps_a_clients_passages(
    change: dict[str, str], document: KnowledgeDoc, owner_client: APIClient
) -> None:
    send(owner_client, "put", document, passage(0, 5))
    before = everything(owner_client, address(document), include="embedding")

    owner_client.patch(f"{DOCUMENTS}/{document.pk}", change)
    run_jobs()

    assert everything(owner_client, address(document), include="embedding") == before
    chunk = VectorChunk.objects.get()
    assert {name: getattr(chunk, name) for name in change} == change
    body = owner_client.get(f"{DOCUMENTS}/{document.pk}").json()
    assert (body["status"], body["chunking"]["by"], body["chunk_count"]) == ("completed", "client", 1)


def test_another_chunking_is_nothing_to_a_clients_passages(document: KnowledgeDoc, owner_client: APIClient) -> None:
    body = owner_client.patch(f"{DOCUMENTS}/{document.pk}", {"chunking": {"max_tokens": 100}}).json()

    assert (body["status"], body["chunking"], jobs()) == (
        "completed",
        {"max_tokens": 100, "overlap": 32, "by": "client"},
        [],
    )
