"""Strict bodies."""

from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from web.serializers import StrictSerializer


class AnswerSerializer(StrictSerializer):
    flag = serializers.BooleanField(allow_null=True, default=None)
    text = serializers.CharField(default="")
    ratio = serializers.FloatField(default=0.0)
    count = serializers.IntegerField(default=0)
    at = serializers.DateTimeField(read_only=True)


@pytest.mark.parametrize(
    "members",
    [{"flag": True}, {"flag": None}, {"text": "3"}, {"ratio": 3}, {"ratio": 0.5}, {"count": 3}, {"count": 3.0}],
)
def test_a_member_of_its_json_type_is_taken(members: dict[str, Any]) -> None:
    assert AnswerSerializer.read(members).items() >= members.items()


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("flag", "true", "invalid"),
        ("flag", 1, "invalid"),
        ("text", 3, "invalid"),
        ("text", True, "invalid"),
        ("ratio", "0.5", "invalid"),
        ("ratio", True, "invalid"),
        ("count", "3", "invalid"),
        ("count", False, "invalid"),
        ("count", 3.5, "invalid"),
        ("text", None, "null"),
        ("at", "2026-01-01T00:00:00Z", "read_only"),
        ("other", 1, "unknown_field"),
    ],
)
def test_a_member_of_another_type_or_name_is_refused(name: str, value: Any, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        AnswerSerializer.read({name: value})

    assert refused.value.get_codes() == {name: [code]}
