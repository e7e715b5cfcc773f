"""Files that are no document's."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Cast, Concat, Left
from django.db.models.lookups import Exact

from accounts.ownership import Isolated

MAX_KEY = 255


def begins_with_owner(column: str) -> models.lookups.Lookup:
    """The condition that a key is `<owner's id>/…`: nobody's row can name somebody else's file."""
    prefix = Concat(Cast("owner_id", models.TextField()), models.Value("/"))
    return Exact(Left(column, 37), prefix)


class DiscardedFile(models.Model):
    """A file in the storage that is no document's any more, or not yet: deleted when it is due, by `purge_files`.

    A file is listed here before it is saved, and taken off by the transaction that gives a document its key; a trigger
    lists it again when the document goes or gets another. So none is lost from sight, whoever is killed in between.

    The owner may be gone, so nothing refers to it.
    """

    key = models.CharField(max_length=MAX_KEY, primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    due = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            Isolated(name="knowledge_discardedfile_isolated", grants=["SELECT", "INSERT", "DELETE"]),
            models.CheckConstraint(condition=begins_with_owner("key"), name="knowledge_discardedfile_key"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["due"], name="knowledge_discardedfile_due")]

    def __str__(self) -> str:
        return self.key
