"""What staff look at in the admin is on record, once a page; and what can't be put on record isn't shown."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import Session, User
from audit.models import Event
from knowledge import indexing
from knowledge.models import KnowledgeDoc, VectorChunk
from tasks.models import Task

KINDS = {
    "user": "accounts/user",
    "session": "accounts/session",
    "task": "tasks/task",
    "document": "knowledge/knowledgedoc",
    "chunk": "knowledge/vectorchunk",
    "event": "audit/event",
}


@pytest.fixture
def keys(owner: User) -> dict[str, Any]:
    """Noun → the id of something that is the owner's."""
    task = Task.objects.create(owner=owner, title="x")
    document = KnowledgeDoc.objects.create(owner=owner, title="x", content="Some words.")
    indexing.index(owner_id=owner.pk, document_id=document.pk)
    return {
        "user": owner.pk,
        "session": Session.objects.create(owner=owner).pk,
        "task": task.pk,
        "document": document.pk,
        "chunk": VectorChunk.objects.get().pk,
        "event": Event.objects.get(action="task.created").pk,
    }


def looks() -> list[Event]:
    """Of staff, oldest first."""
    return list(Event.objects.filter(action__regex=r"[.](read|listed)$").order_by("pk"))


def refuse(action: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (action <> '{action}') NOT VALID")


@pytest.mark.parametrize("noun", KINDS)
def test_a_look_at_an_object_is_on_record_once(
    noun: str, keys: dict[str, Any], owner: User, staff: User, staff_browser: Client
) -> None:
    response = staff_browser.get(f"/admin/{KINDS[noun]}/{keys[noun]}/change/")

    assert response.status_code == 200
    (look,) = looks()
    assert (look.action, look.object_type, look.object_id) == (f"{noun}.read", noun, str(keys[noun]))
    assert (look.actor, look.owner_id, look.outcome) == (str(staff.pk), owner.pk, Event.Outcome.SUCCESS)
    assert look.request_id == response["X-Request-ID"]


@pytest.mark.parametrize("noun", KINDS)
def test_a_look_at_a_list_is_on_record_once(
    noun: str, keys: dict[str, Any], staff: User, staff_browser: Client
) -> None:
    response = staff_browser.get(f"/admin/{KINDS[noun]}/")

    assert response.status_code == 200
    (look,) = looks()
    assert (look.action, look.object_type, look.object_id) == (f"{noun}.listed", noun, "")
    assert (look.actor, look.detail) == (str(staff.pk), {"rows": len(response.context["cl"].result_list)})
    assert look.detail["rows"] > 0


def test_a_list_concerns_somebody_if_all_of_it_is_theirs(
    keys: dict[str, Any], owner: User, peer: User, staff_browser: Client
) -> None:
    staff_browser.get("/admin/tasks/task/")
    Task.objects.create(owner=peer, title="x")
    staff_browser.get("/admin/tasks/task/")
    staff_browser.get("/admin/tasks/task/", {"q": "peer@example.com"})
    staff_browser.get("/admin/tasks/task/", {"q": "nothing"})

    assert [look.owner_id for look in looks()] == [owner.pk, None, peer.pk, None]
    assert [look.detail["rows"] for look in looks()] == [1, 2, 1, 0]


def test_what_was_asked_for_is_masked(keys: dict[str, Any], staff_browser: Client) -> None:
    staff_browser.get("/admin/tasks/task/", {"q": "x", "completed__exact": "0"})

    (look,) = looks()
    assert look.detail == {"rows": 1, "query": "•••"}
    assert len(look.commitments["query"][1]) == 44


def test_what_was_asked_for_is_recorded_where_policy_says_so(
    keys: dict[str, Any], staff_browser: Client, settings: Settings
) -> None:
    settings.AUDIT_SEARCH_TEXT = "recorded"

    staff_browser.get("/admin/tasks/task/", {"q": "a diagnosis", "title__contains": "b"})

    (look,) = looks()
    assert (look.detail, look.commitments) == ({"rows": 0, "query": "q=a+diagnosis&title__contains=b"}, {})


@pytest.mark.parametrize("page", ["", "{}/change/", "{}/delete/"])
def test_what_cannot_be_put_on_record_is_not_shown(page: str, keys: dict[str, Any], staff_browser: Client) -> None:
    refuse("task.read" if page else "task.listed")

    with pytest.raises(IntegrityError, match="full_disk"), transaction.atomic():
        staff_browser.get("/admin/tasks/task/" + page.format(keys["task"]))

    assert looks() == []


@pytest.mark.parametrize(
    "page", ["tasks/task/{task}/delete/", "accounts/user/{user}/password/", "tasks/task/{task}/change/?_popup=1"]
)
def test_other_pages_of_an_object_are_looks_at_it_too(page: str, keys: dict[str, Any], staff_browser: Client) -> None:
    assert staff_browser.get("/admin/" + page.format(**keys)).status_code == 200

    (look,) = looks()
    assert look.object_id in map(str, keys.values())


def test_a_list_of_what_is_to_be_deleted_is_a_look(keys: dict[str, Any], staff_browser: Client) -> None:
    form = {"action": "delete_selected", "_selected_action": [keys["task"]]}

    assert staff_browser.post("/admin/tasks/task/", form).status_code == 200

    assert [look.action for look in looks()] == ["task.listed"]


@pytest.mark.parametrize("page", ["", "tasks/", "tasks/task/add/", "audit/event/activity/", "auth/group/"])
def test_pages_that_show_nobodys_things_are_no_looks(page: str, keys: dict[str, Any], staff_browser: Client) -> None:
    assert staff_browser.get(f"/admin/{page}").status_code == 200

    assert looks() == []


def test_what_is_not_there_cannot_be_looked_at(keys: dict[str, Any], staff_browser: Client) -> None:
    staff_browser.get(f"/admin/tasks/task/{keys['document']}/change/")
    staff_browser.get("/admin/tasks/task/no-id/change/")

    assert looks() == []


def test_what_may_not_be_looked_at_is_a_refusal_and_no_look(keys: dict[str, Any], temp_client: Client) -> None:
    assert temp_client.get(f"/admin/tasks/task/{keys['task']}/change/").status_code == 403
    assert temp_client.get("/admin/tasks/task/").status_code == 403

    assert looks() == []
    assert Event.objects.filter(action="admin.refused").count() == 2


def test_who_may_only_delete_looks_at_what_goes(keys: dict[str, Any], owner: User, temp_client: Client) -> None:
    temp = User.objects.get(email="temp@example.com")
    temp.user_permissions.add(Permission.objects.get(codename="delete_task"))

    assert temp_client.get(f"/admin/tasks/task/{keys['task']}/delete/").status_code == 200

    assert [(look.action, look.actor) for look in looks()] == [("task.read", str(temp.pk))]


def test_there_is_no_list_that_the_record_does_not_know_of(keys: dict[str, Any], temp_client: Client) -> None:
    temp = User.objects.get(email="temp@example.com")
    temp.user_permissions.add(Permission.objects.get(codename="view_user"))
    query = {"app_label": "tasks", "model_name": "task", "field_name": "owner", "term": "owner"}

    response = temp_client.get("/admin/autocomplete/", query)

    assert response.status_code == 404
    assert "owner@example.com" not in response.content.decode()


def test_saving_is_on_record_as_well(keys: dict[str, Any], owner: User, staff_browser: Client) -> None:
    form = {"title": "y", "description": "", "priority": 0, "metadata": "{}"}

    assert staff_browser.post(f"/admin/tasks/task/{keys['task']}/change/", form).status_code == 302

    actions = Event.objects.filter(object_id=keys["task"]).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["task.created", "task.read", "task.updated"]
