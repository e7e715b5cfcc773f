"""What the API's description says of every endpoint alike."""

from typing import Any

import pytest
from django.test import Client
from rest_framework import serializers

from web.refusals import refusal
from web.schema import OperationSchema
from web.serializers import StrictSerializer
from web.views import StrictView

pytestmark = pytest.mark.django_db

ALWAYS = {"406", "422", "500", "503"}
BODY = {"400", "409", "411", "413", "415"}
CONDITIONAL = {"400", "409", "412"}


@pytest.fixture
def description(client: Client) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return described


def operation(description: dict[str, Any], named: str) -> dict[str, Any]:
    """The operation of a method and an address below the API's."""
    method, path = named.split()
    found: dict[str, Any] = description["paths"][f"/api/v1{path}"][method]
    return found


def test_every_answer_has_the_requests_id_and_every_refusal_is_a_problem(description: dict[str, Any]) -> None:
    shared = description["components"]["responses"]
    answers = [
        (status, shared[answer["$ref"].split("/")[-1]] if "$ref" in answer else answer)
        for operations in description["paths"].values()
        for each in operations.values()
        for status, answer in each["responses"].items()
    ]

    assert all(answer["headers"]["X-Request-ID"]["required"] for _, answer in answers)
    refusals = [answer for status, answer in answers if status >= "400"]
    assert refusals and all(answer["content"].keys() == {"application/problem+json"} for answer in refusals)


@pytest.mark.parametrize(
    ("named", "refusals"),
    [
        ("get /tasks", ALWAYS | {"401"}),
        ("post /tasks", ALWAYS | {"401"} | BODY),
        ("get /tasks/{id}", ALWAYS | {"400", "401", "404"}),
        ("patch /tasks/{id}", ALWAYS | {"401", "404"} | CONDITIONAL | BODY),
        ("post /tasks/{id}/toggle", ALWAYS | {"401", "404"} | CONDITIONAL),
        ("delete /tasks/{id}", ALWAYS | {"401", "404"} | CONDITIONAL),
        ("get /audit/events/{id}", ALWAYS | {"401", "404"}),
        ("post /auth/register", ALWAYS | BODY),
        ("post /auth/token", ALWAYS | {"401"} | BODY),
    ],
)
def test_an_operation_names_the_refusals_of_its_kind(
    named: str, refusals: set[str], description: dict[str, Any]
) -> None:
    assert {status for status in operation(description, named)["responses"] if status >= "400"} == refusals


def test_refusals_name_the_headers_that_come_with_them(description: dict[str, Any]) -> None:
    shared = description["components"]["responses"]

    assert shared["Problem401"]["headers"]["WWW-Authenticate"]["required"]
    assert shared["Problem503"]["headers"]["Retry-After"]["required"]
    assert not shared["Problem412"]["headers"]["ETag"].get("required")
    assert shared["Problem422"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/ValidationProblem")


@pytest.mark.parametrize(
    ("named", "headers"),
    [
        ("get /tasks", {"Prefer"}),
        ("post /tasks", {"Idempotency-Key"}),
        ("get /tasks/{id}", {"If-None-Match"}),
        ("patch /tasks/{id}", {"If-Match"}),
        ("post /tasks/{id}/toggle", {"If-Match", "Idempotency-Key"}),
        ("post /knowledge/documents", {"Idempotency-Key"}),
        ("get /audit/events/{id}", set()),
    ],
)
def test_an_operation_names_the_headers_that_it_reads(
    named: str, headers: set[str], description: dict[str, Any]
) -> None:
    parameters = operation(description, named).get("parameters", [])

    assert {each["name"] for each in parameters if each["in"] == "header"} == headers


@pytest.mark.parametrize(
    ("named", "status", "headers"),
    [
        ("get /tasks", "200", {"Preference-Applied"}),
        ("post /tasks", "201", {"ETag", "Location", "Idempotency-Replayed"}),
        ("get /tasks/{id}", "304", {"ETag"}),
        ("patch /tasks/{id}", "200", {"ETag"}),
        ("delete /tasks/{id}", "204", set()),
        ("post /knowledge/documents", "202", {"ETag", "Location", "Idempotency-Replayed"}),
        ("get /me", "200", set()),
    ],
)
def test_an_operation_names_the_headers_of_its_kind(
    named: str, status: str, headers: set[str], description: dict[str, Any]
) -> None:
    named_headers = operation(description, named)["responses"][status]["headers"].keys()

    assert named_headers - {"X-Request-ID", "Access-Control-Allow-Origin"} == headers


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("get /tasks", ("tasks_list", "List tasks")),
        ("delete /tasks/{id}", ("tasks_destroy", "Delete a task")),
        ("post /tasks/{id}/toggle", ("tasks_toggle", "Complete an open task, or reopen a complete one")),
        ("get /audit/events/{id}", ("audit_events_retrieve", "Get an event")),
        ("post /auth/token", ("auth_token", "Sign in")),
    ],
)
def test_an_operation_is_called_as_what_it_does(
    named: str, words: tuple[str, str], description: dict[str, Any]
) -> None:
    described = operation(description, named)

    assert (described["operationId"], described["summary"]) == words


def test_what_says_nothing_of_itself_is_not_described_as_its_list(description: dict[str, Any]) -> None:
    assert operation(description, "get /audit/events/{id}")["description"] == "Get an event."


def test_a_strict_body_is_closed_and_an_answer_is_complete(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]

    assert schemas["TaskRequest"]["additionalProperties"] is False
    assert schemas["PatchedTaskRequest"]["additionalProperties"] is False
    assert set(schemas["Task"]["required"]) == set(schemas["Task"]["properties"])
    assert "additionalProperties" not in schemas["Task"]


def test_what_fields_chooses_from_is_a_part_in_lists_and_alone(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    either = [{"$ref": "#/components/schemas/Task"}, {"$ref": "#/components/schemas/TaskPart"}]

    alone = operation(description, "get /tasks/{id}")["responses"]["200"]["content"]["application/json"]["schema"]
    assert alone["anyOf"] == schemas["TaskPage"]["properties"]["results"]["items"]["anyOf"] == either
    assert schemas["TaskPart"]["properties"] == schemas["Task"]["properties"]
    assert "required" not in schemas["TaskPart"]


class NoteSerializer(StrictSerializer):
    example = {"id": 1, "title": "Zoo", "remark": "", "content": "The elephant sleeps.", "secret": "hay"}
    constraint = {"minProperties": 2}

    id = serializers.IntegerField(read_only=True)
    title = serializers.CharField()
    remark = serializers.CharField(allow_blank=True)
    content = serializers.CharField(trim_whitespace=False)
    secret = serializers.CharField(write_only=True, allow_blank=True)


@pytest.fixture
def schema() -> OperationSchema:
    """Of a view that has nothing of its own."""
    schema = OperationSchema()
    # The view refers to it weakly.
    schema.view = StrictView(request=None)
    schema.method, schema.path = "POST", "/notes"
    return schema


def test_only_what_is_trimmed_and_may_not_be_empty_has_to_be_more_than_white_space(schema: OperationSchema) -> None:
    described = schema._map_serializer(NoteSerializer(), "request")

    assert [name for name, each in described["properties"].items() if "pattern" in each] == ["title"]
    assert described["minProperties"] == 2


@pytest.mark.parametrize(
    ("method", "direction", "members"),
    [
        ("POST", "request", ["title", "remark", "content", "secret"]),
        ("PATCH", "request", ["title"]),
        ("PATCH", "response", ["id", "title", "remark", "content"]),
    ],
)
def test_an_example_has_the_members_that_are_sent_this_way(
    method: str, direction: str, members: list[str], schema: OperationSchema
) -> None:
    schema.method = method
    status = "200" if direction == "response" else None

    examples = schema._get_examples(NoteSerializer(), direction, "application/json", status)

    assert list(examples["Note"]["value"]) == members


def test_a_parameter_that_may_be_any_text_is_not_empty(description: dict[str, Any]) -> None:
    parameters = operation(description, "get /audit/events")["parameters"]
    patterns = {parameter["name"]: parameter["schema"].get("pattern") for parameter in parameters}

    assert patterns["action"] == r"^[^\x00]+$"
    assert patterns["cursor"] != patterns["action"] and patterns["limit"] is None


@pytest.mark.parametrize(
    ("path", "name", "told"),
    [
        ("/audit/events", "action", "Only with this `action`."),
        ("/audit/events", "from", "Only with `occurred_at` from this on."),
        ("/audit/events", "cursor", "The `next` of the page before."),
        ("/tasks", "completed", "Only what is completed, or what isn't."),
        ("/tasks", "updated_after", "Only what is updated after this."),
        ("/tasks", "label", "The id of a label."),
    ],
)
def test_a_parameter_says_what_it_lets_through(path: str, name: str, told: str, description: dict[str, Any]) -> None:
    parameters = operation(description, f"get {path}")["parameters"]

    assert [each["description"] for each in parameters if each["name"] == name] == [told]


def test_a_refusals_example_is_a_problem() -> None:
    (example,) = refusal(410, "It is too old.", "cursor_expired", "Begin anew.").examples

    assert example.name == "cursor_expired"
    assert example.value["type"] == "urn:daybook:problem:cursor_expired"
    assert (example.value["status"], example.value["title"], example.value["detail"]) == (410, "Gone", "Begin anew.")
