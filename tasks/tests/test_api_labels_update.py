"""PUT and PATCH /api/v1/labels/{id}: a label's name is all there is to change."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label
from tasks.tests.api import LABELS, assert_foreign_is_missing, errors, refusal
from tasks.tests.test_api_labels_create import INVALID

VERBS = pytest.mark.parametrize("verb", ["put", "patch"])


@VERBS
def test_api_labels_update_owner_renames_it(
    verb: str, label: Label, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = getattr(owner_client, verb)(f"{LABELS}/{label.pk}", {"name": "Garden"})

    assert (response.status_code, response["ETag"], response.json()["name"]) == (200, '"2"', "Garden")
    assert response.json()["updated_at"] > response.json()["created_at"]
    assert Label.objects.get().name == "Garden"


@VERBS
def test_api_labels_update_to_the_same_name_leaves_the_version(
    verb: str, label: Label, owner_client: APIClient
) -> None:
    response = getattr(owner_client, verb)(f"{LABELS}/{label.pk}", {"name": "Home"})

    assert (response.status_code, response["ETag"]) == (200, '"1"')


def test_api_labels_update_to_its_own_name_in_another_case(label: Label, owner_client: APIClient) -> None:
    assert owner_client.patch(f"{LABELS}/{label.pk}", {"name": "HOME"}).json()["name"] == "HOME"


def test_api_labels_update_absent_is_not_null(label: Label, owner_client: APIClient) -> None:
    assert owner_client.patch(f"{LABELS}/{label.pk}", {})["ETag"] == '"1"'
    assert errors(owner_client.put(f"{LABELS}/{label.pk}", {})) == [("body.name", "required")]


@VERBS
@pytest.mark.parametrize(("body", "location", "code"), INVALID)
def test_api_labels_update_invalid_is_422_and_changes_nothing(
    verb: str, body: Any, location: str, code: str, label: Label, owner_client: APIClient
) -> None:
    assert errors(getattr(owner_client, verb)(f"{LABELS}/{label.pk}", body)) == [(location, code)]
    assert (Label.objects.get().name, Label.objects.get().version) == ("Home", 1)


@pytest.mark.django_db(transaction=True)
@VERBS
def test_api_labels_update_to_a_taken_name_is_409(
    verb: str, label: Label, owner: User, owner_client: APIClient
) -> None:
    Label.objects.create(owner=owner, name="Garden")

    response = getattr(owner_client, verb)(f"{LABELS}/{label.pk}", {"name": "GARDEN"})

    assert refusal(response) == (409, "label_exists")
    assert Label.objects.get(pk=label.pk).name == "Home"


@VERBS
def test_api_labels_update_of_another_version_is_412(verb: str, label: Label, owner_client: APIClient) -> None:
    response = getattr(owner_client, verb)(f"{LABELS}/{label.pk}", {"name": "x"}, headers={"If-Match": '"2"'})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == '"1"'
    assert Label.objects.get().name == "Home"


@VERBS
def test_api_labels_update_peer_gets_the_404_of_a_missing_label(
    verb: str, label: Label, peer_client: APIClient
) -> None:
    assert_foreign_is_missing(peer_client, verb, f"{LABELS}/{{}}", label.pk, {"name": "Mine"})
    assert Label.objects.get().name == "Home"


@VERBS
def test_api_labels_update_stranger_gets_401(verb: str, label: Label, stranger_client: APIClient) -> None:
    response = getattr(stranger_client, verb)(f"{LABELS}/{label.pk}", {"name": "Mine"})

    assert refusal(response) == (401, "not_authenticated")
    assert Label.objects.get().name == "Home"
