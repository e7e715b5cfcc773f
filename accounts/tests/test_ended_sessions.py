"""Whatever the answer would be, an ended session gets a 401."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.throttling import BaseThrottle

from accounts.identity import (
    unconfined,
)
from accounts.models import Session, User
from accounts.ownership import requester
from audit.models import Event
from tasks.models import Task
from web.errors import Unavailable
from web.views import StrictView

SignIn = Callable[[User], APIClient]
TASKS = "/api/v1/tasks"
ME = "/api/v1/me"
MISSING = f"{TASKS}/{uuid4()}"

# Where a statement that fails may not take the test's own transaction with it.
committed = pytest.mark.django_db(transaction=True)


def ended(response: HttpResponse) -> bool:
    return response.status_code == 401 and response.json()["code"] == "session_ended"


# However it ends


@committed
@pytest.mark.parametrize(
    "end",
    [
        lambda owner: Session.objects.all().delete(),
        lambda owner: Session.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
        lambda owner: User.objects.filter(pk=owner.pk).update(is_active=False),
        lambda owner: owner.delete(),
        lambda owner: Session.objects.update(owner=User.objects.create_user("other@example.com")),
    ],
    ids=["signed out", "expired", "deactivated", "deleted", "somebody else's"],
)
def test_an_ended_session_is_refused_from_the_next_request_on(
    end: Callable[[User], Any], owner: User, owner_client: APIClient
) -> None:
    assert owner_client.get(TASKS).status_code == 200
    end(owner)

    assert ended(owner_client.get(TASKS))
    assert ended(owner_client.get(ME))


# Whatever is asked


ASKED: list[tuple[str, str, dict[str, Any], int]] = [
    ("get", TASKS, {}, 200),
    ("head", TASKS, {}, 200),
    ("options", TASKS, {}, 200),
    ("post", TASKS, {"data": {"title": "x"}}, 201),
    ("post", TASKS, {"data": {"title": ""}}, 422),
    ("post", TASKS, {"data": b"{", "content_type": "application/json"}, 400),
    ("post", TASKS, {"data": b"a=b", "content_type": "application/x-www-form-urlencoded"}, 415),
    ("post", TASKS, {"data": b'"' + b"x" * 13 * 2**20 + b'"', "content_type": "application/json"}, 413),
    ("put", TASKS, {}, 405),
    ("get", f"{TASKS}?x=1", {}, 422),
    ("get", f"{TASKS}?limit=0", {}, 422),
    ("get", MISSING, {}, 404),
    ("patch", MISSING, {"data": {"title": "x"}}, 404),
    ("patch", MISSING, {"data": {"title": "x"}, "headers": {"If-Match": "x"}}, 400),
    ("post", TASKS, {"data": {"title": "x"}, "headers": {"Idempotency-Key": "x"}}, 201),
    ("delete", MISSING, {}, 404),
    ("get", ME, {}, 200),
    ("post", "/api/v1/auth/logout", {}, 204),
    ("get", "/api/v1/audit/events", {}, 200),
    ("get", "/api/v1/audit/events/export", {}, 200),
    ("get", "/api/v1/audit/checkpoints/latest", {}, 404),
    ("post", "/api/v1/knowledge/documents", {"data": {"title": "x", "content": "y"}}, 202),
    ("post", "/api/v1/knowledge/search", {"data": {"query": ""}}, 422),
]


@committed
def test_each_of_these_is_answered_otherwise_while_the_session_lasts(owner_client: APIClient, sign_in: SignIn) -> None:
    """So that each of them is another way to an answer."""
    other = User.objects.create_user("other@example.com")
    for verb, address, options, status in ASKED:
        assert getattr(sign_in(other), verb)(address, **options).status_code == status, (verb, address)


@committed
@pytest.mark.parametrize(("verb", "path", "options", "status"), ASKED)
def test_an_ended_session_gets_a_401_whatever_the_answer_would_be(
    verb: str, path: str, options: dict[str, Any], status: int, owner: User, owner_client: APIClient
) -> None:
    Session.objects.all().delete()
    before = Event.objects.count()

    response = getattr(owner_client, verb)(path, **options)

    assert response.status_code == 401
    assert verb == "head" or response.json()["code"] == "session_ended"
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    # Nothing was done, and that it was tried is on record.
    event = Event.objects.latest("pk")
    assert Event.objects.count() == before + 1
    assert (event.action, event.actor, event.owner_id, event.outcome) == (
        "session.refused",
        str(owner.pk),
        owner.pk,
        "denied",
    )
    assert event.detail["code"] == "session_ended"


@committed
@pytest.mark.parametrize(
    ("verb", "body", "headers", "status"),
    [("get", None, {"If-None-Match": '"1"'}, 304), ("patch", {"title": "y"}, {"If-Match": '"7"'}, 412)],
)
def test_an_ended_session_gets_a_401_whatever_version_it_knows(
    verb: str, body: object, headers: dict[str, str], status: int, owner: User, owner_client: APIClient
) -> None:
    task = Task.objects.create(owner=owner, title="x")

    def ask() -> HttpResponse:
        answer: HttpResponse = getattr(owner_client, verb)(f"{TASKS}/{task.pk}", body, headers=headers)
        return answer

    assert ask().status_code == status
    Session.objects.all().delete()

    assert ended(ask())


class Closed(BaseThrottle):
    """Lets nobody through."""

    def allow_request(self, *args: object) -> bool:
        return False


class Throttled(StrictView):
    throttle_classes = (Closed,)

    def get(self, request: Request) -> HttpResponse:
        raise NotImplementedError


class Answering(StrictView):
    """Answers without a statement."""

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse("nothing was asked")

    def put(self, request: Request) -> HttpResponse:
        return HttpResponse(status=304)

    def post(self, request: Request) -> HttpResponse:
        return HttpResponse(1 / 0)

    def delete(self, request: Request) -> HttpResponse:
        raise Unavailable


class Unconfined(StrictView):
    """Steps out of the wall before anything else."""

    def post(self, request: Request) -> HttpResponse:
        with unconfined():
            Task.objects.create(owner_id=requester(request), title="x")
        return HttpResponse()


class Atomic(StrictView):
    noun = "task"

    @transaction.atomic
    def post(self, request: Request) -> HttpResponse:
        Task.objects.create(owner_id=requester(request), title="x")
        return HttpResponse()


urlpatterns = [path(view.__name__, view.as_view()) for view in (Throttled, Answering, Unconfined, Atomic)]


@committed
@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("get", "Throttled", 429),
        ("get", "Answering", 200),
        ("put", "Answering", 304),
        ("post", "Answering", 500),
        ("delete", "Answering", 503),
        ("post", "Unconfined", 200),
        ("post", "Atomic", 200),
    ],
)
def test_an_ended_session_gets_a_401_however_the_view_answers(
    verb: str, path: str, status: int, owner_client: APIClient
) -> None:
    owner_client.raise_request_exception = False

    assert getattr(owner_client, verb)(f"/{path}").status_code == status
    Session.objects.all().delete()
    made = Task.objects.count()

    assert ended(getattr(owner_client, verb)(f"/{path}"))
    assert Task.objects.count() == made


@committed
@pytest.mark.urls(__name__)
def test_a_refusal_inside_a_transaction_is_recorded_after_its_rollback(owner_client: APIClient) -> None:
    Session.objects.all().delete()

    assert ended(owner_client.post("/Atomic"))

    assert not Task.objects.exists()
    assert Event.objects.filter(action="session.refused").count() == 1


@pytest.mark.parametrize("there", [True, False])
def test_what_comes_before_authentication_comes_before_it_still(there: bool, owner_client: APIClient) -> None:
    if not there:
        Session.objects.all().delete()

    assert owner_client.get(TASKS, headers={"Accept": "text/html"}).status_code == 406
    assert owner_client.get(f"{TASKS}/1").status_code == 404


def test_that_the_database_is_away_is_not_asked_about(owner_client: APIClient) -> None:
    asked: list[str] = []

    def fail(execute: object, statement: str, *args: object) -> None:
        asked.append(statement)
        raise OperationalError

    with connection.execute_wrapper(fail):
        assert owner_client.get(TASKS).status_code == 503

    # The list, and the record of its failure.
    assert ["tasks_task" in asked[0], "audit_record" in asked[1], *asked[2:]] == [True, True]
