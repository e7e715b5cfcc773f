"""Every failure reaches the client as a problem, and says no more than it should."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.test import Client, RequestFactory, override_settings
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import User
from conftest import SignIn
from web import errors
from web.errors import database_failed
from web.tests.faults import failing

TASKS = "/api/v1/tasks"


class DeadlockError(Exception):
    """What psycopg raises, as far as it matters here."""

    sqlstate = "40P01"


def test_an_unlucky_statement_is_a_503_that_says_nothing_of_the_database(
    owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors.database_failed, "send", lambda **kwargs: pytest.fail("blamed the database"))
    exc = OperationalError("deadlock detected")
    exc.__cause__ = DeadlockError()

    with failing(exc):
        response = owner_client.get(TASKS)

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


def test_a_value_that_cannot_be_stored_is_a_422(owner_client: APIClient) -> None:
    with failing(DataError("value too long")):
        assert owner_client.get(TASKS).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_user_deleted_while_their_request_runs_gets_a_409(sign_in: SignIn) -> None:
    """The session still counts when the statement begins; the user is gone when it is to be committed."""
    user = User.objects.create_user("owner@example.com")
    client = sign_in(user)

    def attempt() -> Any:
        try:
            return client.post(TASKS, {"title": "x"})
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            user.delete()
            attempted = pool.submit(attempt)
            deadline = time.monotonic() + 10
            while not waiting_for_a_lock() and time.monotonic() < deadline:
                time.sleep(0.01)
        response = attempted.result()

    assert (response.status_code, response.json()["code"]) == (409, "conflict")


def waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("exc", [OperationalError("secret host"), InterfaceError("connection already closed")])
def test_a_lost_database_is_a_503_to_be_tried_again(exc: Exception, owner_client: APIClient) -> None:
    heard: list[Any] = []
    database_failed.connect(lambda **kwargs: heard.append(kwargs), weak=False, dispatch_uid="test")

    with failing(exc):
        response = owner_client.get(TASKS)
    database_failed.disconnect(dispatch_uid="test")

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json()["code"] == "database_unavailable"
    assert "secret" not in response.content.decode()
    assert len(heard) == 1


@pytest.mark.parametrize("exc", [ZeroDivisionError("secret"), DatabaseError("secret"), IntegrityError("secret")])
def test_a_defect_is_a_500_that_tells_only_the_request_id(exc: Exception, owner_client: APIClient) -> None:
    owner_client.raise_request_exception = False

    with failing(exc):
        response = owner_client.get(TASKS, headers={"X-Request-ID": "the-failed-one"})

    assert response.status_code == 500
    body = response.json()
    assert (body["code"], body["request_id"]) == ("internal_error", "the-failed-one")
    assert "secret" not in response.content.decode()


def test_a_defect_is_raised_in_tests(owner_client: APIClient) -> None:
    with failing(ZeroDivisionError("on purpose")), pytest.raises(ZeroDivisionError, match="on purpose"):
        owner_client.get(TASKS)


def test_a_violated_constraint_speaks_in_its_own_words(owner_client: APIClient) -> None:
    """What only the database checks is a clear 422 as well, by the constraint's message."""
    body = {"title": "x", "due_at": "2026-01-01T12:00:00Z", "due_on": "2026-01-01"}

    response = owner_client.post(TASKS, body)

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {
            "location": "body",
            "message": "A task is due at a moment or on a day: set the other to null.",
            "code": "invalid",
        }
    ]


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (400, {"data": b"{", "content_type": "application/json"}),
        (415, {"data": b"a=b", "content_type": "application/x-www-form-urlencoded"}),
        (413, {"data": b'"' + b"x" * 13 * 2**20 + b'"', "content_type": "application/json"}),
    ],
)
def test_a_body_that_cannot_be_read(status: int, options: dict[str, Any], owner_client: APIClient) -> None:
    response = owner_client.generic("POST", TASKS, **options)

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_an_unacceptable_media_type_is_406(owner_client: APIClient) -> None:
    assert owner_client.get(TASKS, headers={"Accept": "text/csv"}).status_code == 406


def test_nested_messages_become_a_flat_list(owner_client: APIClient) -> None:
    body = {"query": "x", "ranking_options": {"score_threshold": 2, "ranker": "x"}}

    response = owner_client.post("/api/v1/knowledge/search", body)

    assert [error["location"] for error in response.json()["errors"]] == ["body.ranking_options.ranker"]


@pytest.mark.parametrize(
    ("verb", "path"), [("post", "/api/v1/tasks/"), ("patch", "/api/v1/tasks/1"), ("delete", "/api"), ("get", "/api")]
)
def test_an_unknown_api_address_is_a_404_for_every_verb(verb: str, path: str) -> None:
    """And not the refusal of a form without a token."""
    response = getattr(Client(enforce_csrf_checks=True), verb)(path)

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.django_db
def test_a_form_without_its_token_gets_a_page() -> None:
    response = Client(enforce_csrf_checks=True).post("/admin/login/", {})

    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def test_a_body_in_chunks_is_refused_instead_of_ignored(owner_client: APIClient) -> None:
    response = owner_client.post(TASKS, headers={"Transfer-Encoding": "chunked"})

    assert (response.status_code, response.json()["code"]) == (411, "length_required")
    assert response["X-Request-ID"]


@pytest.mark.parametrize("debug", [True, False])
def test_an_unknown_api_address_is_a_problem(debug: bool, client: Client, settings: Settings) -> None:
    settings.DEBUG = debug

    response = client.get("/api/v1/nothing")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert response.json()["request_id"] == response["X-Request-ID"]


def test_people_get_a_page(client: Client) -> None:
    response = client.get("/nothing")

    assert response.status_code == 404
    assert "There is nothing at this address." in response.content.decode()


@pytest.mark.parametrize(
    ("handler", "status"),
    [(errors.bad_request, 400), (errors.permission_denied, 403), (errors.server_error, 500)],
)
def test_what_django_itself_refuses_is_a_problem_too(handler: Any, status: int, rf: RequestFactory) -> None:
    arguments = [] if status == 500 else [Exception("secret")]

    response = handler(rf.get("/api/v1/tasks"), *arguments)

    assert response.status_code == status
    assert json.loads(response.content)["status"] == status
    assert b"secret" not in response.content


def test_a_wrong_host_is_a_400(client: Client) -> None:
    with override_settings(ALLOWED_HOSTS=["example.com"]):
        assert client.get(TASKS).status_code == 400


def test_a_permission_that_is_missing_is_a_403(owner_client: APIClient) -> None:
    with failing(PermissionDenied()):
        assert owner_client.get(TASKS).json()["code"] == "permission_denied"


def test_a_body_that_django_finds_too_big_is_a_413(owner_client: APIClient, settings: Settings) -> None:
    """Who sends a key has the whole body read before it is parsed."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20

    for key in ({}, {"Idempotency-Key": "a"}):
        response = owner_client.post(TASKS, {"title": "longer than that"}, headers=key)
        assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
