"""GET /api/v1/labels/{id}."""

from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tasks.models import Label
from tasks.tests.api import LABELS, assert_foreign_is_missing, errors, refusal


def test_api_labels_retrieve_owner(
    label: Label, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.get(f"{LABELS}/{label.pk}")

    assert (response.status_code, response["ETag"], response.json()["name"]) == (200, '"1"', "Home")


def test_api_labels_retrieve_fields(label: Label, owner_client: APIClient) -> None:
    assert owner_client.get(f"{LABELS}/{label.pk}?fields=name").json() == {"name": "Home"}
    assert errors(owner_client.get(f"{LABELS}/{label.pk}?fields=title")) == [("query.fields", "invalid")]


def test_api_labels_retrieve_what_the_client_has_is_304(label: Label, owner_client: APIClient) -> None:
    assert owner_client.get(f"{LABELS}/{label.pk}", headers={"If-None-Match": '"1"'}).status_code == 304
    assert owner_client.get(f"{LABELS}/{label.pk}", headers={"If-None-Match": '"2"'}).status_code == 200


def test_api_labels_retrieve_peer_gets_the_404_of_a_missing_label(label: Label, peer_client: APIClient) -> None:
    assert_foreign_is_missing(peer_client, "get", f"{LABELS}/{{}}", label.pk)


def test_api_labels_retrieve_stranger_gets_401(label: Label, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.get(f"{LABELS}/{label.pk}")) == (401, "not_authenticated")


def test_api_labels_retrieve_takes_no_other_parameter(label: Label, owner_client: APIClient) -> None:
    assert errors(owner_client.get(f"{LABELS}/{label.pk}?trashed=false")) == [("query.trashed", "invalid")]
