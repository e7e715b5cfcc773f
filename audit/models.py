"""The record itself."""

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


class Event(models.Model):
    """One thing that happened. Written by the database's functions only; never changed, never deleted.

    It holds copies and no foreign key: the record outlives what it is about.
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
    action = models.TextField()
    object_type = models.TextField()
    object_id = models.TextField()
    outcome = models.TextField(choices=Outcome.choices, db_default=Outcome.SUCCESS)
    changes = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["owner_id", "-id"], name="audit_event_owner"),
            models.Index(fields=["object_id", "-id"], name="audit_event_object"),
            models.Index(fields=["request_id"], name="audit_event_request"),
            BrinIndex(fields=["occurred_at"], name="audit_event_time"),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor} at {self.occurred_at:%Y-%m-%d %H:%M:%S}"
