"""The API describes itself."""

import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from config.env import PROJECT_ROOT


def test_the_description_is_valid_and_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())

    assert "Warning" not in capsys.readouterr().err


@pytest.mark.django_db
def test_the_description_names_every_endpoint_of_the_docs(client: Client) -> None:
    described = client.get("/api/v1/openapi.json").json()

    assert described["openapi"] == "3.1.0"
    page = (PROJECT_ROOT / "docs/api.md").read_text()
    assert set(described["paths"]) == {
        f"/api/v1{path}" for path in re.findall(r"^\| `(/[^`]+)` \|", page, re.MULTILINE)
    }
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_a_list_is_described_as_it_is(owner_client: APIClient, client: Client) -> None:
    described = client.get("/api/v1/openapi.json").json()
    page = described["components"]["schemas"]["PaginatedTaskList"]

    assert set(page["required"]) == set(owner_client.get("/api/v1/tasks").json())
    parameters = described["paths"]["/api/v1/tasks"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {"completed", "cursor", "limit"}
