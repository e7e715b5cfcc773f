"""Bases of what people keep here, what is left of what they deleted, and what their retried requests were answered."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.ownership import Isolated, Owned, OwnedQuerySet
from audit.models import TransactionIdField
from resources.tracking import CurrentTransaction


class Resource(Owned):
    """Base of what people keep here and the API gives them.

    version: from 1, one more with each change: the entity tag.
    changed_in: the transaction that changed it last, for `/changes`.

    A subclass adds to its constraints `*Resource.Meta.constraints` and `Tracked(…)`, to its indexes
    `*Resource.Meta.indexes`.
    """

    version = models.PositiveIntegerField(editable=False, db_default=1)
    changed_in = TransactionIdField(editable=False, db_default=CurrentTransaction())

    class Meta:
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["owner", "id"], name="%(app_label)s_%(class)s_owner"),
            Isolated(name="%(app_label)s_%(class)s_isolated"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "changed_in", "id"], name="%(app_label)s_%(class)s_changed"),
        ]


class Titled(Resource):
    """Base of what its owner calls by a title: 1 to 255 characters, without white space at its ends."""

    title = models.CharField(max_length=255)

    class Meta:
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *Resource.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(title__regex=r"^\S") & models.Q(title__regex=r"\S$"),
                name="%(app_label)s_%(class)s_title_trimmed",
                violation_error_message="A title is not empty, and has no space at its ends.",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [*Resource.Meta.indexes]

    def __str__(self) -> str:
        return self.title


class TrashQuerySet(OwnedQuerySet):
    """What can lie in the trash."""

    def live(self) -> Self:
        """What doesn't."""
        return self.filter(trashed_at=None)


class Trashable(models.Model):
    """What its owner deletes lies in the trash first; `resources.purge` empties it."""

    trashed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TrashQuerySet.as_manager()

    class Meta:
        abstract = True


class Deletion(models.Model):
    """That something was there, for who keeps a copy of it. Written by the database's triggers only."""

    pk = models.CompositePrimaryKey("owner_id", "object_id")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    object_id = models.UUIDField(editable=False)
    object_type = models.TextField()
    changed_in = TransactionIdField(editable=False, db_default=CurrentTransaction())

    class Meta:
        constraints = [Isolated(name="resources_deletion_isolated", grants=["SELECT"])]
        indexes = [models.Index(fields=["owner", "changed_in", "object_id"], name="resources_deletion_changed")]

    def __str__(self) -> str:
        return f"{self.object_type} {self.object_id}, deleted"


class IdempotencyKey(models.Model):
    """A request that was answered once, and is answered alike when it is sent again: see `resources.idempotency`.

    Written with the work that it is about, and never changed. `resources.purge` deletes it after a day.

    fingerprint: SHA-256 of method, address and body. headers: those of the answer that belong to what it says.
    """

    pk = models.CompositePrimaryKey("owner_id", "key")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.BinaryField()
    created_at = models.DateTimeField(editable=False, db_default=Now())

    class Meta:
        constraints = [
            Isolated(name="resources_idempotencykey_isolated", grants=["SELECT", "INSERT"]),
        ]
        indexes = [models.Index(fields=["created_at"], name="resources_key_created")]

    def __str__(self) -> str:
        return f"key {self.key} of {self.owner_id}"
