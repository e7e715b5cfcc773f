"""The bounds that follow from what is said already."""

from typing import Any

import pytest

from web.bounds import complete

INT32 = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}


@pytest.mark.parametrize(
    ("schema", "added"),
    [
        ({"type": "string"}, {"pattern": r"^[^\x00]*$"}),
        ({"type": ["string", "null"]}, {"pattern": r"^[^\x00]*$"}),
        ({"type": "string", "pattern": "^a"}, {}),
        ({"type": "string", "enum": ["a"]}, {}),
        ({"type": "string", "const": "a"}, {}),
        ({"type": "string", "format": "uuid"}, {"maxLength": 36}),
        ({"type": "string", "format": "date-time", "maxLength": 30}, {}),
        (INT32, {"format": "int32"}),
        (INT32 | {"maximum": 2**31}, {"format": "int64"}),
        (INT32 | {"minimum": -(2**40)}, {"format": "int64"}),
        ({"type": "integer"}, {"format": "int64"}),
        ({"type": "number"}, {}),
    ],
)
def test_a_schema_is_bounded_by_its_format(schema: dict[str, Any], added: dict[str, Any]) -> None:
    before = dict(schema)

    complete({"components": {"schemas": {}}, "paths": {"/": {"get": {"parameters": [{"schema": schema}]}}}})

    assert schema == before | added


def test_an_example_is_no_schema() -> None:
    example = {"type": "string"}

    complete({"components": {"schemas": {}}, "paths": {"/": {"examples": {"Kind": {"value": example}}}}})

    assert example == {"type": "string"}


def test_what_nothing_refers_to_is_left_out_and_what_only_that_referred_to() -> None:
    schemas = {
        "Task": {"properties": {"error": {"$ref": "#/components/schemas/Error"}}},
        "Error": {},
        "ErrorRequest": {"properties": {"cause": {"$ref": "#/components/schemas/CauseRequest"}}},
        "CauseRequest": {},
    }

    complete({"components": {"schemas": schemas}, "paths": {"/": {"$ref": "#/components/schemas/Task"}}})

    assert list(schemas) == ["Task", "Error"]


def test_a_page_has_an_end() -> None:
    results: dict[str, Any] = {"type": "array"}
    schemas = {"TaskPage": {"properties": {"results": results}}}

    complete({"components": {"schemas": schemas}, "paths": {"/": {"$ref": "#/components/schemas/TaskPage"}}})

    assert results["maxItems"] == 100
