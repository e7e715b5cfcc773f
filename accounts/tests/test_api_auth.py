"""Signing up, in, on and out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import Session, User

PASSWORD = "correct horse battery"
ME = "/api/v1/me"


def tokens(client: APIClient, email: str = "owner@example.com", password: str = PASSWORD) -> dict[str, Any]:
    response = client.post("/api/v1/auth/token", {"email": email, "password": password})
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def bearer(token: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_api_register_stranger_gets_an_account(stranger_client: APIClient) -> None:
    response = stranger_client.post("/api/v1/auth/register", {"email": "New@Example.com", "password": PASSWORD})

    assert response.status_code == 201
    user = User.objects.get()
    assert response.json() == {
        "id": str(user.pk),
        "email": "new@example.com",
        "created_at": user.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert user.check_password(PASSWORD)
    assert not (user.is_staff or user.is_superuser)


@pytest.mark.django_db(transaction=True)
def test_api_register_taken_address_is_409_whatever_its_case() -> None:
    User.objects.create_user("owner@example.com")

    response = APIClient().post("/api/v1/auth/register", {"email": "OWNER@example.com", "password": PASSWORD})

    assert (response.status_code, response.json()["code"]) == (409, "email_taken")
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "locations"),
    [
        ({}, ["body.email", "body.password"]),
        ({"email": "no address", "password": PASSWORD}, ["body.email"]),
        ({"email": f"a@{'.'.join(['İ' * 60] * 4)}.com", "password": PASSWORD}, ["body.email"]),
        ({"email": "new@example.com", "password": "short"}, ["body.password"]),
        ({"email": "new@example.com", "password": "password1"}, ["body.password"]),
        ({"email": "newcomer@example.com", "password": "newcomer@example"}, ["body.password"]),
        ({"email": "new@example.com", "password": "x" * 129}, ["body.password"]),
        ({"email": "new@example.com", "password": PASSWORD, "is_staff": True}, ["body.is_staff"]),
    ],
)
def test_api_register_invalid_is_422(body: Any, locations: list[str], stranger_client: APIClient) -> None:
    response = stranger_client.post("/api/v1/auth/register", body)

    assert response.status_code == 422
    assert sorted({error["location"] for error in response.json()["errors"]}) == locations
    assert PASSWORD not in response.content.decode()
    assert not User.objects.exists()


def test_api_token_signs_in_whatever_the_address_case(owner: User, stranger_client: APIClient) -> None:
    body = tokens(stranger_client, "Owner@Example.COM")

    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    me = stranger_client.get(ME, headers=bearer(body["access"]))
    assert (me.status_code, me.json()["email"]) == (200, "owner@example.com")


@pytest.mark.parametrize(
    ("email", "password"), [("owner@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("", PASSWORD)]
)
def test_api_token_wrong_credentials_get_the_same_401(
    email: str, password: str, owner: User, stranger_client: APIClient
) -> None:
    response = stranger_client.post("/api/v1/auth/token", {"email": email or "x", "password": password})

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["code"] == "invalid_credentials"
    assert not Session.objects.exists()


def test_api_token_ignores_a_stale_header(owner: User, stranger_client: APIClient) -> None:
    stranger_client.credentials(HTTP_AUTHORIZATION="Bearer stale")
    tokens(stranger_client)


def test_api_refresh_gives_a_new_pair_and_is_good_once(owner: User, stranger_client: APIClient) -> None:
    first = tokens(stranger_client)

    second = stranger_client.post("/api/v1/auth/token/refresh", {"refresh": first["refresh"]})
    assert second.status_code == 200
    assert stranger_client.get(ME, headers=bearer(second.json()["access"])).status_code == 200
    again = stranger_client.post("/api/v1/auth/token/refresh", {"refresh": first["refresh"]})
    assert (again.status_code, again.json()["code"]) == (401, "session_ended")
    third = stranger_client.post("/api/v1/auth/token/refresh", {"refresh": second.json()["refresh"]})
    assert third.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_api_refresh_of_twelve_at_once_exactly_one_wins() -> None:
    User.objects.create_user("owner@example.com", PASSWORD)
    refresh = tokens(APIClient())["refresh"]

    def attempt(_: int) -> int:
        try:
            return APIClient().post("/api/v1/auth/token/refresh", {"refresh": refresh}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(attempt, range(12)))

    assert sorted(statuses) == [200] + [401] * 11


def test_api_refresh_refuses_what_is_no_refresh_token(owner: User, stranger_client: APIClient) -> None:
    access = tokens(stranger_client)["access"]
    without_session = RefreshToken()
    without_session["sub"] = str(owner.pk)

    for token in ("rubbish", access, str(without_session)):
        response = stranger_client.post("/api/v1/auth/token/refresh", {"refresh": token})
        assert (response.status_code, response.json()["code"]) == (401, "token_not_valid")


def test_api_refresh_of_a_deleted_user_is_401(owner: User, stranger_client: APIClient) -> None:
    refresh = tokens(stranger_client)["refresh"]
    owner.delete()

    assert stranger_client.post("/api/v1/auth/token/refresh", {"refresh": refresh}).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_api_logout_ends_the_session_at_once(owner: User, stranger_client: APIClient) -> None:
    pair, other = tokens(stranger_client), tokens(stranger_client)

    assert stranger_client.post("/api/v1/auth/logout", headers=bearer(pair["access"])).status_code == 204

    assert stranger_client.get(ME, headers=bearer(pair["access"])).json()["code"] == "session_ended"
    assert stranger_client.post("/api/v1/auth/token/refresh", {"refresh": pair["refresh"]}).status_code == 401
    assert stranger_client.get(ME, headers=bearer(other["access"])).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_api_me_deactivated_user_is_out_at_once(owner: User, owner_client: APIClient) -> None:
    User.objects.update(is_active=False)

    assert owner_client.get(ME).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_api_me_expired_session_is_401(owner: User, owner_client: APIClient) -> None:
    Session.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert owner_client.get(ME).json()["code"] == "session_ended"


def access_token(**claims: Any) -> AccessToken:
    token = AccessToken()
    for name, value in claims.items():
        token[name] = value
    return token


def test_api_me_says_when_a_token_has_expired(owner: User, stranger_client: APIClient) -> None:
    expired = access_token(sub=str(owner.pk), sid=str(uuid4()))
    expired.set_exp(lifetime=-timedelta(seconds=1))

    assert stranger_client.get(ME, headers=bearer(expired)).json()["code"] == "token_expired"


CODES = ("token_not_valid", "token_expired", "session_ended", "bad_authorization_header")


def signed(claims: dict[str, Any], key: str = settings.SIMPLE_JWT["SIGNING_KEY"]) -> str:
    return jwt.encode({"iss": "daybook", "aud": "daybook", **claims}, key, "HS256")


@pytest.mark.django_db(transaction=True)
def test_api_me_refuses_tokens_that_are_not_ours(owner: User, peer: User, stranger_client: APIClient) -> None:
    session = Session.objects.create(owner=owner)
    good = {"sub": str(owner.pk), "sid": str(session.pk)}
    expired = access_token(**good)
    expired.set_exp(lifetime=-timedelta(seconds=1))
    header, payload, signature = str(access_token(**good)).split(".")

    assert stranger_client.get(ME, headers=bearer(signed(access_token(**good).payload))).status_code == 200
    for token in (
        "rubbish",
        "rub bish",
        expired,
        f"{header}.{payload}.{signature[::-1]}",
        access_token(sub=str(owner.pk)),
        access_token(sub="1", sid=str(session.pk)),
        access_token(sub=str(owner.pk), sid=7),
        access_token(sub=str(owner.pk), sid=str(uuid4())),
        access_token(sub=str(peer.pk), sid=str(session.pk)),
        signed(access_token(**good).payload | {"iss": "somebody"}),
        signed(access_token(**good).payload | {"aud": "somebody"}),
        signed(access_token(**good).payload, "k" * 32),
        RefreshToken(),
    ):
        response = stranger_client.get(ME, headers=bearer(token))
        assert response.status_code == 401, token
        assert response["WWW-Authenticate"].startswith("Bearer")
        assert response.json()["code"] in CODES
        assert isinstance(response.json()["detail"], str)
        assert "ErrorDetail" not in response.content.decode()


def test_api_me_stranger_gets_401(stranger_client: APIClient) -> None:
    assert stranger_client.get(ME).status_code == 401
