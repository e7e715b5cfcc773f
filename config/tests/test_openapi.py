"""The API describes itself."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient


def test_the_description_is_valid_and_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())

    assert "Warning" not in capsys.readouterr().err


@pytest.mark.django_db
def test_the_description_names_every_endpoint_of_the_docs(client: Client) -> None:
    described = client.get("/api/v1/openapi.json").json()

    assert described["openapi"] == "3.1.0"
    assert set(described["paths"]) == {
        "/api/v1/audit/events",
        "/api/v1/audit/events/{id}",
        "/api/v1/auth/logout",
        "/api/v1/auth/register",
        "/api/v1/auth/token",
        "/api/v1/auth/token/refresh",
        "/api/v1/knowledge/documents",
        "/api/v1/knowledge/documents/{id}",
        "/api/v1/knowledge/documents/{id}/chunks",
        "/api/v1/knowledge/search",
        "/api/v1/me",
        "/api/v1/tasks",
        "/api/v1/tasks/{id}",
        "/api/v1/tasks/{id}/toggle",
    }
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_a_list_is_described_as_it_is(owner_client: APIClient, client: Client) -> None:
    described = client.get("/api/v1/openapi.json").json()
    page = described["components"]["schemas"]["PaginatedTaskList"]

    assert set(page["required"]) == set(owner_client.get("/api/v1/tasks").json())
    parameters = described["paths"]["/api/v1/tasks"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {"completed", "cursor", "limit"}
