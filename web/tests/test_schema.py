"""What the API's description says of every endpoint alike."""

from typing import Any

import pytest
from django.test import Client
from rest_framework import serializers

from web.schema import OperationSchema
from web.serializers import StrictSerializer
from web.views import StrictView

pytestmark = pytest.mark.django_db

ALWAYS = {"406", "422", "503"}
BODY = {"400", "409", "411", "413", "415"}


@pytest.fixture
def description(client: Client) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return described


def test_every_answer_has_the_requests_id_and_every_refusal_is_a_problem(description: dict[str, Any]) -> None:
    shared = description["components"]["responses"]
    answers = [
        (status, shared[answer["$ref"].split("/")[-1]] if "$ref" in answer else answer)
        for operations in description["paths"].values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
    ]

    assert all(answer["headers"]["X-Request-ID"]["required"] for _, answer in answers)
    refusals = [answer for status, answer in answers if status >= "400"]
    assert refusals and all(answer["content"].keys() == {"application/problem+json"} for answer in refusals)


@pytest.mark.parametrize(
    ("operation", "refusals"),
    [
        ("get /tasks", ALWAYS | {"401"}),
        ("post /tasks", ALWAYS | {"401"} | BODY),
        ("get /tasks/{id}", ALWAYS | {"401", "404"}),
        ("patch /tasks/{id}", ALWAYS | {"401", "404"} | BODY),
        ("post /tasks/{id}/toggle", ALWAYS | {"401", "404"}),
        ("delete /tasks/{id}", ALWAYS | {"401", "404"}),
        ("post /auth/register", ALWAYS | BODY),
        ("post /auth/token", ALWAYS | {"401"} | BODY),
    ],
)
def test_an_operation_names_the_refusals_of_its_kind(
    operation: str, refusals: set[str], description: dict[str, Any]
) -> None:
    method, path = operation.split()
    responses = description["paths"][f"/api/v1{path}"][method]["responses"]

    assert {status for status in responses if status >= "400"} == refusals


def test_refusals_name_the_headers_that_come_with_them(description: dict[str, Any]) -> None:
    shared = description["components"]["responses"]

    assert "WWW-Authenticate" in shared["Problem401"]["headers"]
    assert "Retry-After" in shared["Problem503"]["headers"]
    assert shared["Problem422"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/ValidationProblem")


def test_a_strict_body_is_closed_and_an_answer_is_complete(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]

    assert schemas["TaskRequest"]["additionalProperties"] is False
    assert schemas["PatchedTaskRequest"]["additionalProperties"] is False
    assert set(schemas["Task"]["required"]) == set(schemas["Task"]["properties"])
    assert "additionalProperties" not in schemas["Task"]


class NoteSerializer(StrictSerializer):
    title = serializers.CharField()
    remark = serializers.CharField(allow_blank=True)
    content = serializers.CharField(trim_whitespace=False)


def test_only_what_is_trimmed_and_may_not_be_empty_has_to_be_more_than_white_space() -> None:
    schema = OperationSchema()
    schema.view = StrictView(request=None)

    properties = schema._map_serializer(NoteSerializer(), "request")["properties"]

    assert [name for name, described in properties.items() if "pattern" in described] == ["title"]


def test_a_parameter_that_may_be_any_text_is_not_empty(description: dict[str, Any]) -> None:
    parameters = description["paths"]["/api/v1/audit/events"]["get"]["parameters"]
    patterns = {parameter["name"]: parameter["schema"].get("pattern") for parameter in parameters}

    assert patterns["action"] == r"^[^\x00]+$"
    assert patterns["cursor"] != patterns["action"] and patterns["limit"] is None
