"""Events in the admin: the list, one event, and an object's history."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Session, User
from audit import activity
from audit.models import Event
from audit.sealing import seal
from audit.services import record
from audit.tests.admin.test_activity import happened
from knowledge.models import KnowledgeDoc
from tasks.models import Task

URL = "/admin/audit/event/"


def shown(client: Client, **query: object) -> list[Event]:
    """The events of a list's page."""
    response = client.get(URL, query)
    assert response.status_code == 200, response
    return list(response.context["cl"].result_list)


def text(html: bytes) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html.decode()).split())


def page(client: Client, event: Event) -> str:
    response = client.get(f"{URL}{event.pk}/change/")
    assert response.status_code == 200
    return text(response.content)


def choices(client: Client, **query: str) -> list[str]:
    """The actions that the list offers to choose from."""
    filters = client.get(URL, query).context["cl"].filter_specs
    return [action for action, _ in next(each for each in filters if each.title == "action").lookup_choices]


def test_who_acted_is_told_by_address(owner: User, owner_client: APIClient, staff_browser: Client) -> None:
    owner_client.post("/api/v1/tasks", {"title": "x"})

    html = staff_browser.get(URL, {"action": "task.created"}).content.decode()

    assert f'<a href="/admin/accounts/user/{owner.pk}/change/" title="owner@example.com">owner@example.com</a>' in html


def test_who_is_no_user_is_told_as_it_is(owner: User, owner_client: APIClient, staff_browser: Client) -> None:
    owner_client.post("/api/v1/tasks", {"title": "x"})
    gone = str(owner.pk)
    owner.delete()

    html = staff_browser.get(URL, {"object_type": "task"}).content.decode()

    assert f'<span title="{gone}">…{gone[-8:]}</span>' in html
    assert "system:pytest" in html


def test_long_ids_are_shortened_and_lead_somewhere(staff_browser: Client) -> None:
    record(action="thing.done", object_type="thing", object_id="a/b?c&d=efghij")
    record(action="thing.done", object_type="thing", object_id="brief")
    record(action="thing.done", object_type="thing")

    html = staff_browser.get(URL, {"action": "thing.done"}).content.decode()

    history = f"{URL}?object_type=thing&amp;object_id="
    assert f'<a href="{history}a%2Fb%3Fc%26d%3Defghij" title="a/b?c&amp;d=efghij" class="id">…d=efghij</a>' in html
    assert f'<a href="{history}brief" title="brief" class="id">brief</a>' in html
    assert '<td class="field-about">thing</td>' in html
    assert [event.object_id for event in shown(staff_browser, object_type="thing", object_id="a/b?c&d=efghij")] == [
        "a/b?c&d=efghij"
    ]


def test_a_request_id_leads_to_all_that_the_request_did(owner: User, staff_browser: Client) -> None:
    form = {"owner": owner.pk, "title": "x", "description": "", "priority": 0, "metadata": "{}"}
    staff_browser.post("/admin/tasks/task/add/", form, headers={"X-Request-ID": "a-request-of-staff"})

    html = staff_browser.get(URL).content.decode()

    assert f'<a href="{URL}?request_id=a-request-of-staff" title="a-request-of-staff" class="id">…of-staff</a>' in html
    assert [event.action for event in shown(staff_browser, request_id="a-request-of-staff")] == ["task.created"]


def test_the_list_can_be_narrowed_to_an_action(owner: User, staff_browser: Client) -> None:
    Task.objects.create(owner=owner, title="x")

    assert {event.action for event in shown(staff_browser)} >= {"task.created", "user.created"}
    assert [event.action for event in shown(staff_browser, action="task.created")] == ["task.created"]
    assert shown(staff_browser, action="task.deleted") == []


def test_the_list_can_be_narrowed_to_an_outcome(staff_browser: Client) -> None:
    record(action="thing.refused", outcome=Event.Outcome.DENIED)

    assert [event.action for event in shown(staff_browser, outcome__exact="denied")] == ["thing.refused"]


@pytest.mark.parametrize(("period", "hours"), [("24h", 24), ("7d", 7 * 24), ("30d", 30 * 24)])
def test_the_list_can_be_narrowed_to_a_period(period: str, hours: int, staff_browser: Client) -> None:
    now = datetime.now(UTC)
    inside, outside = (happened(now - timedelta(hours=hours, minutes=minutes)) for minutes in (-5, 5))

    found = {event.pk for event in shown(staff_browser, period=period)}

    assert inside in found
    assert outside not in found
    assert outside in {event.pk for event in shown(staff_browser, period="whatever")}


def test_actions_to_choose_from_are_those_of_the_latest_events(
    monkeypatch: pytest.MonkeyPatch, staff_browser: Client
) -> None:
    record(action="thing.rare")
    assert "thing.rare" in choices(staff_browser)
    monkeypatch.setattr(activity, "RECENT", 1)

    # Each list leaves an event of its own.
    assert choices(staff_browser) == ["event.listed"]
    assert choices(staff_browser, action="thing.rare") == ["event.listed", "thing.rare"]


def test_search_is_by_an_objects_or_a_requests_id_exactly(owner: User, staff_browser: Client) -> None:
    task = Task.objects.create(owner=owner, title="x")
    staff_browser.get("/admin/", headers={"X-Request-ID": "nothing-done"})
    staff_browser.get(f"/admin/tasks/task/{task.pk}/change/", headers={"X-Request-ID": "a-look"})

    assert [event.action for event in shown(staff_browser, q=str(task.pk))] == ["task.read", "task.created"]
    assert [event.action for event in shown(staff_browser, q="a-look")] == ["task.read"]
    assert shown(staff_browser, q=str(task.pk)[:-1]) == shown(staff_browser, q="nothing-done") == []


def test_nothing_counts_rows_by_filter(staff_browser: Client) -> None:
    assert "Show counts" not in staff_browser.get(URL).content.decode()
    assert not staff_browser.get(URL, {"_facets": "True"}).context["cl"].add_facets


def test_changes_are_told_before_and_after(owner: User, owner_client: APIClient, staff_browser: Client) -> None:
    task = owner_client.post("/api/v1/tasks", {"title": "x"}).json()["id"]
    owner_client.patch(f"/api/v1/tasks/{task}", {"title": "y", "completed": True})
    created, updated = Event.objects.filter(object_id=task).order_by("pk")

    before, after = updated.commitments["title"]
    shown = page(staff_browser, updated)
    assert "field before after completed false true completed_at" in shown
    assert f"title ••• {before} ••• {after}" in shown
    said = page(staff_browser, created)
    assert "completed nothing false" in said
    assert f"title nothing ••• {created.commitments['title'][1]}" in said
    assert "Detail:" not in said
    assert f"Actor: owner@example.com Concerns: owner@example.com Address: {updated.address}" in said
    assert f"Object: task {task}" in said


def test_detail_is_told_with_the_commitment_to_what_is_masked(owner: User, staff_browser: Client) -> None:
    detail: dict[str, Any] = {"hits": 3, "words": "<b>ä</b>", "more": {"a": [None]}}
    record(action="thing.sought", detail=detail, said={"query": "what I sought"}, concerning=owner.pk)
    event = Event.objects.get(action="thing.sought")

    response = staff_browser.get(f"{URL}{event.pk}/change/")

    said = text(response.content)
    commitment = event.commitments["query"][1]
    assert f"field value hits 3 more {{&quot;a&quot;: [null]}} query ••• {commitment} words" in said
    assert "&lt;b&gt;ä&lt;/b&gt;" in response.content.decode()
    assert "Changes:" not in said
    assert "what I sought" not in said


def test_an_event_that_concerns_nobody_says_so(staff_browser: Client) -> None:
    record(action="thing.done")

    assert "Concerns: nobody in particular" in page(staff_browser, Event.objects.get(action="thing.done"))


def test_an_event_says_whether_it_is_sealed(owner: User, staff_browser: Client) -> None:
    first = Event.objects.order_by("pk").first()
    assert first
    assert "Leaf: Not sealed yet" in page(staff_browser, first)

    seal()

    assert "Leaf: Sealed as leaf 0" in page(staff_browser, first)


def test_an_event_that_there_is_not_leads_home(staff_browser: Client) -> None:
    assert staff_browser.get(f"{URL}{uuid4()}/change/")["Location"] == "/admin/"


def history_of(client: Client, path: str) -> Any:
    response = client.get(f"/admin/{path}/history/", follow=True)
    assert response.status_code == 200
    assert response.redirect_chain[0][0].startswith(URL)
    return response


@pytest.fixture
def things(owner: User) -> dict[str, tuple[str, UUID]]:
    """Noun → where the object is in the admin, below its site, and its id."""
    task = Task.objects.create(owner=owner, title="x")
    document = KnowledgeDoc.objects.create(owner=owner, title="x", content="x")
    session = Session.objects.create(owner=owner)
    return {
        "task": (f"tasks/task/{task.pk}", task.pk),
        "document": (f"knowledge/knowledgedoc/{document.pk}", document.pk),
        "session": (f"accounts/session/{session.pk}", session.pk),
        "user": (f"accounts/user/{owner.pk}", owner.pk),
    }


@pytest.mark.parametrize("noun", ["task", "document", "session", "user"])
def test_an_objects_history_is_what_the_record_says_of_it(
    noun: str, things: dict[str, tuple[str, UUID]], staff_browser: Client
) -> None:
    path, key = things[noun]
    assert f'href="/admin/{path}/history/"' in staff_browser.get(f"/admin/{path}/change/").content.decode()

    response = history_of(staff_browser, path)

    said = text(response.content)
    assert f"History of {noun} {key}" in said
    assert f'<a href="/admin/{path}/change/">Its page</a>' in response.content.decode()
    events = response.context["cl"].result_list
    assert [event.action for event in events] == [f"{noun}.read", f"{noun}.created"]
    assert {event.object_id for event in events} == {str(key)}


def test_the_history_of_what_is_gone_is_still_there(owner: User, staff_browser: Client) -> None:
    task = Task.objects.create(owner=owner, title="x")
    key = task.pk
    task.delete()

    actions = [event.action for event in history_of(staff_browser, f"tasks/task/{key}").context["cl"].result_list]

    assert actions == ["task.deleted", "task.created"]


def test_the_history_of_an_event_is_who_looked_at_it(staff: User, staff_browser: Client) -> None:
    event = Event.objects.latest("pk")
    page(staff_browser, event)

    looks = list(history_of(staff_browser, f"audit/event/{event.pk}").context["cl"].result_list)

    assert [(look.action, look.actor) for look in looks] == [("event.read", str(staff.pk))]


def test_a_history_without_a_page_names_the_object_all_the_same(staff_browser: Client) -> None:
    record(action="thing.done", object_type="thing", object_id="7")

    response = staff_browser.get(URL, {"object_type": "thing", "object_id": "7"})

    assert "History of thing 7" in text(response.content)
    assert "Its page" not in response.content.decode()


def test_what_is_not_ours_keeps_the_history_it_has(staff_browser: Client) -> None:
    group = Group.objects.create(name="x")

    assert staff_browser.get(f"/admin/auth/group/{group.pk}/history/").status_code == 200


def test_the_list_is_for_who_may_see_events(temp_client: Client) -> None:
    assert temp_client.get(URL).status_code == 403
    assert temp_client.get(f"{URL}{Event.objects.latest('pk').pk}/change/").status_code == 403


def test_events_are_found_by_a_persons_address(owner: User, peer: User, staff_browser: Client) -> None:
    Task.objects.create(owner=owner, title="x")

    theirs = staff_browser.get("/admin/audit/event/", {"q": " Owner@example.com"}).context["cl"].result_list
    nobodys = staff_browser.get("/admin/audit/event/", {"q": "nobody@example.com"}).context["cl"].result_list

    assert {event.owner_id for event in theirs} == {owner.pk}
    assert not nobodys
