"""GET and PUT /api/v1/knowledge/documents/{id}/file."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.files import purge_files
from knowledge.models import DiscardedFile, KnowledgeDoc
from knowledge.tests import corpus
from knowledge.tests.api import DOCUMENTS, add, jobs, make
from knowledge.tests.uploads import FILE, TEXT, a_file, lying, put, upload
from tasks.tests.api import assert_foreign_is_missing, errors, refusal

NEW = b"# Another\n\nDogs are welcome.\n"


def get(client: APIClient, pk: Any, query: str = "", **headers: str) -> Any:
    return client.get(FILE.format(pk) + query, headers=headers)


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_api_documents_file_owner_gets_the_original_to_the_byte(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    data = corpus.pdf("Zoo")
    body = upload(owner_client, data, 'Der "Vertrag" 1€.pdf')

    with django_assert_num_queries(2):  # document, record
        response = get(owner_client, body["id"])

    assert response.status_code == 200
    assert content(response) == data
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Length"] == str(len(data))
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''Der%20%22Vertrag%22%201%E2%82%AC.pdf"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["ETag"] == '"1"'


def test_api_documents_file_reading_is_on_record(owner: User, owner_client: APIClient) -> None:
    body = upload(owner_client)
    content(get(owner_client, body["id"]))

    event = Event.objects.get(action="document.read")
    assert (event.actor, event.object_type, str(event.object_id)) == (str(owner.pk), "document", body["id"])
    assert event.detail == {"file": True}


def test_api_documents_file_whoever_knows_it_gets_304(owner_client: APIClient) -> None:
    body = upload(owner_client)
    response = get(owner_client, body["id"], **{"If-None-Match": '"1"'})

    assert (response.status_code, response["ETag"]) == (304, '"1"')
    assert not Event.objects.filter(action="document.read").exists()
    assert content(get(owner_client, body["id"], **{"If-None-Match": '"2"'})) == TEXT


@pytest.mark.parametrize("accepted", ["application/pdf", "text/markdown", "image/png", "text/html, */*;q=0.1"])
def test_api_documents_file_is_of_the_kind_that_it_is(accepted: str, owner_client: APIClient) -> None:
    body = upload(owner_client)

    assert content(get(owner_client, body["id"], Accept=accepted)) == TEXT
    assert refusal(get(owner_client, body["id"][:-4] + "0000", Accept=accepted)) == (404, "not_found")


def test_api_documents_file_of_html_runs_nowhere(owner_client: APIClient) -> None:
    body = upload(owner_client, corpus.PAGE.encode(), "a.html")
    response = get(owner_client, body["id"])

    assert content(response) == corpus.PAGE.encode()
    assert response["Content-Type"] == "text/html"
    assert response["Content-Disposition"] == 'attachment; filename="a.html"'
    assert response["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize("verb", ["get", "put"])
def test_api_documents_file_peer_gets_404_and_stranger_401(
    verb: str, owner_client: APIClient, peer_client: APIClient, stranger_client: APIClient, stored: Path
) -> None:
    body = upload(owner_client)
    sent: Any = {"file": a_file(NEW)} if verb == "put" else None
    for client, answer in ((peer_client, (404, "not_found")), (stranger_client, (401, "not_authenticated"))):
        kind = {"format": "multipart"} if verb == "put" else {}
        assert refusal(getattr(client, verb)(FILE.format(body["id"]), sent, **kind)) == answer

    assert lying(stored) == [TEXT]
    assert not Event.objects.filter(action="document.read").exists()


def test_api_documents_file_peer_cant_tell_it_from_a_missing_one(
    owner_client: APIClient, peer_client: APIClient
) -> None:
    body = upload(owner_client)

    assert_foreign_is_missing(peer_client, "get", FILE, body["id"])


def test_api_documents_file_of_a_text_is_404(owner_client: APIClient) -> None:
    assert refusal(get(owner_client, add(owner_client)["id"])) == (404, "not_found")


def test_api_documents_file_in_the_trash_is_found_there_only(owner_client: APIClient) -> None:
    body = upload(owner_client)
    owner_client.delete(f"{DOCUMENTS}/{body['id']}")

    assert refusal(get(owner_client, body["id"])) == (404, "not_found")
    assert content(get(owner_client, body["id"], "?trashed=true")) == TEXT
    assert refusal(put(owner_client, body["id"], NEW)) == (404, "not_found")
    assert errors(get(owner_client, body["id"], "?fields=id"))[0][0] == "query.fields"


def test_api_documents_file_that_the_storage_has_lost_is_503(owner_client: APIClient, stored: Path) -> None:
    body = upload(owner_client)
    for path in stored.rglob("*"):
        if path.is_file():
            path.unlink()

    assert refusal(get(owner_client, body["id"])) == (503, "storage_unavailable")


def test_api_documents_file_head_tells_how_large_it_is(owner_client: APIClient) -> None:
    response = owner_client.head(FILE.format(upload(owner_client)["id"]))

    response.close()
    assert (response.status_code, response["Content-Length"]) == (200, str(len(TEXT)))


def test_api_documents_file_put_has_the_new_one_read_and_indexed(
    owner_client: APIClient, stored: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    body = upload(owner_client, title="Lease", tags=["home"])
    KnowledgeDoc.objects.update(status="failed", content="as it was", page_starts=[0], last_error={"code": "corrupt"})
    ProcrastinateJob.objects.all().delete()

    # Is it there; is it another's; listed for deletion; then document, off the list, job. Both between savepoints.
    with django_assert_num_queries(10):
        response = put(owner_client, body["id"], NEW)

    assert response.status_code == 200
    after = response.json()
    assert response["ETag"] == f'"{after["version"]}"'
    assert after["file"] == {"name": "New.md", "type": "text/markdown", "size": len(NEW)}
    assert after["content_hash"] == hashlib.sha256(NEW).hexdigest()
    assert (after["title"], after["tags"]) == ("Lease", ["home"])
    assert (after["status"], after["last_error"]) == ("in_progress", None)
    document = KnowledgeDoc.objects.get()
    assert (document.content, document.page_starts, document.revision) == ("", None, 2)
    assert jobs() == [body["id"]]
    assert content(get(owner_client, body["id"])) == NEW
    assert lying(stored) == [NEW, TEXT]
    assert purge_files() == 1
    assert lying(stored) == [NEW]


def test_api_documents_file_put_makes_a_text_the_document_of_a_file(owner_client: APIClient) -> None:
    body = add(owner_client)
    KnowledgeDoc.objects.update(own_chunks=True, status="completed")

    after = put(owner_client, body["id"], NEW).json()

    assert after["file"]["name"] == "New.md"
    assert after["chunking"]["by"] == "server"
    assert after["status"] == "in_progress"


def test_api_documents_file_put_of_the_same_file_tries_again(owner_client: APIClient, stored: Path) -> None:
    body = upload(owner_client)
    KnowledgeDoc.objects.update(status="failed")

    assert put(owner_client, body["id"], TEXT).json()["status"] == "in_progress"
    purge_files()
    assert lying(stored) == [TEXT]


def test_api_documents_file_put_needs_the_version_that_is_there(owner_client: APIClient, stored: Path) -> None:
    body = upload(owner_client)

    assert refusal(put(owner_client, body["id"], NEW, **{"If-Match": '"2"'})) == (412, "precondition_failed")
    assert refusal(put(owner_client, body["id"], NEW, **{"If-None-Match": "*"})) == (412, "precondition_failed")
    assert lying(stored) == [TEXT]
    assert put(owner_client, body["id"], NEW, **{"If-Match": '"1"'}).status_code == 200


def test_api_documents_file_put_of_another_documents_file_is_409(owner_client: APIClient, stored: Path) -> None:
    body = upload(owner_client)
    other = upload(owner_client, NEW)
    response = put(owner_client, body["id"], NEW)

    assert refusal(response) == (409, "content_exists")
    assert response.json()["existing"] == other["id"]
    assert lying(stored) == [NEW, TEXT]


def test_api_documents_file_put_takes_one_file_and_nothing_else(owner_client: APIClient, settings: Settings) -> None:
    body = upload(owner_client)
    address = FILE.format(body["id"])
    form = {"file": a_file(NEW), "title": "Other"}

    assert errors(owner_client.put(address, form, format="multipart")) == [("body.title", "unknown_field")]
    assert errors(owner_client.put(address, {}, format="multipart")) == [("body.file", "required")]
    assert refusal(put(owner_client, body["id"], b"\x7fELF")) == (415, "unsupported_media_type")
    assert refusal(owner_client.put(address, {"file": "a"})) == (415, "unsupported_media_type")
    settings.UPLOAD_MAX_BYTES = 3
    assert refusal(put(owner_client, body["id"], NEW)) == (413, "payload_too_large")


def test_api_documents_file_goes_with_its_document(owner_client: APIClient, stored: Path) -> None:
    body = upload(owner_client)
    address = f"{DOCUMENTS}/{body['id']}"
    owner_client.delete(address)
    assert (purge_files(), lying(stored)) == (0, [TEXT])

    assert owner_client.delete(f"{address}?trashed=true").status_code == 204

    assert DiscardedFile.objects.count() == 1
    assert (purge_files(), lying(stored)) == (1, [])


def test_api_documents_file_cant_be_another_owners(owner: User, peer: User, owner_client: APIClient) -> None:
    upload(owner_client)
    key = KnowledgeDoc.objects.get().file_key

    with pytest.raises(Exception, match="knowledge_knowledgedoc_file_owner"):
        make(peer, file_key=key, file_name="a", file_type="a", file_size=1, file_hash="a" * 64)
