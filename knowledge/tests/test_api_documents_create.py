"""POST /api/v1/knowledge/documents."""

import hashlib
import json
from typing import Any

import pytest
from django.db import IntegrityError, connection
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.models import KnowledgeDoc
from knowledge.tests.api import CONTENT, DOCUMENTS, add, from_file, jobs, make
from tasks.tests.api import at_once, errors, refusal

NEW = {"title": "Lease", "content": CONTENT}


def test_api_documents_create_owner_is_told_where_to_look(
    owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):  # savepoint, document, job, release
        response = owner_client.post(DOCUMENTS, {"title": " Lease ", "content": f" {CONTENT}\r\n"})

    assert response.status_code == 202
    body = response.json()
    assert response["Location"] == f"http://testserver{DOCUMENTS}/{body['id']}"
    assert response["ETag"] == '"1"'
    assert body == {
        "id": body["id"],
        "title": "Lease",
        "content_hash": hashlib.sha256(f" {CONTENT}\r\n".encode()).hexdigest(),
        "metadata": {},
        "source_uri": None,
        "language": "en",
        "tags": [],
        "file": None,
        "status": "in_progress",
        "last_error": None,
        "progress": None,
        "chunk_count": 0,
        "chunking": {"max_tokens": 254, "overlap": 32, "by": "server"},
        "created_at": body["created_at"],
        "updated_at": body["created_at"],
        "trashed_at": None,
        "version": 1,
    }
    document = KnowledgeDoc.objects.get()
    assert (document.owner, document.content, str(document)) == (owner, f" {CONTENT}\r\n", "Lease")
    assert jobs() == [body["id"]]
    assert ProcrastinateJob.objects.get().args["owner_id"] == str(owner.pk)


def test_api_documents_create_keeps_all_that_is_said(owner_client: APIClient) -> None:
    said = {
        "title": "Mietvertrag",
        "metadata": {"z": 1, "a": [1.50, None, {"ü": "\u2028"}], "big": 12345678901234567890123, "empty": {}},
        "source_uri": "https://example.com/lease?x=1#top",
        "language": "de",
        "tags": ["home", "Home", "home"],
        "chunking": {"max_tokens": 128, "overlap": 16},
    }

    body = add(owner_client, **said)

    assert {name: body[name] for name in said} == said | {
        "tags": ["home", "Home"],
        "chunking": {"max_tokens": 128, "overlap": 16, "by": "server"},
    }
    assert list(body["metadata"]) == ["z", "a", "big", "empty"]


NUMERALS = '{"n": [1.50, 1e2, 1E+2, -0.0, -0, 0.10], "ü": "é"}'


def test_api_documents_create_metadata_keeps_its_digits(owner_client: APIClient) -> None:
    document = f'{{"title": "x", "content": "y", "metadata": {NUMERALS}}}'
    many = f'{{"operations": [{{"op": "create", "document": {document.replace("y", "z")}}}]}}'

    texts = [
        owner_client.post(address, body, content_type="application/json").content.decode()
        for address, body in ((DOCUMENTS, document), (f"{DOCUMENTS}/bulk", many))
    ]

    listed = owner_client.get(f"{DOCUMENTS}?fields=metadata").content.decode()
    assert all(f'"metadata":{NUMERALS},' in text for text in texts)
    assert listed.count(NUMERALS) == 2


@pytest.mark.parametrize(
    ("members", "location"),
    [
        ({"title": ""}, "body.title"),
        ({"title": "x" * 256}, "body.title"),
        ({"content": ""}, "body.content"),
        ({"content": "x" * 1_000_001}, "body.content"),
        ({"content": None}, "body.content"),
        ({"metadata": []}, "body.metadata"),
        ({"metadata": {"a": "x" * 16_384}}, "body.metadata"),
        ({"source_uri": ""}, "body.source_uri"),
        ({"source_uri": "x" * 2001}, "body.source_uri"),
        ({"language": "xx"}, "body.language"),
        ({"tags": "home"}, "body.tags"),
        ({"tags": [""]}, "body.tags.0"),
        ({"tags": ["x" * 61]}, "body.tags.0"),
        ({"tags": [str(n) for n in range(51)]}, "body.tags"),
        ({"chunking": {"max_tokens": 15}}, "body.chunking.max_tokens"),
        ({"chunking": {"max_tokens": 255}}, "body.chunking.max_tokens"),
        ({"chunking": {"overlap": -1}}, "body.chunking.overlap"),
        ({"chunking": {"max_tokens": 20, "overlap": 10}}, "body"),
        ({"chunking": {"by": "client"}}, "body.chunking.by"),
        ({"chunking": {"x": 1}}, "body.chunking.x"),
        ({"if_exists": "maybe"}, "body.if_exists"),
        ({"status": "completed"}, "body.status"),
        ({"content_hash": "a" * 64}, "body.content_hash"),
        ({"file": None}, "body.file"),
        ({"contents": "x"}, "body.contents"),
    ],
)
def test_api_documents_create_invalid_is_422_and_stores_nothing(
    members: dict[str, Any], location: str, owner_client: APIClient
) -> None:
    response = owner_client.post(DOCUMENTS, NEW | members)

    assert [place for place, _ in errors(response)] == [location]
    assert not KnowledgeDoc.objects.exists()
    assert jobs() == []


def test_api_documents_create_stores_nothing_if_the_job_cannot_be_enqueued(
    owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("knowledge.jobs.enqueue_all", fail)
    with pytest.raises(ZeroDivisionError):
        owner_client.post(DOCUMENTS, NEW)

    assert not KnowledgeDoc.objects.exists()


def test_api_documents_create_the_same_content_again_is_409(owner_client: APIClient) -> None:
    first = add(owner_client)["id"]

    response = owner_client.post(DOCUMENTS, NEW | {"title": "Another", "if_exists": "refuse"})

    assert refusal(response) == (409, "content_exists")
    assert response.json()["existing"] == first
    assert KnowledgeDoc.objects.get().title == "Lease"
    assert jobs() == [first]


def test_api_documents_create_the_same_content_may_update_the_one_there_is(owner_client: APIClient) -> None:
    first = add(owner_client, tags=["home"])
    KnowledgeDoc.objects.update(status="completed")

    response = owner_client.post(DOCUMENTS, NEW | {"metadata": {"a": 1}, "if_exists": "update"})

    assert (response.status_code, response["ETag"], response.json()["id"]) == (200, '"3"', first["id"])
    assert response["Location"].endswith(first["id"])
    assert (response.json()["tags"], response.json()["metadata"]) == (["home"], {"a": 1})
    # Nothing of it is found otherwise than before.
    assert (response.json()["status"], jobs()) == ("completed", [first["id"]])


def test_api_documents_create_that_changes_the_title_of_the_one_there_is_has_it_indexed(
    owner_client: APIClient,
) -> None:
    first = add(owner_client)["id"]
    KnowledgeDoc.objects.update(status="completed")

    response = owner_client.post(DOCUMENTS, NEW | {"title": "The lease", "if_exists": "update"})

    assert (response.status_code, response.json()["status"], response.json()["title"]) == (
        200,
        "in_progress",
        "The lease",
    )
    assert jobs() == [first, first]


def test_api_documents_create_or_update_makes_what_there_is_not(owner_client: APIClient) -> None:
    response = owner_client.post(DOCUMENTS, NEW | {"if_exists": "update"})
    again = owner_client.post(DOCUMENTS, NEW | {"if_exists": "update"})

    assert (response.status_code, again.status_code) == (202, 200)
    assert again.json() == response.json()
    assert jobs() == [response.json()["id"]]


def test_api_documents_create_content_of_a_trashed_one_is_free(owner_client: APIClient) -> None:
    first = add(owner_client)["id"]
    owner_client.delete(f"{DOCUMENTS}/{first}")

    for policy in ("refuse", "update"):
        second = add(owner_client, if_exists=policy)["id"]
        assert second != first
        owner_client.delete(f"{DOCUMENTS}/{second}")


def test_api_documents_create_content_of_somebody_else_is_free(owner_client: APIClient, peer_client: APIClient) -> None:
    mine = add(owner_client)["id"]

    assert add(peer_client)["id"] != mine
    assert add(peer_client, content="x", if_exists="update")["id"] != mine


def test_api_documents_create_bytes_of_a_file_that_there_is_are_409(owner: User, owner_client: APIClient) -> None:
    document = from_file(owner)
    KnowledgeDoc.objects.filter(pk=document.pk).update(file_hash=hashlib.sha256(CONTENT.encode()).hexdigest())

    response = owner_client.post(DOCUMENTS, NEW)

    assert refusal(response) == (409, "content_exists")
    assert response.json()["existing"] == str(document.pk)


@pytest.mark.django_db(transaction=True)
def test_api_documents_create_at_the_same_moment_makes_one(owner_client: APIClient) -> None:
    answers = at_once(*[lambda: owner_client.post(DOCUMENTS, NEW)] * 2)

    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert len(jobs()) == KnowledgeDoc.objects.count() == 1


def test_api_documents_create_is_retry_safe(owner_client: APIClient) -> None:
    first, again = (owner_client.post(DOCUMENTS, NEW, headers={"Idempotency-Key": "a"}) for _ in range(2))

    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.content, again["ETag"], again["Location"]) == (first.content, first["ETag"], first["Location"])
    assert again["Idempotency-Replayed"] == "true"
    assert len(jobs()) == KnowledgeDoc.objects.count() == 1


def test_api_documents_create_is_on_record_without_what_it_says(owner_client: APIClient) -> None:
    key = add(owner_client, metadata={"mrn": "1234"}, tags=["ill"], source_uri="x:y")["id"]

    event = Event.objects.get(action="document.created", object_id=key)
    masked = [None, "•••"]
    assert {name: event.changes[name] for name in ("title", "content", "metadata", "tags", "source_uri")} == {
        "title": masked,
        "content": masked,
        "metadata": masked,
        "tags": masked,
        "source_uri": masked,
    }
    assert "1234" not in json.dumps(event.changes)


def test_api_documents_create_stranger_gets_401(stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(DOCUMENTS, NEW)) == (401, "not_authenticated")
    assert not KnowledgeDoc.objects.exists()


def test_a_long_document_waits_for_the_short_ones(owner_client: APIClient) -> None:
    add(owner_client, content="x " * 50_000)
    add(owner_client)

    assert list(ProcrastinateJob.objects.order_by("id").values_list("priority", flat=True)) == [-10, 0]


@pytest.mark.parametrize("metadata", ["[]", "1", "null"])
def test_the_database_refuses_metadata_that_is_no_object(metadata: str, owner: User) -> None:
    with pytest.raises(IntegrityError, match="metadata"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_knowledgedoc (owner_id, title, content, metadata) VALUES (%s, 'x', 'x', %s::json)",
            [owner.pk, metadata],
        )


def test_the_database_refuses_a_second_document_with_the_content(owner: User) -> None:
    make(owner)

    with pytest.raises(IntegrityError, match="knowledge_knowledgedoc_content"):
        make(owner)
