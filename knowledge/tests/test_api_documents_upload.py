"""POST /api/v1/knowledge/documents/upload."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import FileSystemStorage
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.extraction.sniffing import DOCX
from knowledge.models import DiscardedFile, KnowledgeDoc
from knowledge.tests import corpus
from knowledge.tests.api import DOCUMENTS, add, jobs
from knowledge.tests.uploads import END, TEXT, UPLOAD, lying, part, raw, send, upload
from knowledge.upload_parsers import BESIDE_THE_FILE
from resources.models import IdempotencyKey
from tasks.tests.api import at_once, errors, refusal

KEY = {"Idempotency-Key": "once"}


def test_api_documents_upload_owner_is_told_where_to_look(
    owner: User, owner_client: APIClient, stored: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # Is it there already; listed for deletion; then document, off the list, job. Both between savepoints.
    with django_assert_num_queries(9):
        response: Any = send(owner_client)

    assert response.status_code == 202
    body = response.json()
    assert response["Location"] == f"http://testserver{DOCUMENTS}/{body['id']}"
    assert response["ETag"] == '"1"'
    assert body["title"] == "Lease"
    assert body["file"] == {"name": "Lease.md", "type": "text/markdown", "size": len(TEXT)}
    assert body["content_hash"] == hashlib.sha256(TEXT).hexdigest()
    assert (body["status"], body["version"], body["chunk_count"]) == ("in_progress", 1, 0)
    document = KnowledgeDoc.objects.get()
    assert (document.owner, document.content, document.page_starts) == (owner, "", None)
    assert document.file_key and document.file_key.startswith(f"{owner.pk}/")
    assert "Lease" not in document.file_key
    assert jobs() == [body["id"]]
    assert ProcrastinateJob.objects.get().args["owner_id"] == str(owner.pk)
    assert lying(stored) == [TEXT]
    assert not DiscardedFile.objects.exists()


def test_api_documents_upload_nobody_else_on_the_machine_can_read_the_file(
    owner_client: APIClient, stored: Path
) -> None:
    upload(owner_client)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in stored.rglob("*")}
    assert modes == {0o600, 0o700}


def test_api_documents_upload_is_on_record_without_what_it_says(owner: User, owner_client: APIClient) -> None:
    body = upload(owner_client, title="Secret", tags=["hush"])

    event = Event.objects.get(object_id=body["id"])
    assert (event.action, event.actor) == ("document.created", str(owner.pk))
    assert not {"Secret", "Lease", "hush"} & set(json.dumps(event.changes).split('"'))


def test_api_documents_upload_keeps_all_that_is_said(owner_client: APIClient) -> None:
    said = {
        "title": " Mietvertrag ",
        "metadata": '{"z": 1, "a": [1.50, null], "big": 12345678901234567890123}',
        "tags": ["home", "rent", "home"],
        "language": "de",
        "source_uri": "https://example.com/lease",
    }

    body = upload(owner_client, **said)

    assert body["title"] == "Mietvertrag"
    assert body["metadata"] == json.loads(said["metadata"])  # type: ignore[arg-type]
    assert body["tags"] == ["home", "rent"]
    assert (body["language"], body["source_uri"]) == ("de", "https://example.com/lease")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Lease.pdf", "Lease"),
        ("../../etc/Lease.md", "Lease"),
        ("C:\\rents\\Lease 2.tar.gz", "Lease 2.tar"),
        ("Grüße  an\u200balle.txt", "Grüße analle"),
        (".md", ".md"),
        ("x" * 300 + ".md", "x" * 252),
        ("a;b=c 'd'.md", "a;b=c 'd'"),
    ],
)
def test_api_documents_upload_has_its_title_of_the_files_name(name: str, title: str, owner_client: APIClient) -> None:
    assert upload(owner_client, name=name)["title"] == title


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (corpus.pdf("Zoo"), "a.exe", "application/pdf"),
        (corpus.docx(), "a", DOCX),
        (corpus.PAGE.encode(), "a.txt", "text/html"),
        (b"a,b\n", "a.csv", "text/csv"),
        (corpus.halved(corpus.docx()), "a.docx", DOCX),
    ],
)
def test_api_documents_upload_believes_the_content_and_not_the_name(
    data: bytes, name: str, media_type: str, owner_client: APIClient
) -> None:
    assert upload(owner_client, data, name)["file"]["type"] == media_type


def test_api_documents_upload_of_a_kind_that_isnt_taken_is_refused(owner_client: APIClient, stored: Path) -> None:
    response: Any = send(owner_client, b"\x89PNG\r\n\x1a\n\x00", "photo.pdf")

    assert refusal(response) == (415, "unsupported_media_type")
    assert "PDF, Word (.docx), HTML, Markdown, plain text, CSV" in response.json()["detail"]
    assert lying(stored) == []


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
def test_api_documents_upload_takes_forms_with_files_only(content_type: str, owner_client: APIClient) -> None:
    response = owner_client.generic("POST", UPLOAD, b'{"file": "a"}', content_type)

    assert refusal(response) == (415, "unsupported_media_type")


def test_api_documents_upload_stranger_gets_401(stranger_client: APIClient, stored: Path) -> None:
    assert refusal(send(stranger_client)) == (401, "not_authenticated")
    assert lying(stored) == []


def test_api_documents_upload_peer_may_have_the_same_file(
    owner_client: APIClient, peer: User, peer_client: APIClient, stored: Path
) -> None:
    upload(owner_client)
    theirs = upload(peer_client)

    assert KnowledgeDoc.objects.get(pk=theirs["id"]).owner == peer
    assert lying(stored) == [TEXT, TEXT]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (END, [("body.file", "required")]),
        (b"", [("body.file", "required")]),
        (part("title", b"Lease") + END, [("body.file", "required")]),
        (part("file", b"text") + END, [("body.file", "invalid")]),
        (part("file", b"", "a.md") + END, [("body.file", "empty")]),
        (part("file", b"a", "a.md") * 2 + END, [("body.file", "repeated")]),
        (part("file", b"a", "a.md") + part("file", b"text") + END, [("body.file", "repeated")]),
        (part("file", b"a", "a.md") + part("other", b"b", "b.md") + END, [("body.other", "unknown_field")]),
        (part("file", b"a", "a.md") + part("content", b"b") + END, [("body.content", "unknown_field")]),
        (part("file", b"a", "a.md") + part("title", b"b") * 2 + END, [("body.title", "repeated")]),
        (part("file", b"a", "a.md") + part("title", b"b", "b.md") + END, [("body.title", "invalid")]),
        (part("file", b"a", "a.md") + part("title", b" ") + END, [("body.title", "blank")]),
        (part("file", b"a", "a.md") + part("title", b"a\0b") + END, [("body.title", "null_characters_not_allowed")]),
        (part("file", b"a", "a.md") + part("title", b"x" * 256) + END, [("body.title", "max_length")]),
        (part("file", b"a", "a.md") + part("language", b"xx") + END, [("body.language", "invalid_choice")]),
        (part("file", b"a", "a.md") + part("if_exists", b"no") + END, [("body.if_exists", "invalid_choice")]),
        (part("file", b"a", "a.md") + part("tags", b"x" * 61) + END, [("body.tags.0", "max_length")]),
        (part("file", b"a", "a.md") + part("tags", b"x") * 51 + END, [("body.tags", "max_length")]),
        (part("file", b"a", "a.md") + part("tags", b"x", "x.md") + END, [("body.tags.0", "invalid")]),
        (part("file", b"a", "a.md") + part("metadata", b"[]") + END, [("body.metadata", "not_an_object")]),
        (part("file", b"a", "a.md") + part("metadata", b"{") + END, [("body.metadata", "invalid")]),
        (part("file", b"a", "a.md") + part("metadata", b'{"a":1,"a":2}') + END, [("body.metadata", "invalid")]),
        (part("file", b"a", "a.md") + part("metadata", b'{"a":NaN}') + END, [("body.metadata", "invalid")]),
        (part("file", b"a", "a.md") + part("metadata", b'{"a":"\\u0000"}') + END, [("body.metadata", "invalid")]),
        (part("file", b"a", "a.md") + part("metadata", b"{}", "a.json") + END, [("body.metadata", "invalid")]),
    ],
)
def test_api_documents_upload_says_what_is_wrong_with_a_form(
    body: bytes, found: list[tuple[str, str]], owner_client: APIClient, stored: Path
) -> None:
    assert errors(raw(owner_client, body)) == found
    assert lying(stored) == []


WHOLE = part("file", b"text", "a.md") + END


@pytest.mark.parametrize(
    "body",
    [
        WHOLE[:-10],
        part("file", b"text", "a.md"),
        WHOLE.replace(END, b""),
        b"nothing of the kind",
        b"\x00\xff" * 50,
        part("title", b"a") * 1_001 + END,
        part("file", b"a", "a.md") * 101 + END,
    ],
)
def test_api_documents_upload_of_a_broken_form_is_400(body: bytes, owner_client: APIClient, stored: Path) -> None:
    assert refusal(raw(owner_client, body)) == (400, "parse_error")
    assert lying(stored) == []


def test_api_documents_upload_without_a_boundary_is_400(owner_client: APIClient) -> None:
    assert refusal(owner_client.generic("POST", UPLOAD, WHOLE, "multipart/form-data")) == (400, "parse_error")
    assert refusal(raw(owner_client, WHOLE, "another")) == (400, "parse_error")


def test_api_documents_upload_may_have_its_boundary_in_quotes(owner_client: APIClient) -> None:
    assert raw(owner_client, WHOLE, '"b0undary"').status_code == 202


def test_api_documents_upload_that_is_too_large_is_413(
    owner_client: APIClient, settings: Settings, stored: Path
) -> None:
    settings.UPLOAD_MAX_BYTES = 1_000

    assert upload(owner_client, b"a" * 1_000)["file"]["size"] == 1_000
    assert refusal(send(owner_client, b"a" * 1_001)) == (413, "payload_too_large")
    assert len(lying(stored)) == 1


class Unread:
    """A body that nobody may read."""

    def read(self, *args: Any) -> bytes:
        raise AssertionError("it was read")

    readline = read


def test_api_documents_upload_that_says_it_is_too_large_isnt_read(owner_client: APIClient, settings: Settings) -> None:
    said = {"CONTENT_LENGTH": str(settings.UPLOAD_MAX_BYTES + BESIDE_THE_FILE + 1), "wsgi.input": Unread()}

    assert refusal(raw(owner_client, b"", **said)) == (413, "payload_too_large")


def test_api_documents_upload_fields_are_bounded_too(owner_client: APIClient, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000

    assert refusal(send(owner_client, title="a" * 1_001)) == (413, "payload_too_large")


def test_api_documents_upload_of_a_large_file_is_spooled_to_the_disk(
    owner_client: APIClient, settings: Settings, stored: Path
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 100
    data = b"0123456789" * 1_000

    assert upload(owner_client, data, "a.txt")["content_hash"] == hashlib.sha256(data).hexdigest()
    assert lying(stored) == [data]
    assert {stat.S_IMODE(path.stat().st_mode) for path in stored.rglob("*") if path.is_file()} == {0o600}


def test_api_documents_upload_of_the_same_file_is_409_and_not_stored_again(
    owner_client: APIClient, stored: Path
) -> None:
    body = upload(owner_client)
    response: Any = send(owner_client, name="Other.txt")

    assert refusal(response) == (409, "content_exists")
    assert response.json()["existing"] == body["id"]
    assert lying(stored) == [TEXT]
    assert not DiscardedFile.objects.exists()


def test_api_documents_upload_of_a_documents_content_is_409(owner_client: APIClient) -> None:
    body = add(owner_client, content=TEXT.decode())

    assert send(owner_client).json()["existing"] == body["id"]  # type: ignore[attr-defined]


def test_api_documents_upload_of_the_same_file_may_update(owner_client: APIClient, stored: Path) -> None:
    body = upload(owner_client, tags=["home"])
    ProcrastinateJob.objects.all().delete()

    response: Any = send(owner_client, name="Other.txt", metadata='{"a": 1}', if_exists="update")

    assert response.status_code == 200
    assert response["Location"] == f"http://testserver{DOCUMENTS}/{body['id']}"
    after = response.json()
    assert after == body | {"metadata": {"a": 1}, "version": 2, "updated_at": after["updated_at"]}
    assert lying(stored) == [TEXT]
    assert jobs() == []


def test_api_documents_upload_of_a_trashed_documents_file_is_a_new_document(
    owner_client: APIClient, stored: Path
) -> None:
    body = upload(owner_client)
    owner_client.delete(f"{DOCUMENTS}/{body['id']}")

    assert upload(owner_client)["id"] != body["id"]
    assert lying(stored) == [TEXT, TEXT]


@pytest.mark.django_db(transaction=True)
def test_api_documents_upload_of_one_file_twice_at_once_makes_one_document(
    owner: User, sign_in: Any, stored: Path
) -> None:
    clients = [sign_in(owner) for _ in range(2)]

    answers = at_once(*(lambda client=client: send(client).status_code for client in clients))  # type: ignore[misc]

    assert sorted(answers) == [202, 409]
    assert KnowledgeDoc.objects.count() == 1
    assert len(lying(stored)) == 1 + DiscardedFile.objects.count()


def test_api_documents_upload_sent_again_with_its_key_gets_the_first_answer(
    owner_client: APIClient, stored: Path
) -> None:
    first, again = (send(owner_client, tags=["home"], headers=KEY) for _ in range(2))

    assert again["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.content) == (202, first.content)
    assert (again["Location"], again["ETag"]) == (first["Location"], first["ETag"])
    assert KnowledgeDoc.objects.count() == 1
    assert lying(stored) == [TEXT]
    assert len(jobs()) == 1


@pytest.mark.parametrize(
    "change", [{"data": b"another"}, {"name": "another.md"}, {"title": "another"}, {"tags": ["another"]}]
)
def test_api_documents_upload_key_belongs_to_one_form(
    change: dict[str, Any], owner_client: APIClient, stored: Path
) -> None:
    upload(owner_client, headers=KEY)

    assert errors(send(owner_client, **{**change, "headers": KEY})) == [
        ("header.Idempotency-Key", "idempotency_key_reused")
    ]
    assert lying(stored) == [TEXT]


def test_api_documents_upload_that_was_refused_may_be_mended_under_its_key(
    owner_client: APIClient, stored: Path
) -> None:
    existing = upload(owner_client)
    assert refusal(send(owner_client, headers=KEY)) == (409, "content_exists")

    assert not IdempotencyKey.objects.exists()
    owner_client.delete(f"{DOCUMENTS}/{existing['id']}")
    upload(owner_client, headers=KEY)


def test_api_documents_upload_that_cant_be_stored_is_503(
    owner_client: APIClient, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any, *args: Any) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    response: Any = send(owner_client)

    assert refusal(response) == (503, "storage_unavailable")
    assert "No space" not in response.json()["detail"]
    assert response["Retry-After"] == "5"
    assert not KnowledgeDoc.objects.exists()
    assert DiscardedFile.objects.count() == 1


def test_api_documents_upload_a_reader_sees_the_document(owner_client: APIClient, peer_client: APIClient) -> None:
    body = upload(owner_client)

    assert UUID(body["id"])
    assert owner_client.get(f"{DOCUMENTS}/{body['id']}").json()["content"] == ""
    assert peer_client.get(f"{DOCUMENTS}/{body['id']}").status_code == 404


def test_api_documents_upload_of_a_large_file_waits_for_smaller_ones(owner_client: APIClient) -> None:
    upload(owner_client, b"a" * 30_000)
    upload(owner_client)

    assert [job.priority for job in ProcrastinateJob.objects.order_by("id")] == [-3, 0]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "zoo"}])
def test_api_documents_upload_of_nothing_at_all_is_422(headers: dict[str, str], owner_client: APIClient) -> None:
    response = owner_client.generic("POST", UPLOAD, "", "", headers=headers)

    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == ["body.file"]
