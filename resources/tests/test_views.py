"""What the endpoints of a resource do alike, whatever it is."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from resources.views import ResourceViewSet
from tasks.models import Label, Task
from tasks.views import LabelViewSet, TaskViewSet

TASKS, LABELS = "/api/v1/tasks", "/api/v1/labels"


@pytest.fixture(params=[TASKS, LABELS])
def made(request: pytest.FixtureRequest, owner_client: APIClient) -> str:
    """The address of one of the owner's."""
    body = {"title": "x"} if request.param == TASKS else {"name": "x"}
    location: str = owner_client.post(request.param, body)["Location"]
    return location


def test_what_is_made_is_at_its_location(made: str, owner_client: APIClient) -> None:
    response = owner_client.get(made)

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert made.endswith(response.json()["id"])
    assert response["ETag"] == f'"{response.json()["version"]}"'


def test_head_tells_what_get_does_but_for_the_body(made: str, owner_client: APIClient) -> None:
    head, get = owner_client.head(made), owner_client.get(made)

    assert (head.status_code, head["ETag"], head.content) == (200, get["ETag"], b"")


def test_a_parameter_is_refused_before_anything_is_done(made: str, owner_client: APIClient) -> None:
    for verb in ("get", "put", "patch", "delete"):
        response = getattr(owner_client, verb)(f"{made}?x=1", {} if verb in ("put", "patch") else None)

        assert (response.status_code, response.json()["errors"][0]["location"]) == (422, "query.x")
    assert owner_client.get(made).json()["version"] == 1


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_a_precondition_that_cannot_be_read_is_400_and_nothing_is_done(
    verb: str, made: str, owner_client: APIClient
) -> None:
    body = None if verb == "delete" else {"title" if "tasks" in made else "name": "y"}
    response = getattr(owner_client, verb)(made, body, headers={"If-Match": "1"})

    assert (response.status_code, response.json()["code"]) == (400, "parse_error")
    assert owner_client.get(made).json()["version"] == 1


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_an_invalid_body_is_422_whatever_the_version(verb: str, made: str, owner_client: APIClient) -> None:
    response = getattr(owner_client, verb)(made, {"x": 1}, headers={"If-Match": '"7"'})

    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "unknown_field")


@pytest.mark.parametrize("view", [TaskViewSet, LabelViewSet])
def test_nothing_is_to_be_had_past_the_rows(view: type[ResourceViewSet]) -> None:
    """What the framework could do by itself, it does to no rows."""
    assert view.queryset is not None and view.queryset.query.is_empty()


@pytest.mark.parametrize(("view", "model"), [(TaskViewSet, Task), (LabelViewSet, Label)])
def test_what_put_resets_is_all_that_a_body_can_leave_out(view: type[ResourceViewSet], model: Any) -> None:
    shape: Any = view.serializer_class
    optional = {name for name, field in shape().fields.items() if not (field.read_only or field.required)}
    columns = {model._meta.get_field(name).column for name in optional}

    assert view.defaults.keys() == columns


def test_reading_and_changing_nothing_put_nothing_on_record(made: str, owner: User, owner_client: APIClient) -> None:
    before = Event.objects.count()

    owner_client.get(made)
    owner_client.patch(made, {})
    owner_client.get(made, headers={"If-None-Match": "*"})

    assert Event.objects.count() == before
