"""GET /api/v1/audit/events/{id}/proof, and what a third party makes of it."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.exceptions import NotFound
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event, SaltKey
from audit.proofs import prove_event
from audit.sealing import seal
from audit.tests.test_verify_script import Desk
from tasks.models import Task

# The events of an open transaction can't be sealed.
pytestmark = pytest.mark.django_db(transaction=True)

TASKS = "/api/v1/tasks"
LATEST = "/api/v1/audit/checkpoints/latest"
TITLE, DESCRIPTION = "Call Mrs Müller", "About her knee.\nBefore noon."


@pytest.fixture
def created(owner_client: APIClient) -> Event:
    """That the owner's task was created."""
    response = owner_client.post(TASKS, {"title": TITLE, "description": DESCRIPTION})
    assert response.status_code == 201
    return Event.objects.get(action="task.created")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def url(event_id: object) -> str:
    return f"/api/v1/audit/events/{event_id}/proof"


def proof(client: APIClient, event: Event) -> dict[str, Any]:
    response = client.get(url(event.pk))
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def verdict(desk: Desk, client: APIClient, answer: dict[str, Any], **values: str) -> tuple[int, str]:
    """What the script says, given the server's answer, its key, and what somebody claims the masked values were."""
    claims = [f"--value={field}={desk.put(field, value)}" for field, value in values.items()]
    key = client.get(LATEST).json()["key"]
    return desk.run("event", desk.put("proof.json", answer), "--key", key, *claims)


def test_api_proof_of_an_event_that_is_not_sealed_is_409(owner_client: APIClient, created: Event) -> None:
    response = owner_client.get(url(created.pk))
    assert (response.status_code, response.json()["code"]) == (409, "not_sealed")

    seal()
    owner_client.delete(f"{TASKS}/{created.object_id}")
    owner_client.delete(f"{TASKS}/{created.object_id}?trashed=true")
    trashed, deleted = Event.objects.filter(action__in=["task.updated", "task.deleted"]).order_by("pk")

    assert owner_client.get(url(created.pk)).status_code == 200
    assert [owner_client.get(url(event.pk)).json()["code"] for event in (trashed, deleted)] == ["not_sealed"] * 2


def test_api_proof_convinces_a_third_party(owner_client: APIClient, created: Event, desk: Desk) -> None:
    seal()

    answer = proof(owner_client, created)
    code, words = verdict(desk, owner_client, answer, title=TITLE, description=DESCRIPTION)

    assert code == 0, words
    assert "description is the value of description after the event" in words
    assert TITLE not in answer["leaf"]
    assert "task.created" in answer["leaf"]
    assert sorted(answer["salts"]) == ["description", "metadata", "title"]


def test_api_proof_of_a_change_has_both_sides(owner_client: APIClient, created: Event, desk: Desk) -> None:
    owner_client.patch(f"{TASKS}/{created.object_id}", {"title": "Something else"})
    seal()
    answer = proof(owner_client, Event.objects.get(action="task.updated"))

    assert "title is the value of title before the event" in verdict(desk, owner_client, answer, title=TITLE)[1]
    assert verdict(desk, owner_client, answer, title="Something else")[0] == 0
    assert verdict(desk, owner_client, answer, title="Something third")[0] == 1
    assert verdict(desk, owner_client, answer, description=DESCRIPTION)[0] == 2


@pytest.mark.parametrize("count", [1, 3])
def test_api_proof_costs_the_same_statements_in_a_bigger_tree(
    count: int, owner_client: APIClient, created: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        owner_client.post(TASKS, {"title": "x"})
        seal()

    with django_assert_num_queries(5):  # user, event, leaf, checkpoint, hashes
        assert proof(owner_client, created)["tree_size"] == 3 + count


def test_api_proof_of_somebody_elses_event_is_the_404_of_a_missing_one(
    owner_client: APIClient, peer_client: APIClient, created: Event
) -> None:
    seal()
    missing = uuid4()

    answers = [peer_client.get(url(key), headers={"X-Request-ID": "the-same"}) for key in (created.pk, missing)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content.replace(str(created.pk).encode(), str(missing).encode()) == answers[1].content


def test_api_proof_staff_get_anybodys_without_the_salts(
    owner: User, staff_client: APIClient, created: Event, desk: Desk
) -> None:
    mine = Event.objects.get(action="user.created", owner_id=User.objects.get(is_staff=True).pk)
    seal()

    answer = proof(staff_client, created)

    assert answer["salts"] == {}
    assert verdict(desk, staff_client, answer)[0] == 0
    code, words = verdict(desk, staff_client, answer, title=TITLE)
    assert (code, "its salt is erased or not yours to see" in words) == (2, True)
    assert sorted(proof(staff_client, mine)["salts"]) == ["email", "password"]
    read = Event.objects.filter(action="event.read").order_by("pk").values_list("object_id", flat=True)
    assert list(read) == [str(created.pk), str(mine.pk)]


def test_api_proof_holds_after_erasure_and_tells_nothing_any_more(
    owner: User, owner_client: APIClient, created: Event, desk: Desk
) -> None:
    seal()
    before = proof(owner_client, created)
    SaltKey.objects.filter(owner_id=owner.pk).delete()

    after = proof(owner_client, created)

    assert after == before | {"salts": {}}
    assert verdict(desk, owner_client, after)[0] == 0
    assert verdict(desk, owner_client, after, title=TITLE)[0] == 2


def test_api_proof_of_a_sign_in_of_nobodys_is_for_staff_alone(
    owner_client: APIClient, staff_client: APIClient, stranger_client: APIClient, desk: Desk
) -> None:
    attempt = {"email": "nobody@example.com", "password": "wrong"}
    assert stranger_client.post("/api/v1/auth/token", attempt).status_code == 401
    seal()
    refused = Event.objects.get(action="session.refused")

    assert owner_client.get(url(refused.pk)).status_code == 404
    assert verdict(desk, staff_client, proof(staff_client, refused))[0] == 0


def test_api_proof_takes_no_parameters(owner_client: APIClient, created: Event) -> None:
    response = owner_client.get(f"{url(created.pk)}?since=1")

    assert (response.status_code, response.json()["errors"][0]["location"]) == (422, "query.since")


def test_api_proof_stranger_gets_401(stranger_client: APIClient, created: Event) -> None:
    assert stranger_client.get(url(created.pk)).status_code == 401


def test_api_proof_of_what_was_removed_with_its_owner_stands(
    owner: User, owner_client: APIClient, staff_client: APIClient, created: Event, desk: Desk
) -> None:
    Task.objects.all().delete()
    owner.delete()
    seal()

    assert owner_client.get(url(created.pk)).status_code == 401
    assert verdict(desk, staff_client, proof(staff_client, created))[0] == 0


@pytest.mark.django_db
def test_an_event_that_is_gone_by_now_has_no_proof() -> None:
    """Its month was purged between two statements."""
    with pytest.raises(NotFound):
        prove_event(uuid4())
