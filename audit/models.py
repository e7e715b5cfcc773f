"""The record itself, and the Merkle tree that seals it."""

from typing import Any, Self
from uuid import UUID

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now


class TransactionIdField(models.Field):
    """PostgreSQL's `xid8`: the 64-bit id of the transaction that wrote the row."""

    def db_type(self, connection: object) -> str:
        """The column's type."""
        return "xid8"

    def from_db_value(self, value: str | None, expression: object, connection: object) -> int | None:
        """psycopg has no loader for xid8 and gives its text."""
        return None if value is None else int(value)

    def get_db_prep_value(self, value: Any, connection: object, prepared: bool = False) -> Any:
        """Nor has it a dumper; the text of a literal is of any type."""
        return str(value) if isinstance(value, int) else value


class EventQuerySet(models.QuerySet["Event"]):
    """Events, by whom they concern."""

    def for_user(self, user_id: UUID) -> Self:
        """Only what happened to this user's things, and what this user was refused."""
        return self.filter(owner_id=user_id)


class Event(models.Model):
    """One thing that happened. Written by the database's functions only; never changed, never deleted.

    It holds copies and no foreign key: the record outlives what it is about. The table is partitioned by month on the
    id, a UUIDv7.

    changes: field → [before, after]; a masked value is `"•••"`.
    commitments: masked field → [before, after], each base64 of SHA-256(salt ‖ UTF-8 text of the value), or null.
    detail: what else there is to say, of what isn't a change.
    """

    class Outcome(models.TextChoices):
        """How it ended."""

        SUCCESS = "success"
        DENIED = "denied"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, editable=False, db_default=models.Func(function="uuidv7"))
    transaction_id = TransactionIdField(db_default=models.Func(function="pg_current_xact_id"))
    occurred_at = models.DateTimeField(db_default=Now())
    actor = models.TextField()
    owner_id = models.UUIDField(null=True)
    request_id = models.TextField()
    address = models.TextField()
    user_agent = models.TextField(db_default="")
    action = models.TextField()
    object_type = models.TextField()
    object_id = models.TextField()
    outcome = models.TextField(choices=Outcome.choices, db_default=Outcome.SUCCESS)
    changes = models.JSONField(db_default={})
    commitments = models.JSONField(db_default={})
    detail = models.JSONField(db_default={})

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["owner_id", "-id"], name="audit_event_owner"),
            models.Index(fields=["object_id", "-id"], name="audit_event_object"),
            models.Index(fields=["request_id"], name="audit_event_request"),
            BrinIndex(fields=["occurred_at"], name="audit_event_time"),
            # What the sealer looks for: events of transactions that ended since it looked last.
            models.Index(fields=["transaction_id"], name="audit_event_transaction"),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor} at {self.occurred_at:%Y-%m-%d %H:%M:%S}"


class SaltKey(models.Model):
    """What the salts of one owner's masked values are made of: 32 random bytes. Deleting it is erasure."""

    owner_id = models.UUIDField(primary_key=True)
    key = models.BinaryField(editable=False)

    def __str__(self) -> str:
        return f"salt key of {self.owner_id}"


class Leaf(models.Model):
    """A sealed event: its number in the tree, from 0 and without gaps, and its leaf hash."""

    index = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    hash = models.BinaryField()

    def __str__(self) -> str:
        return f"leaf {self.index}"


class Node(models.Model):
    """The hash of a complete subtree of `2 ** level` leaves, kept for each eighth level: proofs need no others."""

    pk = models.CompositePrimaryKey("level", "position")
    level = models.PositiveSmallIntegerField()
    position = models.BigIntegerField()
    hash = models.BinaryField()

    def __str__(self) -> str:
        return f"node {self.level}/{self.position}"


class Checkpoint(models.Model):
    """The signed statement of the tree's size and root: a C2SP tlog-checkpoint, see `audit.seals`."""

    size = models.BigIntegerField(primary_key=True)
    note = models.TextField()

    def __str__(self) -> str:
        return f"checkpoint at {self.size}"


class Purge(models.Model):
    """The signed statement that a month's events are gone because their time was up: see `audit.retention`."""

    month = models.DateField(primary_key=True)
    note = models.TextField()

    def __str__(self) -> str:
        return f"purge of {self.month:%Y-%m}"
