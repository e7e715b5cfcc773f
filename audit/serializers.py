"""Shapes of events, proofs and checkpoints."""

from typing import Any

from rest_framework import serializers

from audit.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event as the user it concerns, or an auditor, sees it."""

    changes = serializers.DictField(help_text='Field → [before, after]; a masked value is "•••".')
    detail = serializers.DictField(help_text="What else there is to say, of what isn't a change.")

    class Meta:
        model = Event
        fields = [
            "id",
            "occurred_at",
            "actor",
            "owner_id",
            "request_id",
            "address",
            "user_agent",
            "action",
            "object_type",
            "object_id",
            "outcome",
            "changes",
            "detail",
        ]


class ProofSerializer(serializers.Serializer[Any]):
    """What it takes to check that an event is in the tree that a checkpoint signs (RFC 9162 §2.1.3)."""

    leaf = serializers.CharField(help_text="The event, as the exact text that the leaf hash is made of.")
    leaf_index = serializers.IntegerField()
    tree_size = serializers.IntegerField()
    hashes = serializers.ListField(child=serializers.CharField(), help_text="Base64, lowest first.")
    checkpoint = serializers.CharField(help_text="The signed note of that size.")
    salts = serializers.DictField(
        help_text="Masked field → [before, after], base64: with it and the value anybody can check a commitment."
    )


class CheckpointSerializer(serializers.Serializer[Any]):
    """The signed state of the record: a C2SP tlog-checkpoint, and the same taken apart."""

    origin = serializers.CharField()
    size = serializers.IntegerField()
    root_hash = serializers.CharField(help_text="Base64.")
    sealed_at = serializers.DateTimeField()
    note = serializers.CharField(help_text="The signed note; keep it where the database's owner can't reach it.")
    key = serializers.CharField(help_text="The public key that signed it: <name>+<id>+<base64>.")
    consistency = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="With `since`: that the tree of that size is the beginning of this one (RFC 9162 §2.1.4). Base64.",
    )
