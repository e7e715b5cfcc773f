"""Shapes of the embedding provider and its key."""

from typing import Any, ClassVar

from rest_framework import serializers

from knowledge.providers import ENVIRONMENT, STORED
from web.serializers import StrictSerializer

# One word of printable ASCII, as a header can carry it.
TOKEN = r"^[\x21-\x7e]+$"  # noqa: S105
MAX_TOKEN = 200


class KeyErrorSerializer(serializers.Serializer[Any]):
    """What the provider had against the key, or why it couldn't be asked."""

    code = serializers.CharField(max_length=100)
    message = serializers.CharField(max_length=300)


class KeySerializer(serializers.Serializer[Any]):
    """What can be told of a key: not the key."""

    source = serializers.ChoiceField(  # type: ignore[assignment] # DRF takes fields out of the class
        [ENVIRONMENT, STORED], allow_null=True, help_text="Null if there is none."
    )
    configured = serializers.BooleanField()
    valid = serializers.BooleanField(allow_null=True, help_text="Null if that isn't known.")
    last_checked_at = serializers.DateTimeField(allow_null=True)
    error = KeyErrorSerializer(allow_null=True, help_text="Of the last check.")
    set_at = serializers.DateTimeField(allow_null=True, help_text="Of a stored key.")


class ProviderSerializer(serializers.Serializer[Any]):
    """Who embeds texts, and whether the key for Hugging Face works."""

    example: ClassVar[dict[str, Any]] = {
        "provider": "huggingface",
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "dimensions": 384,
        "key": {
            "source": "stored",
            "configured": True,
            "valid": True,
            "last_checked_at": "2026-01-05T08:32:41.902663Z",
            "error": None,
            "set_at": "2026-01-05T08:32:41.902663Z",
        },
    }

    provider = serializers.ChoiceField(["local", "huggingface"])
    model = serializers.CharField(max_length=100)
    dimensions = serializers.IntegerField(min_value=1, max_value=16_000)
    key = KeySerializer(source="*")


class NewKeySerializer(StrictSerializer):
    """A key to be tried and stored."""

    example = {"api_key": "hf_your_access_token"}  # pragma: allowlist secret

    api_key = serializers.RegexField(
        TOKEN, max_length=MAX_TOKEN, write_only=True, help_text="An access token of Hugging Face. It is never shown."
    )
