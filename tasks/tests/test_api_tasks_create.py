"""POST /api/v1/tasks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label, Task
from tasks.tests.api import TASKS, errors, refusal

A_DAY, A_MOMENT = "2026-12-01", "2026-12-01T10:00:00.123456Z"


def test_api_tasks_create_owner_gets_the_stored_task_with_its_defaults(
    owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = owner_client.post(TASKS, {"title": "  Water the plants "})

    assert response.status_code == 201
    task = Task.objects.get()
    assert task.owner == owner
    body = response.json()
    assert body == {
        "id": str(task.pk),
        "title": "Water the plants",
        "description": "",
        "completed": False,
        "completed_at": None,
        "priority": "none",
        "due_at": None,
        "due_on": None,
        "labels": [],
        "parent": None,
        "position": task.position,
        "external_source": None,
        "external_id": None,
        "metadata": {},
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "trashed_at": None,
        "version": 1,
    }
    assert datetime.fromisoformat(body["created_at"]) == task.created_at
    assert body["created_at"].endswith("Z")
    assert response["ETag"] == '"1"'
    assert response["Location"] == f"http://testserver{TASKS}/{task.pk}"
    assert owner_client.get(response["Location"]).json() == body


def test_api_tasks_create_owner_sets_every_field(owner: User, label: Label, owner_client: APIClient) -> None:
    parent = Task.objects.create(owner=owner, title="Garden")
    sent = {
        "title": "Water the plants",
        "description": " All of them.\n",
        "completed": True,
        "priority": "high",
        "due_at": A_MOMENT,
        "labels": [str(label.pk)],
        "parent": str(parent.pk),
        "external_source": "tracker",
        "external_id": "T-1",
        "metadata": {"b": 1, "a": [1.5, None]},
    }

    body = owner_client.post(TASKS, sent).json()

    assert {name: body[name] for name in sent} == sent
    assert list(body["metadata"]) == ["b", "a"]
    task = Task.objects.get(pk=body["id"])
    assert (task.priority, task.labels, task.parent_id) == (Task.Priority.HIGH, [label.pk], parent.pk)
    assert task.due_at == datetime(2026, 12, 1, 10, 0, 0, 123456, UTC)


def test_api_tasks_create_peer_creates_their_own(owner: User, peer: User, peer_client: APIClient) -> None:
    peer_client.post(TASKS, {"title": "Mine"})

    assert Task.objects.get().owner == peer


def test_api_tasks_create_stranger_gets_401(stranger_client: APIClient) -> None:
    response = stranger_client.post(TASKS, {"title": "Water the plants"})

    assert refusal(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert not Task.objects.exists()


ID = str(UUID(int=7))
INVALID: list[tuple[Any, str, str]] = [
    ({}, "body.title", "required"),
    ({"title": ""}, "body.title", "blank"),
    ({"title": " \t\u2003 "}, "body.title", "blank"),
    ({"title": None}, "body.title", "null"),
    ({"title": "x" * 256}, "body.title", "max_length"),
    ({"title": ["x"]}, "body.title", "invalid"),
    ({"title": 3}, "body.title", "invalid"),
    ({"title": True}, "body.title", "invalid"),
    ([], "body", "invalid"),
    ("x", "body", "invalid"),
    *(
        ({"title": "x", field: value}, f"body.{place or field}", code)
        for field, value, place, code in [
            ("description", "x" * 100_001, "", "max_length"),
            ("description", 3, "", "invalid"),
            ("description", None, "", "null"),
            ("completed", "true", "", "invalid"),
            ("completed", 1, "", "invalid"),
            ("completed", None, "", "null"),
            ("priority", "HIGH", "", "invalid_choice"),
            ("priority", 3, "", "invalid_choice"),
            ("priority", "", "", "invalid_choice"),
            ("priority", ["high"], "", "invalid_choice"),
            ("priority", None, "", "null"),
            ("due_at", A_DAY, "", "invalid"),
            ("due_at", "2026-12-01T10:00:00", "", "invalid"),
            ("due_at", "2026-12-01T25:00:00Z", "", "invalid"),
            ("due_at", 1_764_583_200, "", "invalid"),
            ("due_at", "", "", "invalid"),
            ("due_on", A_MOMENT, "", "invalid"),
            ("due_on", "2026-02-29", "", "invalid"),
            ("due_on", 20261201, "", "invalid"),
            ("labels", ID, "", "not_a_list"),
            ("labels", {"0": ID}, "", "not_a_list"),
            ("labels", None, "", "null"),
            ("labels", [3], "labels.0", "invalid"),
            ("labels", [ID, None], "labels.1", "null"),
            ("labels", [ID, "home"], "labels.1", "invalid"),
            ("labels", [f"{{{ID}}}"], "labels.0", "invalid"),
            ("labels", [str(uuid4()) for _ in range(51)], "", "max_length"),
            ("parent", 3, "", "invalid"),
            ("parent", ID.replace("-", ""), "", "invalid"),
            ("parent", "", "", "invalid"),
            ("external_source", "x" * 65, "", "max_length"),
            ("external_source", "", "", "blank"),
            ("external_source", 3, "", "invalid"),
            ("external_id", "x" * 256, "", "max_length"),
            ("external_id", "", "", "blank"),
            ("external_id", 3, "", "invalid"),
            ("metadata", [], "", "not_an_object"),
            ("metadata", "{}", "", "not_an_object"),
            ("metadata", None, "", "null"),
            ("metadata", {"x": "x" * 16_376}, "", "max_length"),
            ("id", ID, "", "read_only"),
            ("completed_at", None, "", "read_only"),
            ("created_at", A_MOMENT, "", "read_only"),
            ("updated_at", A_MOMENT, "", "read_only"),
            ("trashed_at", None, "", "read_only"),
            ("position", "8", "", "read_only"),
            ("version", 1, "", "read_only"),
            ("owner", ID, "", "unknown_field"),
            ("due", A_MOMENT, "", "unknown_field"),
            ("parent_id", ID, "", "unknown_field"),
            ("Title", "x", "", "unknown_field"),
        ]
    ),
]


@pytest.mark.parametrize(("body", "location", "code"), INVALID)
def test_api_tasks_create_invalid_is_422_and_names_the_place(
    body: Any, location: str, code: str, owner_client: APIClient
) -> None:
    assert errors(owner_client.post(TASKS, body)) == [(location, code)]
    assert not Task.objects.exists()


def test_api_tasks_create_null_for_a_body_is_422(owner_client: APIClient) -> None:
    response = owner_client.post(TASKS, b"null", content_type="application/json")

    assert errors(response) == [("body", "null")]


LARGEST: dict[str, Any] = {
    "title": "ü" * 255,
    "description": "ü" * 100_000,
    "external_source": "ü" * 64,
    "external_id": "ü" * 255,
    "metadata": {"x": "x" * 16_375},
    "due_on": "9999-12-31",
}


@pytest.mark.parametrize(
    "change",
    [
        *({name: value} for name, value in LARGEST.items() if not name.startswith("external")),
        {name: value for name, value in LARGEST.items() if name.startswith("external")},
        {"due_on": "0001-01-01"},
        {"due_at": "0001-01-01T00:00:00.000000Z"},
        {"due_at": "9999-12-31T23:59:59.999999Z"},
        {"external_source": None, "external_id": None, "parent": None, "due_at": None, "due_on": None},
        *({"priority": name} for name in ("none", "low", "medium", "high", "urgent")),
    ],
)
def test_api_tasks_create_what_is_just_within_bounds_is_kept(change: dict[str, Any], owner_client: APIClient) -> None:
    response = owner_client.post(TASKS, {"title": "x", **change})

    assert response.status_code == 201, response.content
    assert {name: response.json()[name] for name in change} == change


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-12-01T10:00:00+02:00", "2026-12-01T08:00:00.000000Z"),
        ("2026-12-01t10:00:00.5z", "2026-12-01T10:00:00.500000Z"),
        ("2026-12-01T00:00:00-19:41", "2026-12-01T19:41:00.000000Z"),
    ],
)
def test_api_tasks_create_moments_are_given_back_in_utc(sent: str, kept: str, owner_client: APIClient) -> None:
    assert owner_client.post(TASKS, {"title": "x", "due_at": sent}).json()["due_at"] == kept


def test_api_tasks_create_completed_is_completed_now(owner_client: APIClient) -> None:
    completed_at = owner_client.post(TASKS, {"title": "x", "completed": True}).json()["completed_at"]

    assert abs(datetime.fromisoformat(completed_at) - timezone.now()) < timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"due_at": A_MOMENT, "due_on": A_DAY}, ("body", "invalid")),
        ({"external_source": "tracker"}, ("body", "invalid")),
        ({"external_id": "T-1", "external_source": None}, ("body", "invalid")),
        ({"parent": ID}, ("body.parent", "does_not_exist")),
        ({"labels": [ID]}, ("body.labels", "invalid")),
    ],
)
def test_api_tasks_create_what_the_database_refuses_is_422_and_names_the_place(
    body: dict[str, Any], error: tuple[str, str], owner_client: APIClient
) -> None:
    assert errors(owner_client.post(TASKS, {"title": "x", **body})) == [error]
    assert not Task.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_api_tasks_create_second_task_of_an_external_id_is_409_and_names_the_first(
    owner_client: APIClient, peer_client: APIClient
) -> None:
    body = {"title": "x", "external_source": "tracker", "external_id": "T-1"}
    first = owner_client.post(TASKS, body).json()["id"]

    response = owner_client.post(TASKS, body)

    assert refusal(response) == (409, "external_id_taken")
    assert response.json()["existing"] == first
    assert peer_client.post(TASKS, body).status_code == 201
    assert owner_client.post(TASKS, {**body, "external_source": "other"}).status_code == 201


def test_api_tasks_create_takes_no_parameters(owner_client: APIClient) -> None:
    assert errors(owner_client.post(f"{TASKS}?fields=id", {"title": "x"})) == [("query.fields", "invalid")]
    assert not Task.objects.exists()
