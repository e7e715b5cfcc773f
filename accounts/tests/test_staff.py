"""The admin's door: in, out and refused, on record in the right name."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event

LOGIN = "/admin/login/"
PASSWORD = "correct horse battery"


def sign_in(client: Client, email: str = "staff@example.com", password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"username": email, "password": password})


def events() -> list[Event]:
    """At the door, oldest first."""
    return list(Event.objects.filter(action__startswith="staff.").order_by("pk"))


def test_a_staff_member_comes_in_and_goes_out(staff: User, client: Client) -> None:
    came = sign_in(client, "Staff@Example.com ")
    went = client.post("/admin/logout/")

    assert (came.status_code, went.status_code) == (302, 200)
    assert [event.action for event in events()] == ["staff.signed_in", "staff.signed_out"]
    for event, response in zip(events(), (came, went), strict=True):
        assert (event.actor, event.owner_id) == (str(staff.pk), staff.pk)
        assert (event.object_type, event.object_id) == ("user", str(staff.pk))
        assert (event.outcome, event.request_id) == (Event.Outcome.SUCCESS, response["X-Request-ID"])
        assert event.address == "127.0.0.1"


def test_a_wrong_password_is_refused_and_concerns_the_account(staff: User, client: Client) -> None:
    response = sign_in(client, "Staff@example.com", "wrong horse battery")

    assert response.status_code == 200
    assert client.get("/admin/").status_code == 302
    (event,) = events()
    assert (event.action, event.outcome, event.actor) == ("staff.refused", Event.Outcome.DENIED, "anonymous")
    assert (event.owner_id, event.object_type, event.object_id) == (staff.pk, "user", str(staff.pk))
    assert event.request_id == response["X-Request-ID"]


def test_an_address_without_an_account_is_refused_and_concerns_nobody(client: Client, db: None) -> None:
    assert sign_in(client, "nobody@example.com").status_code == 200

    (event,) = events()
    assert (event.action, event.owner_id, event.object_id) == ("staff.refused", None, "")
    assert "nobody@example.com" not in str(Event.objects.values())


def test_who_is_not_staff_is_refused_with_the_right_password_too(owner: User, client: Client) -> None:
    assert sign_in(client, "owner@example.com").status_code == 200

    (event,) = events()
    assert (event.action, event.actor, event.owner_id) == ("staff.refused", "anonymous", owner.pk)


def test_who_is_deactivated_is_refused(staff: User, client: Client) -> None:
    User.objects.update(is_active=False)

    assert sign_in(client).status_code == 200

    assert [(event.action, event.owner_id) for event in events()] == [("staff.refused", staff.pk)]


def test_a_form_that_is_not_filled_in_is_no_attempt(staff: User, client: Client) -> None:
    assert sign_in(client, password="").status_code == 200

    assert events() == []


def test_who_is_not_signed_in_does_not_go_out(client: Client, db: None) -> None:
    client.post("/admin/logout/")
    client.logout()

    assert events() == []


@pytest.fixture
def full_disk(transactional_db: None) -> Iterator[Callable[[str], None]]:
    """Lets no event of an action be written."""

    def alter(what: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE audit_event {what}")

    yield lambda action: alter(f"ADD CONSTRAINT full_disk CHECK (action <> '{action}') NOT VALID")
    alter("DROP CONSTRAINT full_disk")


@pytest.mark.parametrize(
    ("action", "password"), [("staff.signed_in", PASSWORD), ("staff.refused", "wrong horse battery")]
)
def test_who_comes_is_on_record_or_gets_no_answer(
    action: str, password: str, full_disk: Callable[[str], None], client: Client
) -> None:
    User.objects.create_superuser("staff@example.com", PASSWORD)
    full_disk(action)
    client.raise_request_exception = False

    assert sign_in(client, password=password).status_code == 500

    assert client.get("/admin/").status_code == 302
    assert events() == []
    assert Event.objects.filter(action="admin.failed").count() == 1


def test_the_api_is_another_door(staff: User, stranger_client: APIClient) -> None:
    for password in (PASSWORD, "wrong horse battery"):
        stranger_client.post("/api/v1/auth/token", {"email": "staff@example.com", "password": password})

    assert events() == []
