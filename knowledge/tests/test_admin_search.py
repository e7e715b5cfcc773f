"""The admin's search page: what a user would find, and why."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import Event
from knowledge import indexing, search, services
from knowledge.embeddings import EmbeddingError
from knowledge.models import KnowledgeDoc

URL = "/admin/knowledge/knowledgedoc/search/"


@pytest.fixture
def document(owner: User) -> KnowledgeDoc:
    """Can be found."""
    document = services.create_document(
        owner_id=owner.pk, title="Lease", content="Cats are welcome, <b>dogs</b> are not."
    )
    indexing.index(owner_id=owner.pk, document_id=document.pk)
    return document


def ask(browser: Client, **fields: str) -> Any:
    return browser.post(URL, {"owner": "owner@example.com", "query": "may I keep a cat?", "mode": "hybrid"} | fields)


def test_admin_search_shows_ranks_of_both_ways_and_the_words_that_match(
    document: KnowledgeDoc, staff_browser: Client
) -> None:
    page = ask(staff_browser)

    assert page.status_code == 200
    (hit,) = page.context["hits"]
    assert hit.found["ranks"] == {"semantic": 1, "keyword": 1}
    assert hit.words == ["cats"]
    text = page.content.decode()
    assert "<mark>Cats</mark> are welcome, &lt;b&gt;dogs&lt;/b&gt; are not." in text
    assert reverse("admin:knowledge_knowledgedoc_change", args=[document.pk]) in text


def test_admin_search_finds_nothing_of_others(document: KnowledgeDoc, peer: User, staff_browser: Client) -> None:
    page = ask(staff_browser, owner=" Peer@Example.com ")

    assert page.context["hits"] == []
    assert "Nothing was found." in page.content.decode()


def test_admin_search_is_on_record_in_the_name_of_who_searches(
    document: KnowledgeDoc, staff: User, staff_browser: Client
) -> None:
    ask(staff_browser)

    event = Event.objects.get(action="search.performed")
    assert (event.actor, event.owner_id) == (str(staff.pk), document.owner_id)
    assert event.detail == {"hits": 1, "documents": [str(document.pk)], "query": "•••"}


@pytest.mark.parametrize(
    ("fields", "member"),
    [({"owner": "nobody@example.com"}, "owner"), ({"query": ""}, "query"), ({"mode": "x"}, "mode")],
)
def test_admin_search_says_what_is_wrong(
    fields: dict[str, str], member: str, staff_browser: Client, owner: User
) -> None:
    page = ask(staff_browser, **fields)

    assert list(page.context["form"].errors) == [member]
    assert not Event.objects.filter(action="search.performed").exists()


@pytest.mark.parametrize(("mode", "words_alone"), [("hybrid", True), ("semantic", False)])
def test_admin_search_without_a_model_finds_by_words_and_says_so(
    mode: str, words_alone: bool, document: KnowledgeDoc, staff_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(texts: list[str]) -> None:
        raise EmbeddingError

    monkeypatch.setattr(search, "embed_queries", fail)

    page = ask(staff_browser, mode=mode)

    assert ("by their words alone" in page.content.decode()) is words_alone
    assert bool(page.context["form"].errors) is not words_alone


def test_admin_search_page_is_there_for_who_may_see_documents(
    staff_browser: Client, owner: User, client: Client
) -> None:
    assert staff_browser.get(URL).status_code == 200
    assert "search/" in staff_browser.get("/admin/knowledge/knowledgedoc/").content.decode()

    owner.is_staff = True
    owner.save()
    client.force_login(owner)

    assert client.get(URL).status_code == 403
