"""DELETE /api/v1/knowledge/documents/{id}."""

from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.models import ChunkVector, KnowledgeDoc, VectorChunk
from knowledge.tests.api import DOCUMENTS, add, indexed, make, run_jobs
from resources.purge import IN_TRASH, purge
from tasks.tests.api import assert_foreign_is_missing, refusal


def test_api_documents_delete_moves_it_to_the_trash_in_one_statement(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = indexed(owner_client)

    with django_assert_num_queries(1):
        assert owner_client.delete(f"{DOCUMENTS}/{key}").status_code == 204

    document = KnowledgeDoc.objects.get()
    assert document.trashed_at is not None
    assert (document.status, VectorChunk.objects.exists(), ChunkVector.objects.exists()) == ("completed", True, True)
    assert owner_client.get(DOCUMENTS).json()["results"] == []
    assert refusal(owner_client.delete(f"{DOCUMENTS}/{key}")) == (404, "not_found")


def test_api_documents_delete_cancels_what_is_not_indexed_yet(owner_client: APIClient) -> None:
    key = add(owner_client)["id"]

    owner_client.delete(f"{DOCUMENTS}/{key}")
    run_jobs()

    assert KnowledgeDoc.objects.get().status == "cancelled"
    assert not VectorChunk.objects.exists()


def test_api_documents_delete_for_good_takes_chunks_and_vectors_along_in_one_statement(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = indexed(owner_client)
    owner_client.delete(f"{DOCUMENTS}/{key}")

    with django_assert_num_queries(1):
        assert owner_client.delete(f"{DOCUMENTS}/{key}?trashed=true").status_code == 204

    assert not KnowledgeDoc.objects.exists()
    assert not VectorChunk.objects.exists()
    assert not ChunkVector.objects.exists()
    assert Event.objects.filter(action="document.deleted", object_id=key).count() == 1


def test_api_documents_delete_for_good_of_what_is_live_is_404(owner: User, owner_client: APIClient) -> None:
    document = make(owner)

    assert refusal(owner_client.delete(f"{DOCUMENTS}/{document.pk}?trashed=true")) == (404, "not_found")
    assert KnowledgeDoc.objects.exists()


def test_api_documents_delete_of_another_version_is_412(owner: User, owner_client: APIClient) -> None:
    document = make(owner)

    response = owner_client.delete(f"{DOCUMENTS}/{document.pk}", headers={"If-Match": '"2"'})

    assert (refusal(response), response["ETag"]) == ((412, "precondition_failed"), '"1"')
    assert KnowledgeDoc.objects.get().trashed_at is None


def test_api_documents_delete_peer_gets_the_404_of_a_missing_one(owner: User, peer_client: APIClient) -> None:
    live, trashed = make(owner, 1), make(owner, 2, trashed_at=timezone.now())

    for document in (live, trashed):
        for query in ("", "?trashed=true"):
            assert_foreign_is_missing(peer_client, "delete", f"{DOCUMENTS}/{{}}{query}", document.pk)
    assert list(KnowledgeDoc.objects.order_by("pk").values_list("trashed_at", flat=True)) == [None, trashed.trashed_at]


def test_api_documents_delete_stranger_gets_401(owner: User, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.delete(f"{DOCUMENTS}/{make(owner).pk}")) == (401, "not_authenticated")


def test_the_trash_is_emptied_when_its_time_is_over(owner_client: APIClient) -> None:
    keys = [indexed(owner_client, content=content) for content in ("Old.", "Young.", "Live.")]
    for key, age in zip(keys, (IN_TRASH * 2, IN_TRASH / 2), strict=False):
        KnowledgeDoc.objects.filter(pk=key).update(trashed_at=timezone.now() - age)

    assert purge()["documents"] == 1
    assert {str(key) for key in KnowledgeDoc.objects.values_list("pk", flat=True)} == set(keys[1:])
    assert VectorChunk.objects.count() == ChunkVector.objects.count() == 2
