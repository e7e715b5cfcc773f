"""Documents in the admin: what staff see of their indexing, and that they can have it done again."""

from typing import Any

import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import User
from knowledge import services
from knowledge.models import KnowledgeDoc

URL = "/admin/knowledge/knowledgedoc/"


@pytest.fixture
def document(owner: User) -> KnowledgeDoc:
    """Couldn't be indexed."""
    document = services.create_document(owner_id=owner.pk, title="Lease", content="Cats are welcome.")
    ProcrastinateJob.objects.all().delete()
    error = {"code": "embedding_key_expired", "message": "The key has expired."}
    KnowledgeDoc.objects.update(status="failed", last_error=error)
    document.refresh_from_db()
    return document


def reindex(browser: Client, *documents: KnowledgeDoc) -> Any:
    chosen = {"action": "reindex", "_selected_action": [str(document.pk) for document in documents]}
    return browser.post(URL, chosen, follow=True)


def test_admin_documents_list_says_why_one_failed(document: KnowledgeDoc, staff_browser: Client) -> None:
    assert "embedding_key_expired" in staff_browser.get(URL).content.decode()


def test_admin_documents_can_be_indexed_again(document: KnowledgeDoc, staff_browser: Client) -> None:
    page = reindex(staff_browser, document)

    assert "1 document is being indexed again." in page.content.decode()
    document.refresh_from_db()
    assert (document.status, document.last_error, document.revision) == ("in_progress", None, 2)
    assert ProcrastinateJob.objects.get().args["document_id"] == str(document.pk)


@pytest.mark.parametrize("state", [{"trashed_at": "2026-01-01T00:00:00Z"}, {"own_chunks": True}])
def test_admin_documents_in_the_trash_or_with_passages_of_their_owners_stay_as_they_are(
    state: dict[str, Any], document: KnowledgeDoc, staff_browser: Client
) -> None:
    KnowledgeDoc.objects.update(**state)

    page = reindex(staff_browser, document)

    assert "0 documents are being indexed again." in page.content.decode()
    document.refresh_from_db()
    assert (document.status, document.revision) == ("failed", 1)
    assert not ProcrastinateJob.objects.exists()


def test_admin_documents_of_files_show_their_content_and_do_not_let_it_be_edited(
    document: KnowledgeDoc, staff_browser: Client
) -> None:
    page = f"{URL}{document.pk}/change/"
    assert 'name="content"' in staff_browser.get(page).content.decode()

    file = {"file_key": f"{document.owner_id}/x", "file_name": "x.pdf", "file_type": "application/pdf"}
    KnowledgeDoc.objects.update(**file, file_size=1, file_hash="0" * 64)

    text = staff_browser.get(page).content.decode()
    assert 'name="content"' not in text
    assert "Cats are welcome." in text and "x.pdf" in text


def test_admin_documents_lead_to_their_chunks(document: KnowledgeDoc, staff_browser: Client) -> None:
    text = staff_browser.get(f"{URL}{document.pk}/change/").content.decode()

    assert f"/admin/knowledge/vectorchunk/?q={document.pk}" in text


FORM = {"title": "Copy", "language": "en", "metadata": "{}", "chunk_tokens": "254", "chunk_overlap": "32"}


def test_admin_documents_with_the_content_of_another_are_refused(
    document: KnowledgeDoc, peer: User, staff_browser: Client
) -> None:
    new = FORM | {"content": document.content}

    refused = staff_browser.post(f"{URL}add/", new | {"owner": str(document.owner_id)})

    assert refused.status_code == 200
    assert refused.context["adminform"].errors == {"content": ["There is a document with this content."]}
    assert staff_browser.post(f"{URL}add/", new | {"owner": str(peer.pk)}).status_code == 302
    assert staff_browser.post(f"{URL}{document.pk}/change/", new).status_code == 302
    assert KnowledgeDoc.objects.count() == 2
