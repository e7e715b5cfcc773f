"""POST /api/v1/labels."""

from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label
from tasks.tests.api import LABELS, at_once, errors, refusal


def test_api_labels_create_owner_gets_the_stored_label(
    owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.post(LABELS, {"name": " Home "})

    assert (response.status_code, response["ETag"]) == (201, '"1"')
    label = Label.objects.get()
    assert (label.owner, label.name) == (owner, "Home")
    body = response.json()
    assert body == {
        "id": str(label.pk),
        "name": "Home",
        "created_at": body["created_at"],
        "updated_at": body["created_at"],
        "version": 1,
    }
    assert response["Location"] == f"http://testserver{LABELS}/{label.pk}"
    assert owner_client.get(response["Location"]).json() == body


def test_api_labels_create_stranger_gets_401(stranger_client: APIClient) -> None:
    assert refusal(stranger_client.post(LABELS, {"name": "Home"})) == (401, "not_authenticated")
    assert not Label.objects.exists()


INVALID: list[tuple[Any, str, str]] = [
    ({"name": ""}, "body.name", "blank"),
    ({"name": " \t\u2003 "}, "body.name", "blank"),
    ({"name": None}, "body.name", "null"),
    ({"name": "x" * 61}, "body.name", "max_length"),
    ({"name": 3}, "body.name", "invalid"),
    ({"name": ["Home"]}, "body.name", "invalid"),
    ({"name": "x", "id": str(uuid4())}, "body.id", "read_only"),
    ({"name": "x", "version": 1}, "body.version", "read_only"),
    ({"name": "x", "created_at": None}, "body.created_at", "read_only"),
    ({"name": "x", "updated_at": None}, "body.updated_at", "read_only"),
    ({"name": "x", "owner": str(uuid4())}, "body.owner", "unknown_field"),
    ({"name": "x", "title": "x"}, "body.title", "unknown_field"),
    (["Home"], "body", "invalid"),
]


@pytest.mark.parametrize(("body", "location", "code"), [({}, "body.name", "required"), *INVALID])
def test_api_labels_create_invalid_is_422_and_names_the_place(
    body: Any, location: str, code: str, owner_client: APIClient
) -> None:
    assert errors(owner_client.post(LABELS, body)) == [(location, code)]
    assert not Label.objects.exists()


def test_api_labels_create_name_of_60_characters_fits(owner_client: APIClient) -> None:
    assert owner_client.post(LABELS, {"name": "ü" * 60}).json()["name"] == "ü" * 60


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Home", "hOME"),
        ("Straße", "STRASSE"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("Caf\u00e9", "Cafe\u0301"),
        ("ﬁle", "FILE"),
        ("Ｈｏｍｅ", "home"),
    ],
)
def test_api_labels_create_second_of_a_name_whatever_its_case_or_form_is_409(
    first: str, second: str, owner_client: APIClient, peer_client: APIClient
) -> None:
    existing = owner_client.post(LABELS, {"name": first}).json()["id"]

    response = owner_client.post(LABELS, {"name": second})

    assert refusal(response) == (409, "label_exists")
    assert response.json()["existing"] == existing
    assert peer_client.post(LABELS, {"name": second}).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_api_labels_create_of_one_name_six_at_once_exactly_one_is_made(owner_client: APIClient) -> None:
    answers = at_once(*[lambda: owner_client.post(LABELS, {"name": "Home"})] * 6)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert {answer.json().get("existing", answer.json().get("id")) for answer in answers} == {
        str(Label.objects.get().pk)
    }


def test_api_labels_create_takes_no_parameters(owner_client: APIClient) -> None:
    assert errors(owner_client.post(f"{LABELS}?name=x", {"name": "x"})) == [("query.name", "invalid")]
