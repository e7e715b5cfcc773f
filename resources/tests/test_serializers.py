"""Fields that resources have in common."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from resources.serializers import DayField, IdField, InstantField, MetadataField, reader
from web.serializers import StrictSerializer

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


class ThingSerializer(StrictSerializer):
    name = serializers.CharField(max_length=9)
    made_by = IdField(required=False, allow_null=True)
    at = InstantField(required=False)
    on = DayField(required=False)
    metadata = MetadataField(required=False)


def codes(data: Any, *, partial: bool = False) -> Any:
    with pytest.raises(ValidationError) as caught:
        reader(ThingSerializer, partial=partial).run_validation(data)
    return caught.value.get_codes()


def test_values_are_of_the_kinds_that_columns_take() -> None:
    members = reader(ThingSerializer).run_validation(
        {"name": "x", "made_by": str(ID).upper(), "at": "2026-01-01T01:00:00+01:00", "on": "2026-01-01"}
    )

    assert members == {"name": "x", "made_by": ID, "at": datetime(2026, 1, 1, tzinfo=UTC), "on": date(2026, 1, 1)}
    assert members["at"].tzinfo is UTC


@pytest.mark.parametrize("member", ["made_by", "at", "on"])
@pytest.mark.parametrize(
    "value",
    [3, 3.0, True, [], {}, [str(ID)], "", "x", "2026", "2026-1-1", "2026-W01-1", f" {ID}", ID.hex, f"urn:uuid:{ID}"],
)
def test_nothing_but_the_one_form_is_taken(member: str, value: Any) -> None:
    assert codes({"name": "x", member: value}) == {member: ["invalid"]}


def test_null_is_taken_where_it_is_said_to_be() -> None:
    assert reader(ThingSerializer).run_validation({"name": "x", "made_by": None})["made_by"] is None
    assert codes({"name": "x", "at": None, "on": None, "metadata": None}) == {
        name: ["null"] for name in ("at", "on", "metadata")
    }


def test_a_partial_body_need_not_name_what_is_required() -> None:
    assert reader(ThingSerializer, partial=True).run_validation({}) == {}
    assert codes({}) == {"name": ["required"]}
    assert codes({"name": None}, partial=True) == {"name": ["null"]}


def test_the_reader_is_made_once() -> None:
    assert reader(ThingSerializer) is reader(ThingSerializer)
    assert reader(ThingSerializer) is not reader(ThingSerializer, partial=True)


def test_the_reader_keeps_nothing_of_what_it_validates() -> None:
    assert codes({"name": "x" * 10, "x": 1}) == {"x": ["unknown_field"]}
    assert codes({"name": "x" * 10}) == {"name": ["max_length"]}
    assert reader(ThingSerializer).run_validation({"name": "x"}) == {"name": "x"}


def test_threads_that_share_the_reader_do_not_see_each_others_bodies() -> None:
    def validate(number: int) -> Any:
        body = {"name": str(number), "metadata": {"number": number}} if number % 2 else {"name": number}
        try:
            return reader(ThingSerializer).run_validation(body)
        except ValidationError as exc:
            return exc.detail

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(validate, range(400)))

    refused = {"name": [ErrorDetail("This must be a string.", code="invalid")]}
    assert results == [
        {"name": str(number), "metadata": {"number": number}} if number % 2 else refused for number in range(400)
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON | st.dictionaries(st.sampled_from(["name", "made_by", "at", "on", "metadata", "x"]), JSON))
def test_any_body_is_valid_or_refused(body: Any) -> None:
    try:
        members = reader(ThingSerializer).run_validation(body)
    except ValidationError:
        return
    assert members.keys() <= body.keys()
