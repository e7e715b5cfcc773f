"""`Idempotency-Key` on the POSTs of resources."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.urls import get_resolver
from pytest_django import DjangoAssertNumQueries
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate

from accounts.identity import acting_for
from accounts.models import User
from audit.models import Event
from conftest import SignIn
from knowledge.models import KnowledgeDoc
from resources.idempotency import retry_safe
from resources.models import IdempotencyKey
from resources.tests.keys import KEY, PLANTS, TASKS, is_replay, post, refusal, said
from tasks.models import Task
from web.views import StrictView

DOCUMENTS = "/api/v1/knowledge/documents"
# Statements that the key costs: the transaction's two ends, the claim, and the answer's storing.
ENDS, CLAIM, KEEP = 2, 1, 1

# Sent again


def test_api_idempotency_again_owner_gets_the_same_answer_and_one_task(owner_client: APIClient) -> None:
    first, again = (post(owner_client) for _ in range(2))

    assert first.status_code == 201
    assert said(again) == said(first)
    assert first["Location"].endswith(first.json()["id"])
    assert (first["ETag"], first["Content-Type"]) == ('"1"', "application/json")
    assert (is_replay(first), is_replay(again)) == (False, True)
    assert again["X-Request-ID"] != first["X-Request-ID"]
    assert Task.objects.count() == 1
    assert Event.objects.filter(action="task.created").count() == 1


def test_api_idempotency_again_is_answered_as_it_was_then(owner_client: APIClient) -> None:
    first = post(owner_client)
    owner_client.patch(f"{TASKS}/{first.json()['id']}", {"title": "Feed the cat"})

    assert said(post(owner_client)) == said(first)


def test_api_idempotency_another_key_is_another_task(owner_client: APIClient) -> None:
    assert not is_replay(post(owner_client, key="one"))
    assert not is_replay(post(owner_client, key="two"))
    assert Task.objects.count() == 2


def test_api_idempotency_another_session_of_the_owner_gets_the_replay(
    owner: User, owner_client: APIClient, sign_in: SignIn
) -> None:
    first = post(owner_client)

    assert said(post(sign_in(owner))) == said(first)
    assert Task.objects.count() == 1


@pytest.mark.parametrize(("start", "action", "end"), [(False, "toggle", True), (True, "reopen", False)])
def test_api_idempotency_of_an_action_owner_does_it_once(
    start: bool, action: str, end: bool, owner: User, owner_client: APIClient
) -> None:
    task = Task.objects.create(owner=owner, title="x", completed=start)
    first, again = (post(owner_client, None, url=f"{TASKS}/{task.pk}/{action}") for _ in range(2))

    assert first.json()["completed"] is end
    assert said(again) == said(first)
    task.refresh_from_db()
    assert (task.completed, task.version) == (end, 2)


def test_api_idempotency_of_a_document_owner_gets_what_drf_rendered(owner_client: APIClient) -> None:
    body = {"title": "Plants", "content": "Wäter — them.", "metadata": {"z": 1, "a": [1.50]}}
    first, again = (post(owner_client, body, url=DOCUMENTS) for _ in range(2))

    assert first.status_code == 202
    assert said(again) == said(first)
    assert first["Location"].endswith(first.json()["id"])
    assert is_replay(again)
    assert KnowledgeDoc.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize(("with_key", "count"), [(None, 1), (KEY, ENDS + CLAIM + 1 + KEEP)])
def test_api_idempotency_what_the_key_costs(
    with_key: str | None,
    count: int,
    owner_client: APIClient,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    headers = {"Idempotency-Key": with_key} if with_key else {}

    with django_assert_num_queries(count):
        assert owner_client.post(TASKS, PLANTS, headers=headers).status_code == 201


def test_api_idempotency_what_a_replay_costs(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    post(owner_client)

    with django_assert_num_queries(ENDS + CLAIM):
        assert is_replay(post(owner_client))


# Another request


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (TASKS, {"title": "Feed the cat"}),
        (TASKS, {"title": "Water the plants", "priority": "high"}),
        (DOCUMENTS, PLANTS),
        ("/api/v1/labels", PLANTS),
    ],
)
def test_api_idempotency_key_of_another_request_is_422(url: str, body: Any, owner_client: APIClient) -> None:
    post(owner_client)
    response = post(owner_client, body, url=url)

    assert refusal(response) == (422, "idempotency_key_reused")
    (error,) = response.json()["errors"]
    assert (error["location"], error["code"]) == ("header.Idempotency-Key", "idempotency_key_reused")
    assert Task.objects.count() == 1


def test_api_idempotency_body_is_compared_byte_by_byte(owner_client: APIClient) -> None:
    bodies = ['{"title":"x"}', '{"title": "x"}', '{"title":"\\u0078"}']
    statuses = [
        owner_client.generic("POST", TASKS, body, "application/json", headers={"Idempotency-Key": KEY}).status_code
        for body in bodies
    ]

    assert statuses == [201, 422, 422]


def test_api_idempotency_key_of_the_same_body_for_another_task_is_422(owner: User, owner_client: APIClient) -> None:
    one, other = (Task.objects.create(owner=owner, title=title) for title in "ab")

    assert post(owner_client, None, url=f"{TASKS}/{one.pk}/close").status_code == 200
    assert refusal(post(owner_client, None, url=f"{TASKS}/{other.pk}/close")) == (422, "idempotency_key_reused")
    other.refresh_from_db()
    assert other.completed is False


# A refusal stores nothing


@pytest.mark.parametrize(
    ("raw", "status"),
    [('{"title": ""}', 422), ('{"title": ', 400), (f'{{"title": "x", "parent": "{KEY}"}}', 422)],
)
def test_api_idempotency_refusal_stores_nothing_and_is_tried_anew(
    raw: str, status: int, owner_client: APIClient
) -> None:
    headers = {"Idempotency-Key": KEY}
    refused = [owner_client.generic("POST", TASKS, raw, "application/json", headers=headers) for _ in range(2)]

    assert [response.status_code for response in refused] == [status, status]
    assert not any(is_replay(response) for response in refused)
    assert not IdempotencyKey.objects.exists()
    assert post(owner_client).status_code == 201


def test_api_idempotency_refusal_of_a_missing_task_ends_when_it_is_there(owner: User, owner_client: APIClient) -> None:
    url = f"{TASKS}/{KEY}/close"
    assert post(owner_client, None, url=url).status_code == 404
    Task.objects.create(pk=KEY, owner=owner, title="x")

    assert post(owner_client, None, url=url).status_code == 200


def test_api_idempotency_too_large_a_body_is_413(owner_client: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    assert refusal(post(owner_client, {"title": "x" * 200})) == (413, "payload_too_large")


def test_retry_safe_refusal_that_is_returned_stores_nothing_either(owner: User) -> None:
    class Refusing(StrictView):
        @retry_safe
        def post(self, request: Request) -> Response:
            Task.objects.create(owner=owner, title="x")
            return Response({}, 409)

    request = APIRequestFactory().post("/", headers={"Idempotency-Key": KEY})
    force_authenticate(request, owner)

    assert Refusing.as_view()(request).status_code == 409
    assert not Task.objects.exists()
    assert not IdempotencyKey.objects.exists()


# Whose it is


def test_api_idempotency_peer_has_keys_of_their_own(owner_client: APIClient, peer_client: APIClient) -> None:
    mine, theirs = post(owner_client), post(peer_client)

    assert not is_replay(theirs)
    assert theirs.json()["id"] != mine.json()["id"]
    assert IdempotencyKey.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_api_idempotency_ended_session_gets_401_and_no_replay(owner_client: APIClient) -> None:
    post(owner_client)
    owner_client.post("/api/v1/auth/logout")

    assert refusal(post(owner_client)) == (401, "session_ended")


@pytest.mark.parametrize("key", [KEY, "", "k" * 256])
def test_api_idempotency_stranger_gets_401_before_anything(
    key: str, owner_client: APIClient, stranger_client: APIClient
) -> None:
    post(owner_client)

    assert refusal(post(stranger_client, key=key)) == (401, "not_authenticated")
    assert IdempotencyKey.objects.count() == 1


def test_idempotency_rows_are_the_owners_only(owner: User, peer: User, owner_client: APIClient) -> None:
    post(owner_client)

    with acting_for(owner.pk):
        assert IdempotencyKey.objects.count() == 1
    with acting_for(peer.pk):
        assert IdempotencyKey.objects.count() == 0


@pytest.mark.parametrize(
    "statement", ["UPDATE resources_idempotencykey SET body = ''", "DELETE FROM resources_idempotencykey"]
)
def test_idempotency_rows_cannot_be_changed_by_a_request(statement: str, owner: User, owner_client: APIClient) -> None:
    post(owner_client)

    denied = pytest.raises(ProgrammingError, match="permission denied")
    with acting_for(owner.pk), denied, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_idempotency_key_is_unique_in_the_database(owner: User) -> None:
    row = {"owner": owner, "key": KEY, "fingerprint": b"", "status": 201, "headers": {}, "body": b""}
    IdempotencyKey.objects.create(**row)

    with pytest.raises(IntegrityError, match="resources_idempotencykey_pkey"):
        IdempotencyKey.objects.create(**row)


def test_idempotency_rows_go_with_their_owner(owner: User, owner_client: APIClient) -> None:
    post(owner_client)
    owner.delete()

    assert not IdempotencyKey.objects.exists()


# All of them


def test_every_post_of_a_resource_is_retry_safe() -> None:
    """But for what makes nothing."""
    posts = {}
    for pattern in _patterns(get_resolver()):
        view = getattr(pattern.callback, "cls", None)
        actions = getattr(pattern.callback, "actions", None) or {}
        handler = getattr(view, actions.get("post", "" if actions else "post"), None)
        if handler and view.__module__.split(".")[0] in ("tasks", "knowledge"):
            posts[str(pattern.pattern)] = getattr(handler, "is_retry_safe", False)

    makes_nothing = {"knowledge/search", "knowledge/search/batch", "knowledge/embedding-provider/check"}
    assert {route for route, is_safe in posts.items() if not is_safe} == makes_nothing
    assert len(posts) > 5


def _patterns(resolver: Any) -> Iterator[Any]:
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _patterns(pattern)
        else:
            yield pattern
