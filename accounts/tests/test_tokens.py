"""A token's signature is verified once by a process; what can change is looked at each time."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient
from rest_framework_simplejwt.state import token_backend

from accounts.models import Session, User
from accounts.tokens import REMEMBERED, Caller, _verified, issue

ME = "/api/v1/me"


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    _verified.cache_clear()
    yield
    _verified.cache_clear()


def code(client: APIClient) -> Any:
    return client.get(ME).json().get("code")


def test_a_signature_is_verified_once(owner_client: APIClient) -> None:
    for _ in range(3):
        assert owner_client.get(ME).status_code == 200

    assert _verified.cache_info()[:2] == (2, 1)


def test_a_remembered_token_expires(owner_client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code(owner_client) is None
    in_a_quarter_of_an_hour = time.time() + 900
    monkeypatch.setattr("accounts.tokens.time.time", lambda: in_a_quarter_of_an_hour)

    assert code(owner_client) == "token_expired"


def test_a_token_that_was_remembered_under_another_key_is_verified_anew(
    owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code(owner_client) is None
    monkeypatch.delitem(token_backend.__dict__, "prepared_signing_key")
    monkeypatch.setattr(token_backend, "signing_key", "k" * 32)

    assert code(owner_client) == "token_not_valid"


def test_what_is_refused_is_not_remembered(stranger_client: APIClient) -> None:
    for number in range(3):
        stranger_client.credentials(HTTP_AUTHORIZATION=f"Bearer forged{number}")
        assert code(stranger_client) == "token_not_valid"

    assert _verified.cache_info().currsize == 0
    assert _verified.cache_info().maxsize == REMEMBERED


def test_a_refresh_token_is_no_access_token_the_second_time_either(owner: User, stranger_client: APIClient) -> None:
    refresh = issue(Session.objects.create(owner=owner))["refresh"]
    stranger_client.credentials(HTTP_AUTHORIZATION=f"Bearer {refresh}")

    assert [code(stranger_client) for _ in range(2)] == ["token_not_valid"] * 2


def test_a_caller_is_read_when_more_than_the_id_is_asked_for(
    owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    caller = Caller(owner.pk)

    with django_assert_num_queries(0):
        assert caller
        assert (caller.pk, caller.id) == (owner.pk, owner.pk)
        assert (caller.is_authenticated, caller.is_active, caller.is_anonymous) == (True, True, False)
    with django_assert_num_queries(1):
        assert (caller.email, caller.is_staff) == ("owner@example.com", False)
        assert caller == owner
        assert isinstance(caller, User)
