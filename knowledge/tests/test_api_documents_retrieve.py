"""GET /api/v1/knowledge/documents/{id}."""

import pytest
from django.db import DatabaseError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.models import KnowledgeDoc
from knowledge.tests.api import DOCUMENTS, make
from tasks.tests.api import assert_foreign_is_missing, errors, refusal


@pytest.fixture
def document(owner: User) -> KnowledgeDoc:
    """One of the owner's."""
    return make(owner)


def reads(document: KnowledgeDoc) -> int:
    """How often reading it is on record."""
    return Event.objects.filter(
        action="document.read",
        object_id=str(document.pk),
        owner_id=document.owner_id,
        actor=str(document.owner_id),
        outcome="success",
    ).count()


def test_api_documents_retrieve_owner_reads_the_content_on_record(
    document: KnowledgeDoc, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # document, event
        response = owner_client.get(f"{DOCUMENTS}/{document.pk}")

    assert (response.status_code, response["ETag"]) == (200, '"1"')
    assert (response.json()["id"], response.json()["content"]) == (str(document.pk), "Content 0.")
    assert reads(document) == 1


def test_api_documents_retrieve_of_what_the_client_has_is_304_and_no_reading(
    document: KnowledgeDoc, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.get(f"{DOCUMENTS}/{document.pk}", headers={"If-None-Match": '"1"'})

    assert (response.status_code, response.content, reads(document)) == (304, b"", 0)
    assert owner_client.get(f"{DOCUMENTS}/{document.pk}", headers={"If-None-Match": '"2"'}).status_code == 200


def test_api_documents_retrieve_some_members(document: KnowledgeDoc, owner_client: APIClient) -> None:
    response = owner_client.get(f"{DOCUMENTS}/{document.pk}?fields=version,title")

    assert list(response.json().items()) == [("title", "Lease"), ("version", 1)]
    assert errors(owner_client.get(f"{DOCUMENTS}/{document.pk}?fields=x")) == [("query.fields", "invalid")]


def test_api_documents_retrieve_is_not_answered_if_it_cannot_be_recorded(
    document: KnowledgeDoc, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**event: object) -> None:
        raise DatabaseError

    monkeypatch.setattr("knowledge.views.record", fail)
    owner_client.raise_request_exception = False

    assert owner_client.get(f"{DOCUMENTS}/{document.pk}").status_code == 500


def test_api_documents_retrieve_trashed_is_found_as_such_only(
    document: KnowledgeDoc, owner_client: APIClient, peer_client: APIClient
) -> None:
    KnowledgeDoc.objects.update(trashed_at=timezone.now())

    assert refusal(owner_client.get(f"{DOCUMENTS}/{document.pk}")) == (404, "not_found")
    assert owner_client.get(f"{DOCUMENTS}/{document.pk}?trashed=true").json()["trashed_at"].endswith("Z")
    assert_foreign_is_missing(peer_client, "get", f"{DOCUMENTS}/{{}}?trashed=true", document.pk)


def test_api_documents_retrieve_peer_gets_the_404_of_a_missing_one(
    document: KnowledgeDoc, peer_client: APIClient
) -> None:
    assert_foreign_is_missing(peer_client, "get", f"{DOCUMENTS}/{{}}", document.pk)
    assert_foreign_is_missing(peer_client, "get", f"{DOCUMENTS}/{{}}", document.pk, headers={"If-None-Match": '"1"'})
    assert reads(document) == 0


def test_api_documents_retrieve_stranger_gets_401(document: KnowledgeDoc, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.get(f"{DOCUMENTS}/{document.pk}")) == (401, "not_authenticated")
