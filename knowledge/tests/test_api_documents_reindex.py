"""POST /api/v1/knowledge/documents/{id}/reindex."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from knowledge.models import KnowledgeDoc, VectorChunk
from knowledge.tests.api import DOCUMENTS, indexed, jobs, make, run_jobs
from tasks.tests.api import assert_foreign_is_missing, refusal


@pytest.mark.parametrize("status", ["completed", "failed", "in_progress"])
def test_api_documents_reindex_has_it_indexed_again(
    status: str, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = indexed(owner_client)
    KnowledgeDoc.objects.update(status=status, last_error={"code": "x", "message": "x"})
    old = set(VectorChunk.objects.values_list("pk", flat=True))

    with django_assert_num_queries(4):  # savepoint, document, job, release
        response = owner_client.post(f"{DOCUMENTS}/{key}/reindex")

    body = response.json()
    assert (response.status_code, response["ETag"]) == (202, f'"{body["version"]}"')
    assert (body["status"], body["last_error"], body["chunk_count"]) == ("in_progress", None, len(old))
    assert (jobs(), set(VectorChunk.objects.values_list("pk", flat=True))) == ([key], old)
    run_jobs()
    assert KnowledgeDoc.objects.get().status == "completed"
    assert not old & set(VectorChunk.objects.values_list("pk", flat=True))


def test_api_documents_reindex_of_its_owners_passages_is_409(owner: User, owner_client: APIClient) -> None:
    document = make(owner, own_chunks=True)

    assert refusal(owner_client.post(f"{DOCUMENTS}/{document.pk}/reindex")) == (409, "own_chunks")
    document.refresh_from_db()
    assert (document.status, document.own_chunks, jobs()) == ("completed", True, [])
    response = owner_client.patch(f"{DOCUMENTS}/{document.pk}", {"chunking": {"by": "server"}})
    assert (response.json()["status"], response.json()["chunking"]["by"]) == ("in_progress", "server")
    assert jobs() == [str(document.pk)]


def test_api_documents_reindex_is_retry_safe(owner: User, owner_client: APIClient) -> None:
    document = make(owner)

    for _ in range(2):
        response = owner_client.post(f"{DOCUMENTS}/{document.pk}/reindex", headers={"Idempotency-Key": "a"})
        assert response.status_code == 202
    assert jobs() == [str(document.pk)]


def test_api_documents_reindex_of_another_version_is_412(owner: User, owner_client: APIClient) -> None:
    document = make(owner)

    response = owner_client.post(f"{DOCUMENTS}/{document.pk}/reindex", headers={"If-Match": '"2"'})

    assert (refusal(response), jobs()) == ((412, "precondition_failed"), [])


def test_api_documents_reindex_of_what_lies_in_the_trash_is_404(owner_client: APIClient) -> None:
    key = indexed(owner_client)
    owner_client.delete(f"{DOCUMENTS}/{key}")

    assert refusal(owner_client.post(f"{DOCUMENTS}/{key}/reindex")) == (404, "not_found")


def test_api_documents_reindex_peer_gets_the_404_of_a_missing_one(owner: User, peer_client: APIClient) -> None:
    document = make(owner)

    assert_foreign_is_missing(peer_client, "post", f"{DOCUMENTS}/{{}}/reindex", document.pk)
    assert jobs() == []


def test_api_documents_reindex_stranger_gets_401(owner: User, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(f"{DOCUMENTS}/{make(owner).pk}/reindex")) == (401, "not_authenticated")
