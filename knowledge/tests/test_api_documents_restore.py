"""POST /api/v1/knowledge/documents/{id}/restore."""

from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from knowledge.models import KnowledgeDoc, VectorChunk
from knowledge.tests.api import DOCUMENTS, add, indexed, jobs, make, run_jobs
from tasks.tests.api import assert_foreign_is_missing, refusal


def test_api_documents_restore_brings_back_what_can_be_found(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = indexed(owner_client)
    before = owner_client.get(f"{DOCUMENTS}/{key}").json()
    owner_client.delete(f"{DOCUMENTS}/{key}")

    with django_assert_num_queries(3):  # savepoint, document, release
        response = owner_client.post(f"{DOCUMENTS}/{key}/restore")

    assert (response.status_code, response.json()["trashed_at"], response.json()["status"]) == (200, None, "completed")
    changed = ("updated_at", "version", "content")
    assert {**response.json(), **{name: before[name] for name in changed}} == before
    assert jobs() == []


def test_api_documents_restore_continues_what_the_trash_has_cancelled(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = add(owner_client)["id"]
    owner_client.delete(f"{DOCUMENTS}/{key}")

    with django_assert_num_queries(4):  # savepoint, document, job, release
        response = owner_client.post(f"{DOCUMENTS}/{key}/restore")

    assert (response.json()["status"], jobs()) == ("in_progress", [key, key])
    run_jobs()
    assert KnowledgeDoc.objects.get().status == "completed"
    assert VectorChunk.objects.exists()


def test_api_documents_restore_of_a_failed_one_leaves_it_so(owner: User, owner_client: APIClient) -> None:
    document = make(owner, status="failed", trashed_at=timezone.now())

    assert owner_client.post(f"{DOCUMENTS}/{document.pk}/restore").json()["status"] == "failed"
    assert jobs() == []


def test_api_documents_restore_beside_its_like_is_409(owner: User, owner_client: APIClient) -> None:
    trashed, live = make(owner, trashed_at=timezone.now()), make(owner)

    for headers in ({}, {"Idempotency-Key": "a"}):
        response = owner_client.post(f"{DOCUMENTS}/{trashed.pk}/restore", headers=headers)
        assert refusal(response) == (409, "content_exists")
        assert response.json()["existing"] == str(live.pk)
    trashed.refresh_from_db()
    assert trashed.trashed_at is not None


def test_api_documents_restore_of_what_is_live_leaves_it(owner: User, owner_client: APIClient) -> None:
    document = make(owner)

    response = owner_client.post(f"{DOCUMENTS}/{document.pk}/restore")

    assert (response.status_code, response["ETag"]) == (200, '"1"')


def test_api_documents_restore_is_retry_safe(owner_client: APIClient) -> None:
    key = add(owner_client)["id"]
    owner_client.delete(f"{DOCUMENTS}/{key}")

    first, again = (owner_client.post(f"{DOCUMENTS}/{key}/restore", headers={"Idempotency-Key": "a"}) for _ in range(2))

    assert (again.content, again["ETag"]) == (first.content, first["ETag"])
    assert jobs() == [key, key]


def test_api_documents_restore_of_another_version_is_412(owner: User, owner_client: APIClient) -> None:
    document = make(owner, trashed_at=timezone.now())

    response = owner_client.post(f"{DOCUMENTS}/{document.pk}/restore", headers={"If-Match": '"7"'})

    assert refusal(response) == (412, "precondition_failed")


def test_api_documents_restore_peer_gets_the_404_of_a_missing_one(owner: User, peer_client: APIClient) -> None:
    document = make(owner, trashed_at=timezone.now())

    assert_foreign_is_missing(peer_client, "post", f"{DOCUMENTS}/{{}}/restore", document.pk)
    document.refresh_from_db()
    assert document.trashed_at is not None


def test_api_documents_restore_stranger_gets_401(owner: User, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(f"{DOCUMENTS}/{make(owner).pk}/restore")) == (401, "not_authenticated")
