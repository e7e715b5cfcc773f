"""POST /api/v1/knowledge/documents/bulk."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from knowledge.models import KnowledgeDoc
from knowledge.tests.api import BULK, from_file, jobs, make
from tasks.tests.api import refusal


def create(content: str = "New.", **members: Any) -> dict[str, Any]:
    return {"op": "create", "document": {"title": "new", "content": content, **members}}


def update(document: KnowledgeDoc, version: int | None = None, **members: Any) -> dict[str, Any]:
    return named("update", document.pk, version) | {"document": members}


def delete(document: KnowledgeDoc, version: int | None = None) -> dict[str, Any]:
    return named("delete", document.pk, version)


def named(op: str, pk: UUID, version: int | None = None) -> dict[str, Any]:
    return {"op": op, "id": str(pk)} | ({"version": version} if version else {})


def bulk(client: APIClient, *operations: Any, **headers: str) -> Any:
    return client.post(BULK, {"operations": operations}, headers=headers)


def places(response: Any) -> list[tuple[str, str]]:
    """Place and code of all that a refusal names."""
    return [(error["location"], error["code"]) for error in response.json()["errors"]]


def state() -> list[tuple[Any, ...]]:
    """All that there is of documents."""
    return list(KnowledgeDoc.objects.order_by("pk").values_list("pk", "title", "version", "trashed_at"))


@pytest.mark.parametrize("count", [1, 3])
def test_api_documents_bulk_owner_gets_the_documents_in_the_order_of_the_operations(
    count: int, owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    there = [make(owner, n) for n in range(2 * count)]
    operations = [
        *(delete(document, 1) for document in there[:count]),
        *(create(f"New {n}.", tags=["a"]) for n in range(count)),
        *(update(document, title="changed") for document in there[count:]),
    ]

    with django_assert_num_queries(8):  # savepoint, lock, update, insert, delete, jobs, results, release
        response = bulk(owner_client, *operations)

    assert response.status_code == 200, response.content
    results = response.json()["results"]
    assert [document["title"] for document in results] == ["Lease"] * count + ["new"] * count + ["changed"] * count
    assert [document["trashed_at"] is None for document in results] == [False] * count + [True] * 2 * count
    assert [document["status"] for document in results[count:]] == ["in_progress"] * 2 * count
    assert not any("content" in document for document in results)
    assert sorted(jobs()) == sorted(document["id"] for document in results[count:])


def test_api_documents_bulk_of_metadata_enqueues_nothing(
    owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first, second = make(owner, 1), make(owner, 2)

    with django_assert_num_queries(6):  # savepoint, lock, two sets of columns, results, release
        response = bulk(owner_client, update(first, metadata={"n": 1}), update(second, tags=["a"]))

    assert [document["status"] for document in response.json()["results"]] == ["completed"] * 2
    assert jobs() == []


def test_api_documents_bulk_long_documents_wait_for_short_ones(owner_client: APIClient) -> None:
    bulk(owner_client, create("x " * 50_000), create())

    assert sorted(ProcrastinateJob.objects.values_list("priority", flat=True)) == [-10, 0]


def test_api_documents_bulk_is_on_record(owner: User, owner_client: APIClient) -> None:
    bulk(owner_client, update(make(owner), title="x"), create())

    assert Event.objects.filter(action="document.updated").count() == 1
    assert Event.objects.filter(action="document.created").count() == 2


def test_api_documents_bulk_content_that_a_change_makes_free_is_taken(owner: User, owner_client: APIClient) -> None:
    document = make(owner)

    response = bulk(owner_client, create("Content 0."), update(document, content="Other."))

    assert [document["status"] for document in response.json()["results"]] == ["in_progress"] * 2


def test_api_documents_bulk_is_retry_safe(owner_client: APIClient) -> None:
    first, again = (bulk(owner_client, create(), **{"Idempotency-Key": "a"}) for _ in range(2))

    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    assert len(jobs()) == 1


def test_api_documents_bulk_taken_contents_are_409_and_named(owner: User, owner_client: APIClient) -> None:
    document = make(owner)
    before = state()

    response = bulk(owner_client, create(), create("Content 0."))

    assert refusal(response) == (409, "content_exists")
    assert places(response) == [("body.operations.1.document", "content_exists")]
    assert response.json()["existing"] == str(document.pk)
    assert (state(), jobs()) == (before, [])
    twice = bulk(owner_client, update(make(owner, 1), title="x"), update(make(owner, 2), content="Content 0."))
    assert places(twice) == [("body.operations.1.document", "content_exists")]


def test_api_documents_bulk_the_same_content_twice_is_422(owner_client: APIClient) -> None:
    response = bulk(owner_client, create(), create(title="other"))

    assert (response.status_code, places(response)) == (
        422,
        [("body.operations.1.document.content", "repeated")],
    )


def test_api_documents_bulk_contents_of_files_are_409_and_all_named(owner: User, owner_client: APIClient) -> None:
    files, document = [from_file(owner)], make(owner, 1)
    before = state()

    response = bulk(
        owner_client,
        create(),
        update(document, content="x"),
        *(update(file, content="y", title="z") for file in files),
    )

    assert refusal(response) == (409, "content_from_file")
    assert places(response) == [("body.operations.2.document", "content_from_file")]
    assert (state(), jobs()) == (before, [])


def test_api_documents_bulk_missing_and_stale_ones_are_all_named(owner: User, owner_client: APIClient) -> None:
    document = make(owner)
    before = state()

    missing = bulk(owner_client, create(), named("delete", uuid4()), update(document, title="x"))
    stale = bulk(owner_client, create(), update(document, 2, title="x"))

    assert (missing.status_code, places(missing)) == (404, [("body.operations.1.id", "not_found")])
    assert (stale.status_code, places(stale)) == (412, [("body.operations.1.version", "precondition_failed")])
    assert (state(), jobs()) == (before, [])


@pytest.mark.parametrize(
    ("operation", "place", "code"),
    [
        ({"op": "complete", "id": str(uuid4())}, ".op", "invalid_choice"),
        ({}, ".op", "required"),
        ([], "", "invalid"),
        ({"op": "create", "document": {"title": "x"}}, ".document.content", "required"),
        (create("x", if_exists="update"), ".document.if_exists", "unknown_field"),
        (create("x", status="completed"), ".document.status", "read_only"),
        ({"op": "update", "id": "x", "document": {}}, ".id", "invalid"),
        ({"op": "update", "id": str(uuid4()), "task": {}}, ".task", "unknown_field"),
    ],
)
def test_api_documents_bulk_of_another_form_is_422_before_any_statement(
    operation: Any, place: str, code: str, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):  # the session, for nothing else shows that it counts
        response = bulk(owner_client, create(), operation)

    assert (response.status_code, places(response)) == (422, [(f"body.operations.1{place}", code)])


@pytest.mark.parametrize("count", [0, 101])
def test_api_documents_bulk_of_none_or_too_many_is_422(count: int, owner_client: APIClient) -> None:
    response = bulk(owner_client, *(create(str(n)) for n in range(count)))

    assert [place for place, _ in places(response)] == ["body.operations"]


def test_api_documents_bulk_peer_gets_the_404_of_missing_ones(owner: User, peer_client: APIClient) -> None:
    document, before = make(owner), uuid4()

    def told(pk: UUID) -> tuple[int, str]:
        operations = [create(), named("delete", pk, 1)]
        response = peer_client.post(BULK, {"operations": operations}, headers={"X-Request-ID": "the-same"})
        return response.status_code, response.content.decode().replace(str(pk), "")

    assert told(document.pk) == told(before)
    assert told(document.pk)[0] == 404
    document.refresh_from_db()
    assert (document.version, KnowledgeDoc.objects.count()) == (1, 1)


def test_api_documents_bulk_stranger_gets_401(owner: User, stranger_client: APIClient) -> None:
    assert refusal(bulk(stranger_client, delete(make(owner)))) == (401, "not_authenticated")
