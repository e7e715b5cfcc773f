"""PUT and PATCH /api/v1/knowledge/documents/{id}."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.models import KnowledgeDoc
from knowledge.tests.api import CONTENT, DOCUMENTS, add, from_file, indexed, jobs, make
from tasks.tests.api import assert_foreign_is_missing, errors, refusal

# What is indexed anew, and what isn't.
FORM: list[dict[str, Any]] = [
    {"title": "The lease"},
    {"content": "Something else."},
    {"language": "de"},
    {"chunking": {"max_tokens": 100}},
    {"chunking": {"overlap": 0}},
]
DRESS: list[dict[str, Any]] = [
    {"metadata": {"a": 1}},
    {"tags": ["home"]},
    {"source_uri": "x:y"},
    {"title": "Lease", "content": CONTENT, "language": "en", "chunking": {"max_tokens": 254, "by": "server"}},
]


@pytest.fixture
def document(owner: User) -> KnowledgeDoc:
    """One of the owner's, which can be found."""
    return make(owner, content=CONTENT)


def address(document: KnowledgeDoc) -> str:
    return f"{DOCUMENTS}/{document.pk}"


@pytest.mark.parametrize("change", FORM)
def test_api_documents_partial_update_of_what_is_found_has_it_indexed(
    change: dict[str, Any],
    document: KnowledgeDoc,
    owner_client: APIClient,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    KnowledgeDoc.objects.update(last_error={"code": "x", "message": "x"}, status="failed")

    with django_assert_num_queries(4):  # savepoint, document, job, release
        response = owner_client.patch(address(document), change)

    body = response.json()
    assert (response.status_code, response["ETag"], body["version"]) == (200, '"3"', 3)
    assert (body["status"], body["last_error"], jobs()) == ("in_progress", None, [str(document.pk)])
    document.refresh_from_db()
    assert document.revision == 2


@pytest.mark.parametrize("change", DRESS)
def test_api_documents_partial_update_of_anything_else_does_not(
    change: dict[str, Any], document: KnowledgeDoc, owner_client: APIClient
) -> None:
    body = owner_client.patch(address(document), change).json()

    assert (body["status"], jobs()) == ("completed", [])
    assert {name: body[name] for name in change if name not in ("content", "chunking")} == {
        name: value for name, value in change.items() if name not in ("content", "chunking")
    }


@pytest.mark.parametrize("change", DRESS[:3])
def test_api_documents_partial_update_of_metadata_is_one_statement(
    change: dict[str, Any],
    document: KnowledgeDoc,
    owner_client: APIClient,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.patch(address(document), change)

    assert response["ETag"] == '"2"'


def test_api_documents_partial_update_of_nothing_changes_nothing(
    document: KnowledgeDoc, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.patch(address(document), {})

    assert (response.status_code, response["ETag"]) == (200, '"1"')
    # The content isn't told, so that a look by this way needs no record.
    assert "content" not in response.json()
    assert not Event.objects.filter(action__in=["document.read", "document.updated"]).exists()


def test_api_documents_partial_update_is_on_record(owner_client: APIClient) -> None:
    key = indexed(owner_client)

    owner_client.patch(f"{DOCUMENTS}/{key}", {"content": "Something else."})

    event = Event.objects.filter(action="document.updated").latest("pk")
    assert event.changes["content"] == ["•••", "•••"]
    assert set(event.changes) == {"content", "content_hash", "revision", "status"}


def test_api_documents_update_replaces_all_of_it(document: KnowledgeDoc, owner_client: APIClient) -> None:
    full = {
        "title": "Mietvertrag",
        "content": "Die Miete.",
        "metadata": {"a": 1},
        "source_uri": "x:y",
        "language": "de",
        "tags": ["a"],
        "chunking": {"max_tokens": 100, "overlap": 10},
    }

    first = owner_client.put(address(document), full).json()
    KnowledgeDoc.objects.update(status="completed")
    second = owner_client.put(address(document), {"title": "Mietvertrag", "content": "Die Miete."}).json()

    assert {name: first[name] for name in full if name not in ("content", "chunking")} == {
        name: value for name, value in full.items() if name not in ("content", "chunking")
    }
    assert first["chunking"] == {"max_tokens": 100, "overlap": 10, "by": "server"}
    defaults = {"metadata": {}, "source_uri": None, "language": "en", "tags": []}
    assert {name: second[name] for name in defaults} == defaults
    assert second["chunking"] == {"max_tokens": 254, "overlap": 32, "by": "server"}
    assert (second["status"], second["version"]) == ("in_progress", 4)


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_api_documents_update_to_the_content_of_another_is_409(
    verb: str, document: KnowledgeDoc, owner: User, owner_client: APIClient
) -> None:
    other = make(owner, 1)

    response = getattr(owner_client, verb)(address(document), {"title": "x", "content": other.content})

    assert refusal(response) == (409, "content_exists")
    assert response.json()["existing"] == str(other.pk)
    assert jobs() == []
    KnowledgeDoc.objects.filter(pk=other.pk).update(trashed_at=timezone.now())
    assert getattr(owner_client, verb)(address(document), {"title": "x", "content": other.content}).status_code == 200


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_api_documents_update_of_the_content_of_a_file_is_409(verb: str, owner: User, owner_client: APIClient) -> None:
    document = from_file(owner)

    response = getattr(owner_client, verb)(address(document), {"title": "x", "content": "x"})

    assert refusal(response) == (409, "content_from_file")
    document.refresh_from_db()
    assert (document.title, document.content) == ("Lease", "Content 0.")
    assert owner_client.patch(address(document), {"title": "x"}).json()["status"] == "in_progress"


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_api_documents_update_of_another_version_is_412(
    verb: str, document: KnowledgeDoc, owner_client: APIClient
) -> None:
    body = {"title": "x", "content": "x"}

    for headers in ({"If-Match": '"2"'}, {"If-None-Match": '"1"'}):
        response = getattr(owner_client, verb)(address(document), body, headers=headers)
        assert (refusal(response), response["ETag"]) == ((412, "precondition_failed"), '"1"')
    assert jobs() == []
    assert getattr(owner_client, verb)(address(document), body, headers={"If-Match": '"1"'})["ETag"] == '"2"'


@pytest.mark.parametrize(
    ("verb", "body", "place"),
    [
        ("put", {"title": "x"}, "body.content"),
        ("patch", {"content": ""}, "body.content"),
        ("patch", {"if_exists": "update"}, "body.if_exists"),
        ("patch", {"status": "completed"}, "body.status"),
        ("patch", {"tags": None}, "body.tags"),
        ("patch", {"chunking": {"overlap": 126, "max_tokens": 252}}, "body"),
    ],
)
def test_api_documents_update_invalid_is_422(
    verb: str, body: dict[str, Any], place: str, document: KnowledgeDoc, owner_client: APIClient
) -> None:
    assert [where for where, _ in errors(getattr(owner_client, verb)(address(document), body))] == [place]
    document.refresh_from_db()
    assert document.version == 1


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_api_documents_update_peer_gets_the_404_of_a_missing_one(
    verb: str, document: KnowledgeDoc, peer_client: APIClient
) -> None:
    body = {"title": "Mine now", "content": "x"}

    for headers in ({}, {"If-Match": '"1"'}):
        assert_foreign_is_missing(peer_client, verb, f"{DOCUMENTS}/{{}}", document.pk, body, headers)
    document.refresh_from_db()
    assert document.version == 1


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_api_documents_update_stranger_gets_401(verb: str, document: KnowledgeDoc, stranger_client: APIClient) -> None:
    assert refusal(getattr(stranger_client, verb)(address(document), {})) == (401, "not_authenticated")


def test_api_documents_update_of_what_lies_in_the_trash_is_404(document: KnowledgeDoc, owner_client: APIClient) -> None:
    KnowledgeDoc.objects.update(trashed_at=timezone.now())

    assert refusal(owner_client.patch(address(document), {"title": "x"})) == (404, "not_found")


def test_api_documents_update_stores_nothing_if_the_job_cannot_be_enqueued(
    document: KnowledgeDoc, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("knowledge.jobs.enqueue_all", fail)
    with pytest.raises(ZeroDivisionError):
        owner_client.patch(address(document), {"title": "x"})

    document.refresh_from_db()
    assert (document.title, document.status) == ("Lease", "completed")


def test_a_change_past_the_api_waits_for_the_index_too(document: KnowledgeDoc) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE knowledge_knowledgedoc SET content = 'x', chunk_count = 3")

    document.refresh_from_db()
    assert (document.status, document.revision, document.chunk_count) == ("in_progress", 2, 3)


def test_what_is_extracted_from_a_file_is_no_change_of_it(owner: User) -> None:
    document = from_file(owner)
    KnowledgeDoc.objects.filter(pk=document.pk).update(content="Extracted.", chunk_count=1)

    document.refresh_from_db()
    assert (document.status, document.revision) == ("completed", 1)


def test_a_title_that_is_changed_in_the_trash_is_indexed_when_it_is_restored(
    document: KnowledgeDoc, owner_client: APIClient
) -> None:
    KnowledgeDoc.objects.update(trashed_at=timezone.now())
    KnowledgeDoc.objects.update(title="x")
    document.refresh_from_db()
    assert document.status == "cancelled"

    assert owner_client.post(f"{address(document)}/restore").json()["status"] == "in_progress"
    assert jobs() == [str(document.pk)]


def test_api_documents_update_of_a_new_one_enqueues_again(owner_client: APIClient) -> None:
    """The job that waits may have read the old form already."""
    key = add(owner_client)["id"]

    owner_client.patch(f"{DOCUMENTS}/{key}", {"title": "x"})

    assert jobs() == [key, key]
