"""What is refused, and what fails, is on record: after the rollback, in the name of whoever asked."""

from collections.abc import Callable
from datetime import timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.throttling import BaseThrottle
from rest_framework_simplejwt.tokens import AccessToken
from structlog.testing import capture_logs

from accounts.models import Session, User
from accounts.ownership import requester
from accounts.tokens import issue
from audit.models import Event
from config import health
from knowledge.models import KnowledgeDoc
from tasks.models import Label, Task
from tasks.views import TaskViewSet
from web.tests.faults import failing
from web.views import StrictView

PASSWORD = "correct horse battery"
TASKS = "/api/v1/tasks"
EVENTS = "/api/v1/audit/events"
TOKEN = "/api/v1/auth/token"
REFRESH = "/api/v1/auth/token/refresh"
# More than an index takes, and nothing that could be compressed.
LONG = token_hex(1_900)


def refusals() -> list[Event]:
    """Whatever didn't succeed, oldest first."""
    return list(Event.objects.exclude(outcome=Event.Outcome.SUCCESS).order_by("pk"))


def refusal() -> Event:
    """The one."""
    [event] = refusals()
    return event


def said(event: Event) -> tuple[str, str, UUID | None, str]:
    return event.action, event.actor, event.owner_id, event.outcome


def seen_by(client: APIClient) -> list[dict[str, Any]]:
    """What a user finds of refusals in their own list."""
    events: list[dict[str, Any]] = client.get(EVENTS, {"outcome": "denied"}).json()["results"]
    return events


def expired(owner: User) -> AccessToken:
    token = AccessToken()
    token["sub"], token["sid"] = str(owner.pk), str(Session.objects.create(owner=owner).pk)
    token.set_exp(lifetime=-timedelta(seconds=1))
    return token


# Who asks without being let in


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (lambda owner: None, "not_authenticated"),
        (lambda owner: "Bearer forged", "token_not_valid"),
        (lambda owner: f"Bearer {expired(owner)}", "token_expired"),
    ],
    ids=["without", "forged", "expired"],
)
def test_a_request_without_a_good_token_is_on_record_as_nobodys(
    authorization: Callable[[User], str | None], code: str, owner: User, stranger_client: APIClient
) -> None:
    task = Task.objects.create(owner=owner, title="x")
    header = authorization(owner)

    response = stranger_client.get(f"{TASKS}/{task.pk}", headers={"Authorization": header} if header else {})

    assert (response.status_code, response.json()["code"]) == (401, code)
    event = refusal()
    assert said(event) == ("session.refused", "anonymous", None, "denied")
    assert (event.object_type, event.object_id) == ("task", str(task.pk))
    assert event.detail == {"method": "GET", "route": "task-detail", "status": 401, "code": code}
    assert (event.request_id, event.address) == (response["X-Request-ID"], "127.0.0.1")


@pytest.mark.django_db(transaction=True)
def test_a_request_of_an_ended_session_is_on_record_as_its_users(owner: User, owner_client: APIClient) -> None:
    Session.objects.all().delete()

    assert owner_client.get(TASKS).json()["code"] == "session_ended"

    assert said(refusal()) == ("session.refused", str(owner.pk), owner.pk, "denied")


@pytest.mark.parametrize("active", [True, False])
def test_a_failed_sign_in_shows_to_the_accounts_owner(
    active: bool, owner: User, owner_client: APIClient, peer_client: APIClient, stranger_client: APIClient
) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=active)
    attempt = {"email": "Owner@Example.com", "password": PASSWORD if not active else "wrong"}
    assert stranger_client.post(TOKEN, attempt).status_code == 401

    event = refusal()
    assert said(event) == ("session.refused", "anonymous", owner.pk, "denied")
    assert event.detail == {"method": "POST", "route": "token", "status": 401, "code": "invalid_credentials"}
    User.objects.update(is_active=True)
    assert [(each["action"], each["actor"]) for each in seen_by(owner_client)] == [("session.refused", "anonymous")]
    assert seen_by(peer_client) == []


def test_a_failed_sign_in_for_no_account_is_on_record_without_the_address(stranger_client: APIClient) -> None:
    assert stranger_client.post(TOKEN, {"email": "nobody@example.com", "password": "wrong"}).status_code == 401

    assert said(refusal()) == ("session.refused", "anonymous", None, "denied")
    assert "nobody@example.com" not in str(Event.objects.values())


def test_a_refresh_token_used_twice_is_on_record_as_its_users(
    owner: User, owner_client: APIClient, stranger_client: APIClient
) -> None:
    token = {"refresh": issue(Session.objects.create(owner=owner))["refresh"]}

    assert [stranger_client.post(REFRESH, token).status_code for _ in range(2)] == [200, 401]

    assert said(refusal()) == ("session.refused", str(owner.pk), owner.pk, "denied")
    assert [event["detail"]["code"] for event in seen_by(owner_client)] == ["session_ended"]


def test_a_refresh_token_of_nobodys_is_on_record_as_nobodys(stranger_client: APIClient) -> None:
    assert stranger_client.post(REFRESH, {"refresh": "forged"}).status_code == 401

    assert said(refusal()) == ("session.refused", "anonymous", None, "denied")


# Who asks for what isn't theirs


def rows_of(owner: User) -> dict[str, UUID]:
    """One of each thing that has an address."""
    return {
        "task": Task.objects.create(owner=owner, title="Mine").pk,
        "label": Label.objects.create(owner=owner, name="Mine").pk,
        "document": KnowledgeDoc.objects.create(owner=owner, title="Mine", content="My own words.").pk,
        "event": Event.objects.filter(owner_id=owner.pk).latest("pk").pk,
    }


@pytest.mark.parametrize(
    ("verb", "noun", "path", "body"),
    [
        ("get", "task", "tasks/{}", None),
        ("get", "task", "tasks/{}?trashed=true", None),
        ("put", "task", "tasks/{}", {"title": "Stolen"}),
        ("patch", "task", "tasks/{}", {"title": "Stolen"}),
        ("patch", "task", "tasks/{}", {}),
        ("delete", "task", "tasks/{}", None),
        ("delete", "task", "tasks/{}?trashed=true", None),
        ("post", "task", "tasks/{}/toggle", None),
        ("post", "task", "tasks/{}/close", None),
        ("post", "task", "tasks/{}/reopen", None),
        ("post", "task", "tasks/{}/restore", None),
        ("post", "task", "tasks/{}/move", {"after": None}),
        ("get", "label", "labels/{}", None),
        ("put", "label", "labels/{}", {"name": "Stolen"}),
        ("patch", "label", "labels/{}", {"name": "Stolen"}),
        ("delete", "label", "labels/{}", None),
        ("get", "document", "knowledge/documents/{}", None),
        ("patch", "document", "knowledge/documents/{}", {"title": "Stolen"}),
        ("delete", "document", "knowledge/documents/{}", None),
        ("get", "document", "knowledge/documents/{}/chunks", None),
        ("get", "event", "audit/events/{}", None),
        ("get", "event", "audit/events/{}/proof", None),
    ],
)
def test_what_is_somebody_elses_is_refused_and_recorded_like_what_is_missing(
    verb: str,
    noun: str,
    path: str,
    body: object,
    owner: User,
    peer: User,
    owner_client: APIClient,
    peer_client: APIClient,
) -> None:
    foreign, missing = str(rows_of(owner)[noun]), str(uuid4())
    of_the_owner = Event.objects.filter(owner_id=owner.pk).count()

    answers, costs = [], []
    for key in (foreign, missing):
        with CaptureQueriesContext(connection) as statements:
            headers = {"X-Request-ID": "the-same"}
            response = getattr(peer_client, verb)(f"/api/v1/{path.format(key)}", body, headers=headers)
        assert response.status_code == 404
        answers.append((response.content.replace(key.encode(), b"<id>"), dict(response.items())))
        costs.append(len(statements))

    assert answers[0][0] == answers[1][0]
    assert answers[0][1].keys() == answers[1][1].keys()
    assert costs[0] == costs[1]
    assert [said(event) for event in refusals()] == [(f"{noun}.refused", str(peer.pk), peer.pk, "denied")] * 2
    assert [(event.object_type, event.object_id) for event in refusals()] == [(noun, foreign), (noun, missing)]
    assert [event["object_id"] for event in seen_by(peer_client)] == [missing, foreign]
    assert Event.objects.filter(owner_id=owner.pk).count() == of_the_owner
    assert seen_by(owner_client) == []


def test_a_form_without_its_token_is_on_record(db: None) -> None:
    assert Client(enforce_csrf_checks=True).post("/admin/login/").status_code == 403

    event = refusal()
    assert said(event) == ("admin.refused", "anonymous", None, "denied")
    assert event.detail == {"method": "POST", "route": "admin:login", "status": 403, "code": ""}


def test_a_page_that_staff_have_no_right_to_is_on_record(owner: User, client: Client) -> None:
    clerk = User.objects.create_user("clerk@example.com", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_task"))
    task = Task.objects.create(owner=owner, title="x")
    client.force_login(clerk)
    assert client.get("/admin/tasks/task/").status_code == 200

    assert client.post(f"/admin/tasks/task/{task.pk}/delete/", {"post": "yes"}).status_code == 403

    event = refusal()
    assert said(event) == ("admin.refused", str(clerk.pk), None, "denied")
    assert (event.object_id, event.detail["route"]) == (str(task.pk), "admin:tasks_task_delete")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "kept"), [("a%00b", "ab"), (LONG, LONG[:64]), ("caf%C3%A9", "café")], ids=["NUL", "long", "accented"]
)
def test_no_address_keeps_a_refusal_off_the_record(asked: str, kept: str) -> None:
    assert Client(enforce_csrf_checks=True).post(f"/admin/tasks/task/{asked}/change/").status_code == 403

    assert refusal().object_id == kept


class Closed(BaseThrottle):
    """Lets nobody through for seven seconds."""

    def allow_request(self, *args: object) -> bool:
        return False

    def wait(self) -> float:
        return 7


def test_too_many_requests_are_on_record(owner: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskViewSet, "throttle_classes", [Closed])

    response = owner_client.post(TASKS, {"title": "x"})

    assert (response.status_code, response["Retry-After"]) == (429, "7")
    assert said(refusal()) == ("task.refused", str(owner.pk), owner.pk, "denied")
    assert refusal().detail == {"method": "POST", "route": "task-list", "status": 429, "code": "throttled"}


# What fails


@pytest.mark.parametrize(
    ("cause", "status", "code"),
    [(ZeroDivisionError("secret"), 500, "internal_error"), (OperationalError("secret"), 503, "database_unavailable")],
)
def test_what_fails_is_on_record_without_its_cause(
    cause: Exception, status: int, code: str, owner: User, owner_client: APIClient
) -> None:
    owner_client.raise_request_exception = False

    with failing(cause):
        assert owner_client.get(f"{TASKS}/{owner.pk}").status_code == status

    event = refusal()
    assert said(event) == ("task.failed", str(owner.pk), owner.pk, "failed")
    assert event.detail == {"method": "GET", "route": "task-detail", "status": status, "code": code}
    assert event.object_id == str(owner.pk)
    assert "secret" not in str(Event.objects.values())


def test_a_page_of_the_admin_that_fails_is_on_record(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.admin.TaskAdmin.get_queryset", lambda *_: 1 / 0)
    admin_client.raise_request_exception = False

    assert admin_client.get("/admin/tasks/task/").status_code == 500

    assert (refusal().action, refusal().outcome) == ("admin.failed", "failed")


class SecondThoughts(StrictView):
    """Refuses what it has already done."""

    noun = "task"

    @transaction.atomic
    def post(self, request: Request) -> HttpResponse:
        Task.objects.create(owner_id=requester(request), title="x")
        assert Event.objects.filter(action="task.created").exists()
        raise PermissionDenied


urlpatterns = [path("thinks", SecondThoughts.as_view())]


@pytest.mark.urls(__name__)
def test_a_refusal_is_recorded_after_the_rollback_that_it_causes(owner: User, owner_client: APIClient) -> None:
    assert owner_client.post("/thinks").status_code == 403

    assert not Task.objects.exists()
    assert not Event.objects.filter(action="task.created").exists()
    assert said(refusal()) == ("task.refused", str(owner.pk), owner.pk, "denied")


# What isn't on record


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("get", "/nothing", 404),
        ("get", "/api/v1/nothing", 404),
        ("get", "/api/v1/tasks/1", 404),
        ("get", "/static/nothing.css", 404),
        ("get", "/health", 200),
        ("get", "/", 200),
        ("get", "/api/v1/openapi.json", 200),
        ("get", TASKS, 200),
        ("put", TASKS, 405),
        ("post", TASKS, 422),
        ("get", f"{TASKS}?x=1", 422),
    ],
)
def test_what_is_nobodys_or_no_refusal_is_not_on_record(
    verb: str, path: str, status: int, owner_client: APIClient
) -> None:
    assert getattr(owner_client, verb)(path).status_code == status

    assert refusals() == []


def test_a_failed_health_check_is_not_on_record(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ask", lambda: None)

    assert client.get("/health/db").status_code == 503

    assert refusals() == []


# No event, no answer


@pytest.fixture
def _refusals_cannot_be_written(db: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (outcome = 'success') NOT VALID")


@pytest.mark.usefixtures("_refusals_cannot_be_written")
@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get(f"{TASKS}/{uuid4()}"),
        lambda client: client.post(TOKEN, {"email": "owner@example.com", "password": "wrong"}),
        lambda client: client.get("/admin/no/such/page/"),
    ],
    ids=["missing", "signing in", "admin"],
)
def test_a_refusal_that_cannot_be_put_on_record_is_answered_503(
    ask: Callable[[APIClient], HttpResponse], owner: User, owner_client: APIClient
) -> None:
    owner.is_staff = True
    owner.save()
    owner_client.force_login(owner)
    with capture_logs() as lines:
        response = ask(owner_client)

    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    assert response["Retry-After"] == "5"
    told = response.json()
    assert (told["status"], told["code"]) == (503, "database_unavailable")
    assert told["request_id"] == response["X-Request-ID"]
    [line] = [line for line in lines if line["event"] == "refusal_not_recorded"]
    assert line["error"] == "IntegrityError"
    assert line["status"] in (401, 404)


# With what it was asked


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("curl/8.5.0", "curl/8.5.0"),
        (None, ""),
        ("x" * 300, "x" * 256),
        ("naïve ☃ %s '; --\\", "naïve ☃ %s '; --\\"),
        ("é" * 300, "é" * 256),
    ],
)
def test_the_browser_is_on_record_cut_to_256_characters(
    sent: str | None, kept: str, owner: User, owner_client: APIClient
) -> None:
    headers = {"User-Agent": sent} if sent is not None else {}

    assert owner_client.post(TASKS, {"title": "x"}, headers=headers).status_code == 201
    assert owner_client.get(f"{TASKS}/{uuid4()}", headers=headers).status_code == 404

    assert Event.objects.get(action="task.created").user_agent == kept
    assert refusal().user_agent == kept
    assert seen_by(owner_client)[0]["user_agent"] == kept
