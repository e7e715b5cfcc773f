"""What every view checks before its own work."""

import pytest
from rest_framework.test import APIClient

TASKS = "/api/v1/tasks"


@pytest.mark.parametrize("name", ["completed", "cursor", "limit"])
def test_an_empty_parameter_is_a_422(name: str, owner_client: APIClient) -> None:
    response = owner_client.get(f"{TASKS}?{name}=")

    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [f"query.{name}"]


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PURGE"])
def test_a_method_that_is_not_there_is_a_405_whatever_the_parameters(method: str, owner_client: APIClient) -> None:
    response = owner_client.generic(method, f"{TASKS}?nothing=1")

    assert response.status_code == 405
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_a_stranger_learns_no_methods(stranger_client: APIClient) -> None:
    assert stranger_client.generic("TRACE", TASKS).status_code == 401


def test_a_problem_names_its_instance_as_a_uri(stranger_client: APIClient) -> None:
    assert stranger_client.get("/api/v1/café au lait").json()["instance"] == "/api/v1/caf%C3%A9%20au%20lait"
