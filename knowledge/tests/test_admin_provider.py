"""The page of the embedding provider in the admin."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from knowledge import providers
from knowledge.models import ProviderKey
from knowledge.tests import hugging_face as hf
from knowledge.tests.hugging_face import KEY, Double

PAGE = "/admin/knowledge/providerkey/"


def text(client: Client) -> str:
    """The page, in one line."""
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.fixture
def reader_browser(db: None) -> Client:
    """Of a staff member who may look, and no more."""
    reader = User.objects.create_user("reader@example.com", "correct horse battery", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_providerkey"))
    client = Client()
    client.force_login(reader)
    return client


def test_the_page_of_an_instance_that_needs_no_key(staff_browser: Client) -> None:
    page = text(staff_browser)
    assert "EMBEDDING_PROVIDER=local" in page and "there is none" in page and "Check it now" not in page
    assert Event.objects.filter(action="provider.read").count() == 1


def test_the_key_is_set_checked_and_deleted(staff: User, staff_browser: Client, provider: Double) -> None:
    answer = staff_browser.post(PAGE, {"api_key": KEY, "set": ""}, follow=True)
    assert "The key was stored. It works." in answer.content.decode()
    assert ProviderKey.objects.get().set_by == staff
    assert "the database, encrypted" in text(staff_browser)

    provider.next = [hf.EXPIRED]
    answer = staff_browser.post(PAGE, {"check": ""}, follow=True)
    assert "The key was checked. The key for Hugging Face has expired." in answer.content.decode()
    assert "embedding_key_expired" in text(staff_browser)

    staff_browser.post(PAGE, {"remove": ""})
    assert not ProviderKey.objects.exists()
    named = Event.objects.filter(actor=str(staff.pk), object_type="provider").values_list("action", flat=True)
    assert {"provider.key_set", "provider.checked", "provider.key_removed", "provider.read"} <= {*named}


def test_a_key_that_is_refused_is_not_stored_and_not_sent_back(staff_browser: Client, provider: Double) -> None:
    provider.next = [hf.INVALID]
    answer = staff_browser.post(PAGE, {"api_key": KEY, "set": ""}, follow=True).content.decode()
    assert "know the key. Nothing was changed." in answer.replace("&#x27;", "'") and KEY not in answer
    malformed = staff_browser.post(PAGE, {"api_key": f"{KEY} {KEY}", "set": ""}).content.decode()
    assert "Enter a valid value." in malformed and KEY not in malformed
    assert not ProviderKey.objects.exists()


def test_a_key_of_the_environment_has_no_form(staff_browser: Client, provider: Double, settings: Settings) -> None:
    settings.HUGGING_FACE_API_KEY = KEY
    page = text(staff_browser)
    assert (
        "HUGGING_FACE_API_KEY" in page and 'name="api_key"' not in page and "Delete it" not in page and KEY not in page
    )
    answer = staff_browser.post(PAGE, {"api_key": KEY, "set": ""}, follow=True).content.decode()
    assert "change it there" in answer and not ProviderKey.objects.exists()


def test_staff_without_the_right_look_or_not_even_that(
    reader_browser: Client, staff: User, owner: User, provider: Double
) -> None:
    providers.set_key(text=KEY, user_id=staff.pk)
    assert 'type="submit" name=' not in text(reader_browser)
    for data in ({"api_key": KEY, "set": ""}, {"check": ""}, {"remove": ""}):
        assert reader_browser.post(PAGE, data).status_code == 403

    other = Client()
    other.force_login(User.objects.create_user("clerk@example.com", is_staff=True))
    assert other.get(PAGE).status_code == 403
    other.force_login(owner)
    assert other.get(PAGE).status_code == 302
    assert ProviderKey.objects.get().valid


def test_there_is_no_page_of_the_row(staff: User, staff_browser: Client, provider: Double) -> None:
    providers.set_key(text=KEY, user_id=staff.pk)
    for page in ("huggingface/change/", "add/", "huggingface/delete/"):
        assert staff_browser.get(PAGE + page).status_code == 404
    assert PAGE in staff_browser.get("/admin/").content.decode()
