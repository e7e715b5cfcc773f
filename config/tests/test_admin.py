"""The admin: fast lists on tables of any size, and what staff write on record."""

import re

import pytest
import structlog
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from accounts.models import Session, User
from audit.models import Event
from knowledge import indexing
from knowledge.models import KnowledgeDoc, ProviderKey, VectorChunk
from tasks.models import Label, Task
from web.lists import EstimatingPaginator

MODELS = [User, Session, Task, Label, KnowledgeDoc, VectorChunk, Event]
# What a browser sends of a task beside its title.
FORM = {"description": "", "priority": "0", "metadata": "{}"}
# And of a document, beside title and content.
DOCUMENT_FORM = {"language": "en", "metadata": "{}", "chunk_tokens": "254", "chunk_overlap": "32"}


def url(model: type, page: str = "changelist", *keys: object) -> str:
    path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"  # type: ignore[attr-defined]
    return path + {"changelist": "", "add": "add/"}.get(page, f"{'/'.join(map(str, keys))}/{page}/")


def fill(owner: User, count: int) -> None:
    for number in range(count):
        user = User.objects.create_user(f"user{number}@example.com")
        Session.objects.create(owner=user)
        Task.objects.create(owner=user, title=str(number))
        Label.objects.create(owner=user, name=str(number))
        document = KnowledgeDoc.objects.create(owner=user, title=str(number), content="Some words.")
        indexing.index(owner_id=user.pk, document_id=document.pk)


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_statements_for_one_row_and_for_four(
    model: type, staff: User, staff_browser: Client
) -> None:
    fill(staff, 1)
    with CaptureQueriesContext(connection) as few:
        assert staff_browser.get(url(model)).status_code == 200
    User.objects.exclude(pk=staff.pk).delete()
    fill(staff, 4)
    with CaptureQueriesContext(connection) as many:
        assert staff_browser.get(url(model)).status_code == 200

    # Session, user, count, rows, and that they were looked at; of events the actors' names and the actions, too.
    assert len(few) == len(many) == (7 if model is Event else 5)
    for query in many.captured_queries:
        assert '"content"' not in query["sql"] or model is VectorChunk
        assert "COUNT(*)" not in query["sql"] or "LIMIT 1001" in query["sql"]


@pytest.mark.parametrize("model", MODELS)
def test_lists_can_be_searched_and_show_one_object(model: type, staff: User, staff_browser: Client) -> None:
    fill(staff, 1)
    row = model.objects.first()  # type: ignore[attr-defined]

    found = staff_browser.get(url(model), {"q": str(row.pk) if model is not Event else row.object_id})
    assert found.status_code == 200
    assert staff_browser.get(url(model, "change", row.pk)).status_code == 200


def test_staff_act_in_their_own_name_and_are_on_record(staff: User, owner: User, staff_browser: Client) -> None:
    task = Task.objects.create(owner=owner, title="x")

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        response = staff_browser.post(url(Task, "change", task.pk), {"title": "y"} | FORM)

    assert response.status_code == 302
    event = Event.objects.get(action="task.updated")
    assert (event.actor, event.owner_id, list(event.changes)) == (str(staff.pk), owner.pk, ["title"])
    assert event.request_id == response["X-Request-ID"]
    assert lines[-1]["user_id"] == str(staff.pk)
    assert event.address == "127.0.0.1"


def test_what_is_done_in_the_admin_leaves_no_titles_behind(staff: User, owner: User, staff_browser: Client) -> None:
    """Django's own log would keep them in clear, for ever."""
    task = Task.objects.create(owner=owner, title="Call Mrs M about the result")
    staff_browser.post(url(Task, "change", task.pk), {"title": "Call Mrs M again"} | FORM)
    staff_browser.get(url(Task))  # shows what was changed, once
    one = staff_browser.get(url(User, "delete", owner.pk))
    many = staff_browser.post(url(User), {"action": "delete_selected", "_selected_action": [str(owner.pk)]})
    staff_browser.post(url(User, "delete", owner.pk), {"post": "yes"})

    assert not User.objects.filter(pk=owner.pk).exists()
    assert not LogEntry.objects.exists()
    for page in (one, many):
        assert page.status_code == 200
        assert "Mrs M" not in page.content.decode()
        assert "1 tasks" in page.content.decode()


def test_staff_delete_a_user_with_everything_that_is_theirs(staff: User, staff_browser: Client) -> None:
    fill(staff, 1)
    user = User.objects.get(email="user0@example.com")
    assert VectorChunk.objects.filter(owner=user).exists()

    response = staff_browser.post(url(User, "delete", user.pk), {"post": "yes"})

    assert response.status_code == 302
    assert not VectorChunk.objects.exists()
    assert not User.objects.filter(pk=user.pk).exists()


def test_the_owner_of_a_row_is_chosen_once(staff: User, owner: User, peer: User, staff_browser: Client) -> None:
    staff_browser.post(url(Task, "add"), {"owner": owner.pk, "title": "x"} | FORM)
    task = Task.objects.get()
    assert task.owner == owner

    staff_browser.post(url(Task, "change", task.pk), {"owner": peer.pk, "title": "y"} | FORM)

    task.refresh_from_db()
    assert (task.owner, task.title) == (owner, "y")


def shown(page: HttpResponse, field: str) -> str:
    """What a form shows of a field that can't be written."""
    [value] = re.findall(rf'field-{field}">.*?<div class="readonly">(.*?)</div>', page.content.decode(), re.DOTALL)
    return str(value)


def test_staff_see_the_trash_beside_the_rest_or_alone(owner: User, staff_browser: Client) -> None:
    live = Task.objects.create(owner=owner, title="Live")
    trashed = Task.objects.create(owner=owner, title="Trashed", trashed_at="2026-01-02T03:04:05Z")

    def listed(**parameters: str) -> set[str]:
        page = staff_browser.get(url(Task), parameters).content.decode()
        return {str(task.pk) for task in (live, trashed) if str(task.pk) in page}

    assert listed() == {str(live.pk), str(trashed.pk)}
    assert listed(trashed_at__isempty="0") == {str(trashed.pk)}
    assert listed(trashed_at__isempty="1") == {str(live.pk)}
    assert shown(staff_browser.get(url(Task, "change", live.pk)), "trashed_at") == "-"
    assert "2026" in shown(staff_browser.get(url(Task, "change", trashed.pk)), "trashed_at")


@pytest.mark.parametrize(("model", "member"), [(Task, "title"), (Label, "name")])
def test_what_staff_change_has_a_new_version(model: type, member: str, owner: User, staff_browser: Client) -> None:
    row = model.objects.create(owner=owner, **{member: "x"})  # type: ignore[attr-defined]
    assert shown(staff_browser.get(url(model, "change", row.pk)), "version") == "1"

    for _ in range(2):
        # The second time nothing is changed, nor is a version that somebody sends.
        form = {member: "y", "version": "7"} | FORM
        assert staff_browser.post(url(model, "change", row.pk), form).status_code == 302
        assert shown(staff_browser.get(url(model, "change", row.pk)), "version") == "2"


@pytest.mark.parametrize("page", ["add", "change"])
def test_a_label_that_there_is_already_is_told_in_the_form(page: str, owner: User, staff_browser: Client) -> None:
    Label.objects.create(owner=owner, name="Home")
    other = Label.objects.create(owner=owner, name="Work")
    address = url(Label, page, *([other.pk] if page == "change" else []))

    response = staff_browser.post(address, {"owner": owner.pk, "name": "HOME"})

    assert response.status_code == 200
    assert "There is a label of this name." in response.content.decode()


def test_a_label_that_staff_delete_goes_from_all_tasks(owner: User, staff_browser: Client) -> None:
    label, other = (Label.objects.create(owner=owner, name=name) for name in "xy")
    task = Task.objects.create(owner=owner, title="x", labels=[label.pk, other.pk])

    assert staff_browser.post(url(Label, "delete", label.pk), {"post": "yes"}).status_code == 302

    task.refresh_from_db()
    assert task.labels == [other.pk]


def test_a_document_saved_by_staff_is_indexed(staff: User, owner: User, staff_browser: Client) -> None:
    form = DOCUMENT_FORM | {"owner": owner.pk, "title": "x", "content": "Some words.", "metadata": '{"a": 1}'}
    assert staff_browser.post(url(KnowledgeDoc, "add"), form).status_code == 302
    document = KnowledgeDoc.objects.get()
    assert (document.owner, document.metadata) == (owner, {"a": 1})
    assert ProcrastinateJob.objects.count() == 1
    indexing.index(owner_id=owner.pk, document_id=document.pk)

    form = DOCUMENT_FORM | {"title": "x", "content": "Other words.", "metadata": '{"a": 1}'}
    assert staff_browser.post(url(KnowledgeDoc, "change", document.pk), form).status_code == 302
    document.refresh_from_db()
    assert (document.content, document.status) == ("Other words.", "in_progress")
    assert ProcrastinateJob.objects.count() == 2


@pytest.mark.parametrize("model", [Task, KnowledgeDoc])
def test_a_form_for_something_new_shows_what_can_be_written(model: type, staff_browser: Client) -> None:
    page = staff_browser.get(url(model, "add")).content.decode()

    assert "DatabaseDefault" not in page
    assert 'name="title"' in page


def test_users_can_be_added_by_address(staff_browser: Client) -> None:
    form = {
        "email": "New@example.com",
        "usable_password": "true",
        "password1": "correct horse",
        "password2": "correct horse",
    }

    response = staff_browser.post(url(User, "add"), form)

    assert response.status_code == 302, response.content
    assert User.objects.get(email="new@example.com").check_password("correct horse")


@pytest.mark.parametrize("model", [Event, VectorChunk, Session])
def test_what_the_service_keeps_cannot_be_added_or_edited(model: type, staff: User, staff_browser: Client) -> None:
    fill(staff, 1)
    row = model.objects.first()  # type: ignore[attr-defined]

    assert staff_browser.get(url(model, "add")).status_code == 403
    assert staff_browser.post(url(model, "change", row.pk), {}).status_code == 403


def test_events_cannot_be_deleted_in_the_admin(staff: User, staff_browser: Client) -> None:
    assert staff_browser.post(url(Event, "delete", Event.objects.first().pk), {"post": "yes"}).status_code == 403


def test_the_admin_is_for_staff(owner: User, client: Client) -> None:
    assert client.get("/admin/").status_code == 302
    client.force_login(owner)
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin")["Location"] == "/admin/"


def test_an_api_token_opens_no_admin(staff: User, sign_in: object) -> None:
    client: APIClient = sign_in(staff)  # type: ignore[operator]

    assert client.get(url(Task)).status_code == 302


@pytest.mark.django_db
def test_a_big_table_is_estimated_and_a_small_one_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = User.objects.create_user("owner@example.com")
    Task.objects.bulk_create(Task(owner=owner, title=str(number)) for number in range(60))
    monkeypatch.setattr(EstimatingPaginator, "exact_limit", 50)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_task")

    assert EstimatingPaginator(Task.objects.order_by("-id"), 10).count in range(51, 70)
    assert EstimatingPaginator(Task.objects.filter(title="7").order_by("-id"), 10).count == 1


def test_every_model_of_ours_is_in_the_admin() -> None:
    assert {
        model for model in admin.site._registry if model._meta.app_label in ("audit", "accounts", "tasks", "knowledge")
    } == {*MODELS, ProviderKey}


def test_signing_in_to_the_admin_is_on_record_in_the_users_name(staff: User, client: Client) -> None:
    form = {"username": "Staff@example.com", "password": "correct horse battery"}

    assert client.post("/admin/login/", form).status_code == 302

    event = Event.objects.latest("pk")
    assert (event.action, event.actor, list(event.changes)) == ("user.updated", str(staff.pk), ["last_login"])


def test_texts_are_kept_as_they_were_written(staff: User, owner: User, staff_browser: Client) -> None:
    document = KnowledgeDoc.objects.create(owner=owner, title="x", content=" a\nb\n")
    indexing.index(owner_id=owner.pk, document_id=document.pk)

    form = DOCUMENT_FORM | {"title": "x", "content": " a\r\nb\r\n", "metadata": '{"a": 1.50}'}
    assert staff_browser.post(url(KnowledgeDoc, "change", document.pk), form).status_code == 302

    document.refresh_from_db()
    assert (document.metadata, document.content, document.status) == ({"a": 1.5}, " a\nb\n", "completed")


@pytest.mark.parametrize("metadata", ["[1]", '{"a": NaN}', '{"a": "\\u0000"}'])
def test_metadata_that_cannot_be_stored_is_told_in_the_form(metadata: str, owner: User, staff_browser: Client) -> None:
    form = DOCUMENT_FORM | {"owner": owner.pk, "title": "x", "content": "x", "metadata": metadata}

    response = staff_browser.post(url(KnowledgeDoc, "add"), form)

    assert response.status_code == 200
    assert "errorlist" in response.content.decode()


def test_chunks_go_with_their_document_and_not_alone(staff: User, staff_browser: Client) -> None:
    fill(staff, 1)

    chunk, document = VectorChunk.objects.get(), KnowledgeDoc.objects.get()
    assert staff_browser.post(url(VectorChunk, "delete", chunk.pk), {"post": "yes"}).status_code == 403
    assert staff_browser.post(url(KnowledgeDoc, "delete", document.pk), {"post": "yes"}).status_code == 302
    assert not VectorChunk.objects.exists()
