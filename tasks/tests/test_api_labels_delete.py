"""DELETE /api/v1/labels/{id}. What becomes of the tasks is in test_labelling.py."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from resources.models import Deletion
from tasks.models import Label
from tasks.tests.api import LABELS, assert_foreign_is_missing, at_once, errors, refusal


def test_api_labels_delete_owner(
    label: Label, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.delete(f"{LABELS}/{label.pk}")

    assert (response.status_code, response.content) == (204, b"")
    assert not Label.objects.exists()
    deletion = Deletion.objects.get()
    assert (deletion.object_id, deletion.object_type, deletion.owner) == (label.pk, "label", label.owner)
    assert refusal(owner_client.delete(f"{LABELS}/{label.pk}")) == (404, "not_found")


def test_api_labels_delete_of_another_version_is_412(label: Label, owner_client: APIClient) -> None:
    response = owner_client.delete(f"{LABELS}/{label.pk}", headers={"If-Match": '"2"'})

    assert refusal(response) == (412, "precondition_failed")
    assert response["ETag"] == '"1"'
    assert owner_client.delete(f"{LABELS}/{label.pk}", headers={"If-Match": '"1"'}).status_code == 204


def test_api_labels_delete_peer_gets_the_404_of_a_missing_label(label: Label, peer_client: APIClient) -> None:
    for headers in ({}, {"If-Match": '"2"'}):
        assert_foreign_is_missing(peer_client, "delete", f"{LABELS}/{{}}", label.pk, None, headers)
    assert Label.objects.exists()


def test_api_labels_delete_stranger_gets_401(label: Label, stranger_client: APIClient) -> None:
    assert refusal(stranger_client.delete(f"{LABELS}/{label.pk}")) == (401, "not_authenticated")
    assert Label.objects.exists()


def test_api_labels_delete_takes_no_parameters(label: Label, owner_client: APIClient) -> None:
    assert errors(owner_client.delete(f"{LABELS}/{label.pk}?trashed=true")) == [("query.trashed", "invalid")]
    assert Label.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_api_labels_delete_of_six_at_once_exactly_one_deletes(label: Label, owner_client: APIClient) -> None:
    statuses = at_once(*[lambda: owner_client.delete(f"{LABELS}/{label.pk}").status_code] * 6)

    assert sorted(statuses) == [204] + [404] * 5
