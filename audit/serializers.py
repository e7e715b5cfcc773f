"""Shapes of events, proofs and checkpoints."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.models import Event
from audit.note import MAX_SIZE, Checkpoint, Signer

MAX_NOTE = 65_536
MAX_LEAF = 2**20
# Of a tree of 2**63 leaves, and of one that extends another.
MAX_PROOF = 64
# SHA-256 in base64.
HASH = "^[A-Za-z0-9+/]{43}=$"
# A record as it could be. Nothing of it is secret: the key that signs it is made of zeros.
HASHES = [b64encode(sha256(text).digest()).decode() for text in (b"root", b"node", b"salt")]
SEALED_AT = "2026-11-21T16:11:52.302687Z"
SIGNER = Signer("daybook", bytes(32))
WINDOW = (f"sealed {SEALED_AT}", "transactions 937 937 7710658027762205527")
NOTE = SIGNER.sign(Checkpoint("daybook", 37, sha256(b"root").digest(), WINDOW).text())


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "array", "items": {}, "minItems": 2, "maxItems": 2}}
)
class BeforeAndAfterField(serializers.DictField):
    """Field → [before, after]; null where there was or is none."""


class HashField(serializers.RegexField):
    """A node of the tree."""

    def __init__(self, **options: Any) -> None:
        super().__init__(HASH, max_length=44, **options)


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event as the user it concerns, or an auditor, sees it."""

    example = {
        "id": "0198c5a2-7c02-7a51-8a3e-0c9d8e7f6a5b",
        "occurred_at": "2026-01-05T08:31:12.004511Z",
        "actor": "0198c5a2-7b1e-7d3f-9a44-5e0b8c1d2f30",
        "owner_id": "0198c5a2-7b1e-7d3f-9a44-5e0b8c1d2f30",
        "request_id": "5f0c1f0e-7c1b-4b8e-9d53-0a3a5b3b6c1d",
        "address": "203.0.113.7",
        "user_agent": "curl/8.5.0",
        "action": "task.updated",
        "object_type": "task",
        "object_id": "0198c5a2-7bfa-7c88-b1d0-6f2a3b4c5d6e",
        "outcome": "success",
        "changes": {"title": ["•••", "•••"], "completed": [False, True]},
        "detail": {},
    }

    changes = BeforeAndAfterField(help_text='Field → [before, after]; a masked value is "•••".')
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
        extra_kwargs = {
            "actor": {"max_length": 100},
            "request_id": {"max_length": 128},
            "address": {"max_length": 64},
            "user_agent": {"max_length": 256},
            "action": {"max_length": 100},
            "object_type": {"max_length": 100},
            "object_id": {"max_length": 64},
        }


class ProofSerializer(serializers.Serializer[Any]):
    """What it takes to check that an event is in the tree that a checkpoint signs (RFC 9162 §2.1.3)."""

    example = {
        "leaf": '{"version":1,"id":"0198c5a2-7c02-7a51-8a3e-0c9d8e7f6a5b","transaction_id":"936"}',
        "leaf_index": 36,
        "tree_size": 37,
        "hashes": [HASHES[1]],
        "checkpoint": NOTE,
        "salts": {"title": [None, HASHES[2]]},
    }

    leaf = serializers.CharField(
        max_length=MAX_LEAF, help_text="The event, as the exact text that the leaf hash is made of."
    )
    leaf_index = serializers.IntegerField(min_value=0, max_value=MAX_SIZE, help_text="From 0.")
    tree_size = serializers.IntegerField(min_value=1, max_value=MAX_SIZE, help_text="In leaves.")
    hashes = serializers.ListField(child=HashField(), max_length=MAX_PROOF, help_text="Base64, lowest first.")
    checkpoint = serializers.CharField(max_length=MAX_NOTE, help_text="The signed note of that size.")
    salts = BeforeAndAfterField(
        help_text="Masked field → [before, after], base64: with it and the value anybody can check a commitment."
    )


class CheckpointSerializer(serializers.Serializer[Any]):
    """The signed state of the record: a C2SP tlog-checkpoint, and the same taken apart."""

    example = {
        "origin": "daybook",
        "size": 37,
        "root_hash": HASHES[0],
        "sealed_at": SEALED_AT,
        "note": NOTE,
        "key": SIGNER.verifier.vkey,
    }

    origin = serializers.CharField(max_length=MAX_NOTE, help_text="The record's name.")
    size = serializers.IntegerField(min_value=0, max_value=MAX_SIZE, help_text="In leaves.")
    root_hash = HashField(help_text="Base64.")
    sealed_at = serializers.DateTimeField()
    note = serializers.CharField(
        max_length=MAX_NOTE, help_text="The signed note; keep it where the database's owner can't reach it."
    )
    key = serializers.CharField(
        max_length=MAX_NOTE,
        help_text="The public key that signed it: `<name>+<id>+<base64>`; empty if no trusted one did.",
    )
    consistency = serializers.ListField(
        child=HashField(),
        max_length=MAX_PROOF,
        required=False,
        help_text="With `since`: that the tree of that size is the beginning of this one (RFC 9162 §2.1.4). Base64.",
    )
