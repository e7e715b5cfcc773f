"""GET /api/v1/labels."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label
from tasks.tests.api import LABELS, errors, everything, refusal


def names(client: APIClient, **parameters: str) -> list[str]:
    response = client.get(LABELS, parameters)
    assert response.status_code == 200, response.content
    return [label["name"] for label in response.json()["results"]]


@pytest.mark.parametrize("count", [1, 3])
def test_api_labels_list_owner_sees_own_labels_by_name_in_one_statement(
    count: int, owner: User, peer: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in reversed(range(count)):
        Label.objects.create(owner=owner, name=str(number))
    Label.objects.create(owner=peer, name="Theirs")

    with django_assert_num_queries(1):
        response = owner_client.get(LABELS)

    assert [label["name"] for label in response.json()["results"]] == [str(number) for number in range(count)]
    assert response.json()["next"] is None


def test_api_labels_list_peer_sees_nothing_of_it(label: Label, peer_client: APIClient) -> None:
    assert names(peer_client) == names(peer_client, name="Home") == []


def test_api_labels_list_stranger_gets_401(stranger_client: APIClient) -> None:
    assert refusal(stranger_client.get(LABELS)) == (401, "not_authenticated")


@pytest.mark.parametrize("name", ["Home", "HOME", "h\uff4fme"])
def test_api_labels_list_by_name_whatever_its_case(name: str, owner: User, owner_client: APIClient) -> None:
    for each in ("Home", "Homes", "Garden"):
        Label.objects.create(owner=owner, name=each)

    assert names(owner_client, name=name) == ["Home"]
    assert names(owner_client, name="Hom") == names(owner_client, name="%") == []


@pytest.mark.parametrize("sort", ["name", "-name", "created_at", "-created_at"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_api_labels_list_pages_give_each_label_once_in_order(
    sort: str, limit: int, owner: User, owner_client: APIClient
) -> None:
    made = [Label.objects.create(owner=owner, name=name) for name in ("Later", "Home", "Garden", "Ärger", "am Abend")]

    seen = [label["name"] for label in everything(owner_client, LABELS, sort=sort, limit=str(limit))]

    by = sort.removeprefix("-")
    ordered = Label.objects.order_by(*(f"{'-' * sort.startswith('-')}{field}" for field in (by, "id")))
    assert seen == [label.name for label in ordered]
    assert by == "name" or seen in ([each.name for each in made], [each.name for each in made][::-1])


def test_api_labels_list_fields_and_count(owner: User, owner_client: APIClient) -> None:
    for name in ("Home", "Garden"):
        Label.objects.create(owner=owner, name=name)

    response = owner_client.get(LABELS, {"fields": "name", "limit": "1"}, headers={"Prefer": "count=exact"})

    assert response["Preference-Applied"] == "count=exact"
    assert (response.json()["results"], response.json()["count"]) == ([{"name": "Garden"}], 2)


@pytest.mark.parametrize(
    "query", ["trashed=true", "sort=updated_at", "sort=--name", "fields=owner", "cursor=AAAA", "limit=0", "search=x"]
)
def test_api_labels_list_unknown_or_malformed_parameter_is_422(query: str, owner_client: APIClient) -> None:
    assert errors(owner_client.get(f"{LABELS}?{query}")) == [(f"query.{query.partition('=')[0]}", "invalid")]
