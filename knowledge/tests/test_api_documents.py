"""/api/v1/knowledge/documents and what becomes of a document."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge import indexing
from knowledge.models import ChunkVector, KnowledgeDoc, VectorChunk
from resources.metadata import validate_metadata

URL = "/api/v1/knowledge/documents"
CONTENT = "# Lease\n\nThe rent is due on the first of each month.\n\n## Pets\n\nCats are welcome, dogs are not.\n"


def add(client: APIClient, **members: Any) -> dict[str, Any]:
    response = client.post(URL, {"title": "Lease", "content": CONTENT} | members)
    assert response.status_code == 202, response.content
    body: dict[str, Any] = response.json()
    return body


def run_jobs() -> int:
    """Do what the worker would do now."""
    jobs = list(ProcrastinateJob.objects.filter(status="todo").order_by("id"))
    for job in jobs:
        indexing.index(owner_id=UUID(job.args["owner_id"]), document_id=UUID(job.args["document_id"]))
    return len(jobs)


def test_api_documents_create_owner_is_told_where_to_look(owner: User, owner_client: APIClient) -> None:
    metadata = {"z": 1, "a": [1.50, None, {"ü": "\u2028"}], "big": 12345678901234567890123, "empty": {}}

    response = owner_client.post(URL, {"title": " Lease ", "content": f" {CONTENT}\r\n", "metadata": metadata})

    assert response.status_code == 202
    body = response.json()
    assert response["Location"] == f"http://testserver{URL}/{body['id']}"
    assert (body["status"], body["chunk_count"], body["last_error"]) == ("in_progress", 0, None)
    document = KnowledgeDoc.objects.get()
    assert (document.owner, document.title, document.content) == (owner, "Lease", f" {CONTENT}\r\n")
    read = owner_client.get(response["Location"]).json()
    assert read["content"] == f" {CONTENT}\r\n"
    assert list(read["metadata"].items()) == list(metadata.items())
    assert ProcrastinateJob.objects.get().args == {"owner_id": str(owner.pk), "document_id": body["id"]}
    assert str(document) == "Lease"


@pytest.mark.parametrize(
    ("members", "location"),
    [
        ({"title": ""}, "body.title"),
        ({"title": "x" * 256}, "body.title"),
        ({"content": ""}, "body.content"),
        ({"content": "x" * 1_000_001}, "body.content"),
        ({"metadata": []}, "body.metadata"),
        ({"metadata": {"a": "x" * 16_384}}, "body.metadata"),
        ({"status": "completed"}, "body.status"),
        ({"contents": "x"}, "body.contents"),
    ],
)
def test_api_documents_create_invalid_is_422_and_stores_nothing(
    members: dict[str, Any], location: str, owner_client: APIClient
) -> None:
    response = owner_client.post(URL, {"title": "Lease", "content": CONTENT} | members)

    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [location]
    assert not KnowledgeDoc.objects.exists()
    assert not ProcrastinateJob.objects.exists()


def test_api_documents_create_stores_nothing_if_the_job_cannot_be_enqueued(
    owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("knowledge.services.index_document.configure", fail)
    with pytest.raises(ZeroDivisionError):
        owner_client.post(URL, {"title": "Lease", "content": CONTENT})

    assert not KnowledgeDoc.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_api_documents_list_owner_without_contents_in_one_statement(
    count: int,
    owner: User,
    peer: User,
    owner_client: APIClient,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    KnowledgeDoc.objects.bulk_create(KnowledgeDoc(owner=owner, title=str(n), content="x") for n in range(count))
    KnowledgeDoc.objects.create(owner=peer, title="Theirs", content="x")

    with django_assert_num_queries(1) as statements:
        results = owner_client.get(URL).json()["results"]

    assert sorted(document["title"] for document in results) == [str(n) for n in range(count)]
    assert not any("content" in document for document in results)
    assert '"content"' not in statements.captured_queries[0]["sql"]


def test_api_documents_a_change_of_nothing_is_on_record_as_the_look_it_is(owner: User, owner_client: APIClient) -> None:
    document = KnowledgeDoc.objects.create(owner=owner, title="x", content="y")

    response = owner_client.patch(f"{URL}/{document.pk}", {})

    assert (response.status_code, response.json()["content"]) == (200, "y")
    assert Event.objects.get(action="document.read").object_id == str(document.pk)


def test_api_documents_retrieve_is_on_record(owner: User, owner_client: APIClient) -> None:
    key = add(owner_client)["id"]
    owner_client.get(f"{URL}/{key}")
    owner_client.get(f"{URL}/{key}/chunks")

    reads = Event.objects.filter(action="document.read", object_id=key, owner_id=owner.pk, actor=str(owner.pk))
    assert reads.count() == 2


def test_api_documents_chunks_and_embeddings(owner_client: APIClient) -> None:
    key = add(owner_client)["id"]
    assert run_jobs() == 1

    document = owner_client.get(f"{URL}/{key}").json()
    chunks = owner_client.get(f"{URL}/{key}/chunks").json()["results"]
    embedded = owner_client.get(f"{URL}/{key}/chunks?include=embedding").json()["results"]

    assert (document["status"], document["chunk_count"]) == ("completed", len(chunks))
    assert [chunk["ordinal"] for chunk in chunks] == list(range(len(chunks)))
    assert all(CONTENT[chunk["char_start"] : chunk["char_end"]] == chunk["content"] for chunk in chunks)
    assert all(chunk["model"].startswith("sentence-transformers/all-MiniLM-L6-v2@") for chunk in chunks)
    assert [{k: v for k, v in chunk.items() if k != "embedding"} for chunk in embedded] == chunks
    assert all(sum(x * x for x in chunk["embedding"]) == pytest.approx(1, abs=0.01) for chunk in embedded)
    assert {len(chunk["embedding"]) for chunk in embedded} == {384}
    assert owner_client.get(f"{URL}/{key}/chunks?include=everything").status_code == 422
    assert str(VectorChunk.objects.earliest("ordinal")) == f"chunk 0 of {key}"
    assert str(ChunkVector.objects.earliest("pk")).startswith("vector of ")


def test_api_documents_update_of_the_title_keeps_the_index(owner_client: APIClient) -> None:
    key = add(owner_client)["id"]
    run_jobs()

    body = owner_client.patch(f"{URL}/{key}", {"title": "The lease", "metadata": {"a": 1}}).json()

    assert (body["title"], body["metadata"], body["status"]) == ("The lease", {"a": 1}, "completed")
    assert body["content"] == CONTENT
    assert ProcrastinateJob.objects.count() == 1
    assert owner_client.patch(f"{URL}/{key}", {}).status_code == 200


def test_api_documents_update_of_the_content_replaces_the_chunks_when_they_are_ready(
    owner_client: APIClient,
) -> None:
    key = add(owner_client)["id"]
    run_jobs()
    old = set(VectorChunk.objects.values_list("pk", flat=True))

    assert owner_client.patch(f"{URL}/{key}", {"content": "Something else."}).json()["status"] == "in_progress"
    assert set(VectorChunk.objects.values_list("pk", flat=True)) == old
    event = Event.objects.filter(action="document.updated").latest("pk")
    assert set(event.changes) == {"content", "revision", "status"}
    run_jobs()

    assert [chunk.content for chunk in VectorChunk.objects.all()] == ["Something else."]
    assert ChunkVector.objects.count() == 1


def test_an_index_that_is_overtaken_by_a_change_is_not_swapped_in(
    owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = add(owner_client)["id"]
    real = indexing.embed

    def embed_slowly(texts: list[str]) -> Any:
        monkeypatch.setattr(indexing, "embed", real)
        owner_client.patch(f"{URL}/{key}", {"content": "Something else."})
        return real(texts)

    monkeypatch.setattr(indexing, "embed", embed_slowly)
    indexing.index(owner_id=owner.pk, document_id=UUID(key))
    assert not VectorChunk.objects.exists()
    assert KnowledgeDoc.objects.get().status == "in_progress"
    indexing.index(owner_id=owner.pk, document_id=UUID(key))
    assert [chunk.content for chunk in VectorChunk.objects.all()] == ["Something else."]


def test_indexing_a_document_that_is_gone_or_done_does_nothing(owner: User, owner_client: APIClient) -> None:
    indexing.index(owner_id=owner.pk, document_id=uuid4())
    add(owner_client)
    run_jobs()
    chunks = set(VectorChunk.objects.values_list("pk", flat=True))
    run_jobs()

    assert set(VectorChunk.objects.values_list("pk", flat=True)) == chunks


def test_a_document_of_white_space_has_no_chunks(owner_client: APIClient) -> None:
    key = add(owner_client, content=" \n\n\t ")["id"]
    run_jobs()

    document = owner_client.get(f"{URL}/{key}").json()
    assert (document["status"], document["chunk_count"]) == ("completed", 0)


def test_api_documents_a_failed_document_says_why_and_gets_another_try(owner: User, owner_client: APIClient) -> None:
    key = add(owner_client)["id"]
    indexing.fail(owner_id=owner.pk, document_id=UUID(key), code="indexing_failed", message="It did not work.")

    failed = owner_client.get(f"{URL}/{key}").json()
    assert failed["status"] == "failed"
    assert failed["last_error"] == {"code": "indexing_failed", "message": "It did not work."}
    again = owner_client.patch(f"{URL}/{key}", {"content": CONTENT}).json()
    assert (again["status"], again["last_error"]) == ("in_progress", None)
    assert run_jobs() == 2
    assert owner_client.get(f"{URL}/{key}").json()["status"] == "completed"


def test_api_documents_delete_takes_chunks_and_vectors_along_in_one_statement(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = add(owner_client)["id"]
    run_jobs()

    with django_assert_num_queries(2):  # document, delete
        assert owner_client.delete(f"{URL}/{key}").status_code == 204
    assert not KnowledgeDoc.objects.exists()
    assert not VectorChunk.objects.exists()
    assert not ChunkVector.objects.exists()


@pytest.mark.parametrize(("verb", "suffix"), [("get", ""), ("patch", ""), ("delete", ""), ("get", "/chunks")])
def test_api_documents_detail_peer_gets_404_and_stranger_401(
    verb: str, suffix: str, owner_client: APIClient, peer_client: APIClient, stranger_client: APIClient
) -> None:
    path = f"{URL}/{add(owner_client)['id']}{suffix}"
    body = {"title": "Mine now"} if verb == "patch" else None

    assert getattr(peer_client, verb)(path, body).status_code == 404
    assert getattr(stranger_client, verb)(path, body).status_code == 401
    assert KnowledgeDoc.objects.get().title == "Lease"


def test_api_documents_update_gone_meanwhile_is_404(
    owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = KnowledgeDoc(pk=uuid4(), owner=owner, title="x", content="x")
    monkeypatch.setattr("knowledge.views.DocumentViewSet.get_object", lambda self: gone)

    assert owner_client.patch(f"{URL}/{gone.pk}", {"title": "Too late"}).status_code == 404


def test_api_documents_chunks_come_in_pages(owner_client: APIClient) -> None:
    key = add(owner_client, content="\n\n".join(f"# Heading {n}\n\nText {n}." for n in range(5)))["id"]
    run_jobs()
    seen, cursor = [], None
    while cursor is not None or not seen:
        page = owner_client.get(f"{URL}/{key}/chunks", {"limit": "2"} | ({"cursor": cursor} if cursor else {})).json()
        seen += [chunk["ordinal"] for chunk in page["results"]]
        cursor = page["next"]

    assert seen == list(range(5))


def test_a_long_document_waits_for_the_short_ones(owner_client: APIClient) -> None:
    add(owner_client, content="x " * 50_000)
    add(owner_client)

    assert list(ProcrastinateJob.objects.order_by("id").values_list("priority", flat=True)) == [-10, 0]


@pytest.mark.parametrize("metadata", ["[]", "1", "null"])
def test_the_database_refuses_metadata_that_is_no_object(metadata: str, owner: User) -> None:
    with pytest.raises(IntegrityError, match="metadata"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_knowledgedoc (owner_id, title, content, status, revision, chunk_count, metadata) "
            "VALUES (%s, 'x', 'x', 'in_progress', 1, 0, %s::json)",
            [owner.pk, metadata],
        )


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ([], "not_an_object"),
        ({"a": float("nan")}, "not_finite"),
        ({"a": "\0"}, "nul"),
        ({"a": "\ud800"}, "surrogate"),
        ({"a": "x" * 16384}, "max_length"),
    ],
)
def test_metadata_is_validated_wherever_it_comes_from(metadata: object, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_metadata(metadata)

    assert refusal.value.code == code
