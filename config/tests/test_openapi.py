"""The API describes itself, in full."""

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from config.env import PROJECT_ROOT
from tasks.rows import TASK_LIST
from web.parameters import REQUEST_HEADERS

# What says how an answer is sent, or what a browser may do with it, and is the same for all.
UNSAID = {
    *("Allow", "Content-Length", "Content-Type", "Vary"),
    *("Cross-Origin-Opener-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options"),
}
PAGES = ["/api/v1/docs", "/api/v1/docs?script=", "/api/v1/redoc"]


def test_the_description_is_valid_and_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())

    assert "Warning" not in capsys.readouterr().err


@pytest.fixture
def described(client: Client) -> dict[str, Any]:
    description: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return description


@pytest.mark.django_db
def test_the_description_names_every_endpoint_of_the_docs(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    page = (PROJECT_ROOT / "docs/api.md").read_text()
    rows = re.findall(r"^\| (`/.+?) \|", page, re.MULTILINE)
    addresses = [address for row in rows for address in re.findall("`(.+?)`", row)]
    assert set(described["paths"]) == {f"/api/v1{address}" for address in addresses}
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_a_list_is_described_as_it_is(owner_client: APIClient, described: dict[str, Any]) -> None:
    page = described["components"]["schemas"]["TaskPage"]

    assert set(page["required"]) == set(owner_client.get("/api/v1/tasks").json())
    parameters = described["paths"]["/api/v1/tasks"]["get"]["parameters"]
    assert {each["name"] for each in parameters if each["in"] == "query"} == set(TASK_LIST.parameters)


def bodies(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body that is sent or answered: whose it is, and its schema with its examples."""
    for path, operations in described["paths"].items():
        for verb, operation in operations.items():
            sent = {"request": operation["requestBody"]} if "requestBody" in operation else {}
            for name, body in {**sent, **operation["responses"]}.items():
                for media_type, content in resolved(described, body).get("content", {}).items():
                    yield f"{verb} {path} {name} {media_type}", content


def resolved(described: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """What a reference to a component refers to; anything else as it is."""
    if "$ref" not in part:
        return part
    _, _, kind, name = part["$ref"].split("/")
    component: dict[str, Any] = described["components"][kind][name]
    return component


@pytest.mark.django_db
def test_every_body_has_an_example(described: dict[str, Any]) -> None:
    assert [name for name, content in bodies(described) if not content.get("examples")] == []


@pytest.mark.django_db
def test_every_example_is_as_its_schema_says(described: dict[str, Any]) -> None:
    faults = {}
    for name, content in bodies(described):
        schema = content["schema"] | {"components": described["components"]}
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for example in content.get("examples", {}).values():
            faults[name] = [error.message for error in validator.iter_errors(example["value"])]

    assert faults
    assert {name: messages for name, messages in faults.items() if messages} == {}


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("get", "/tasks", None),
        ("post", "/tasks", {"title": "Feed the elephant"}),
        ("post", "/tasks", {}),
        ("post", "/knowledge/documents", {"title": "Zoo", "content": "The elephant sleeps."}),
        ("get", "/audit/events/export", None),
        ("post", "/auth/token", {"email": "owner@example.com", "password": "wrong"}),
        ("post", "/auth/logout", None),
    ],
)
def test_every_header_of_an_answer_is_described(
    verb: str, path: str, body: Any, owner_client: APIClient, described: dict[str, Any]
) -> None:
    answer = getattr(owner_client, verb)(f"/api/v1{path}", body)

    response = described["paths"][f"/api/v1{path}"][verb]["responses"][str(answer.status_code)]
    headers = resolved(described, response)["headers"]
    assert set(answer.headers) <= headers.keys() | UNSAID
    assert set(answer.headers) >= {name for name, header in headers.items() if header.get("required")}


@pytest.mark.django_db
def test_the_headers_that_can_be_sent_are_described(described: dict[str, Any]) -> None:
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    parameters = [each for operation in operations for each in operation.get("parameters", ())]

    assert {each["name"] for each in parameters if each["in"] == "header"} == set(REQUEST_HEADERS)


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_of_the_description_need_no_other_host(page: str, client: Client) -> None:
    answer = client.get(page)

    assert "default-src 'self'" in answer["Content-Security-Policy"]
    named = re.findall(r'(?:href|src|url)\s*[:=]\s*"([^"]+)"', answer.content.decode())
    assert named
    assert [address for address in named if not address.startswith("/") or address.startswith("//")] == []
    assets = [address.removeprefix("/static/") for address in named if address.startswith("/static/")]
    assert [asset for asset in assets if not finders.find(asset)] == []


def test_the_start_page_leads_to_the_pages_of_the_description(client: Client) -> None:
    start = client.get("/").content.decode()

    assert all(f'href="{page}"' in start for page in ("/api/v1/docs", "/api/v1/redoc"))
