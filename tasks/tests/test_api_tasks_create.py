"""POST /api/v1/tasks."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Task

URL = "/api/v1/tasks"


def test_api_tasks_create_owner_gets_the_stored_task(
    owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # session, insert
        response = owner_client.post(URL, {"title": "  Water the plants ", "description": " All of them.\n"})

    assert response.status_code == 201
    task = Task.objects.get()
    assert task.owner == owner
    body = response.json()
    assert body == {
        "id": str(task.pk),
        "title": "Water the plants",
        "description": " All of them.\n",
        "completed": False,
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
    }
    assert body["created_at"].endswith("Z")


def test_api_tasks_create_stranger_gets_401(stranger_client: APIClient) -> None:
    response = stranger_client.post(URL, {"title": "Water the plants"})

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["code"] == "not_authenticated"
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("body", "location", "code"),
    [
        ({}, "body.title", "required"),
        ({"title": ""}, "body.title", "blank"),
        ({"title": " \t\u2003 "}, "body.title", "blank"),
        ({"title": None}, "body.title", "null"),
        ({"title": "x" * 256}, "body.title", "max_length"),
        ({"title": ["x"]}, "body.title", "invalid"),
        ({"title": "x", "description": "x" * 100_001}, "body.description", "max_length"),
        ({"title": "x", "completed": "perhaps"}, "body.completed", "invalid"),
        ({"title": "x", "owner": "me"}, "body.owner", "unknown_field"),
        ({"title": "x", "id": "1"}, "body.id", "read_only"),
        ([], "body", "invalid"),
    ],
)
def test_api_tasks_create_invalid_is_422_and_names_the_place(
    body: Any, location: str, code: str, owner_client: APIClient
) -> None:
    response = owner_client.post(URL, body)

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert [(error["location"], error["code"]) for error in response.json()["errors"]] == [(location, code)]
    assert not Task.objects.exists()


def test_api_tasks_create_title_of_255_characters_fits(owner_client: APIClient) -> None:
    assert owner_client.post(URL, {"title": "ü" * 255}).status_code == 201
