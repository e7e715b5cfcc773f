"""GET /api/v1/knowledge/documents."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.models import IndexingRun, KnowledgeDoc
from knowledge.rows import DOCUMENT_LIST
from knowledge.tests.api import DOCUMENTS, from_file, make
from tasks.tests.api import errors, everything, refusal


def titles(client: APIClient, query: str) -> list[str]:
    """Those of a list, in its order."""
    response = client.get(f"{DOCUMENTS}?{query}")
    assert response.status_code == 200, response.content
    return [document["title"] for document in response.json()["results"]]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("headers", [{}, {"Prefer": "count=exact"}])
def test_api_documents_list_owner_without_contents_in_one_statement(
    count: int,
    headers: dict[str, str],
    owner: User,
    peer: User,
    owner_client: APIClient,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(count):
        make(owner, number, title=str(number))
    make(peer, title="Theirs")

    with django_assert_num_queries(1) as statements:
        response = owner_client.get(DOCUMENTS, headers=headers)

    results = response.json()["results"]
    assert [document["title"] for document in results] == [str(n) for n in reversed(range(count))]
    assert not any("content" in document for document in results)
    assert 'content AS "content"' not in statements.captured_queries[0]["sql"]
    assert response.json().get("count") == (count if headers else None)
    assert not Event.objects.filter(action="document.read").exists()


def test_api_documents_list_gives_contents_if_they_are_asked_for(owner: User, owner_client: APIClient) -> None:
    make(owner)

    (found,) = owner_client.get(f"{DOCUMENTS}?fields=content,title").json()["results"]

    assert list(found.items()) == [("title", "Lease"), ("content", "Content 0.")]


def test_api_documents_list_gives_what_one_is_given_as(owner: User, owner_client: APIClient) -> None:
    document = make(owner)

    (listed,) = owner_client.get(DOCUMENTS).json()["results"]
    read = owner_client.get(f"{DOCUMENTS}/{document.pk}").json()

    assert listed | {"content": "Content 0."} == read


def test_api_documents_list_tells_of_files_and_progress(owner: User, owner_client: APIClient) -> None:
    made, long = from_file(owner), make(owner, 1, status="in_progress")
    for document in (made, long):
        IndexingRun.objects.create(document=document, owner=owner, chunks_done=32, chunks_total=100)

    newer, older = owner_client.get(DOCUMENTS).json()["results"]

    assert older["file"] == {"name": "lease.pdf", "type": "application/pdf", "size": 7}
    assert (older["content_hash"], older["progress"]) == ("a" * 64, None)
    assert (newer["file"], newer["progress"]) == (None, {"chunks_done": 32, "chunks_total": 100})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=failed", ["Dogs"]),
        ("status=cancelled", []),
        ("tag=home", ["Dogs", "Cats"]),
        ("tag=Home", []),
        ("tag=home&tag=", None),
        ("language=de", ["Straße"]),
        ("source_uri=https://example.com/a%3Fx", ["Cats"]),
        ("source_uri=https://example.com/a", []),
        ("search=STRASSE", ["Straße"]),
        ("search=at", ["Cats"]),
        ("search=content", []),
        ("search=c%25s", []),
        ("created_after=2020-01-01T00:00:00Z&sort=title", ["Cats", "Dogs", "Straße"]),
        ("created_before=2020-01-01T00:00:00Z", []),
        ("updated_after=2099-01-01T00:00:00Z", []),
        ("updated_before=2099-01-01T00:00:00Z&sort=-title", ["Straße", "Dogs", "Cats"]),
        ("trashed=true", ["Gone"]),
        ("trashed=false", ["Straße", "Dogs", "Cats"]),
        ("sort=created_at", ["Cats", "Dogs", "Straße"]),
        ("sort=-updated_at", ["Straße", "Dogs", "Cats"]),
    ],
)
def test_api_documents_list_filters_and_orders(
    query: str, expected: list[str] | None, owner: User, owner_client: APIClient
) -> None:
    make(owner, 1, title="Cats", tags=["home", "x"], source_uri="https://example.com/a?x")
    make(owner, 2, title="Dogs", tags=["home"], status="failed")
    make(owner, 3, title="Straße", language="de")
    make(owner, 4, title="Gone", trashed_at=timezone.now())

    if expected is None:
        assert errors(owner_client.get(f"{DOCUMENTS}?{query}")) == [("query.tag", "invalid")]
    else:
        assert titles(owner_client, query) == expected


def test_api_documents_list_finds_the_one_with_a_content(owner: User, owner_client: APIClient) -> None:
    make(owner, 1)
    second = make(owner, 2, title="Second")
    second.refresh_from_db()

    assert titles(owner_client, f"content_hash={second.content_hash}") == ["Second"]


@pytest.mark.parametrize(
    "query",
    [
        *("status=done", "language=xx", "content_hash=ABC", f"content_hash={'A' * 64}", "trashed=1"),
        *("fields=contents", "sort=content", "created_after=today", "tag=%20", f"tag={'x' * 61}", "limit=0"),
    ],
)
def test_api_documents_list_malformed_parameter_is_422(query: str, owner_client: APIClient) -> None:
    assert errors(owner_client.get(f"{DOCUMENTS}?{query}")) == [(f"query.{query.split('=')[0]}", "invalid")]


@pytest.mark.parametrize("sort", [f"{sign}{name}" for name in DOCUMENT_LIST.sorts for sign in ("", "-")])
def test_api_documents_list_pages_skip_and_repeat_nothing(sort: str, owner: User, owner_client: APIClient) -> None:
    for number in range(7):
        make(owner, number, title=str(number % 3))

    found = everything(owner_client, DOCUMENTS, sort=sort, limit="2")

    assert len({document["id"] for document in found}) == len(found) == 7
    keys = [document[sort.removeprefix("-")] for document in found]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


def test_api_documents_list_peer_sees_their_own(owner: User, peer: User, peer_client: APIClient) -> None:
    make(owner)
    make(peer, title="Theirs")

    assert titles(peer_client, "") == ["Theirs"]
    assert titles(peer_client, "trashed=true") == []


def test_api_documents_list_stranger_gets_401(stranger_client: APIClient) -> None:
    assert refusal(stranger_client.get(DOCUMENTS)) == (401, "not_authenticated")


def test_changes_tell_of_documents_as_lists_do_and_of_trashed_ones_as_deleted(
    owner: User, owner_client: APIClient
) -> None:
    kept, lost = make(owner, 1), make(owner, 2)
    listed = {document["id"]: document for document in owner_client.get(DOCUMENTS).json()["results"]}
    first: Any = owner_client.get("/api/v1/changes").json()
    KnowledgeDoc.objects.filter(pk=lost.pk).update(trashed_at=timezone.now())

    then = owner_client.get("/api/v1/changes", {"cursor": first["next"]}).json()["results"]

    assert {change["id"]: change["object"] for change in first["results"]} in ({}, listed)
    assert {change["id"]: change["deleted"] for change in then} in ({}, {str(lost.pk): True, str(kept.pk): False})
