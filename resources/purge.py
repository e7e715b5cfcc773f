"""What is deleted for good when its time is over: what lies in the trash, and answers kept for retries.

The system does it, as the tables' owner, and on record as such. Any number of purges may run at once: each takes what
no other has in hand.
"""

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.db.models.functions import Now

from resources.models import IdempotencyKey, Trashable

IN_TRASH = timedelta(days=30)
ANSWERED = timedelta(hours=24)
BATCH = 1_000


def purge() -> dict[str, int]:
    """Delete all that is due, in batches, each a transaction. How many of what."""
    due = [_discarded(model) for model in apps.get_models() if issubclass(model, Trashable)]
    due.append(IdempotencyKey.objects.filter(created_at__lt=Now() - ANSWERED).order_by("created_at"))
    return {str(rows.model._meta.verbose_name_plural).replace(" ", "_"): _delete(rows) for rows in due}


def _discarded(model: type[Model]) -> QuerySet[Any]:
    """What has been in the trash for long enough, and has nothing of its kind below it.

    With what stands above it would go what was thrown away later, or what is live: so what is below goes first, when
    its own time is over.
    """
    rows = model._base_manager.filter(trashed_at__lt=Now() - IN_TRASH).order_by("trashed_at")
    for relation in model._meta.related_objects:
        if relation.related_model is model:
            below = model._base_manager.filter(owner=OuterRef("owner"), **{relation.field.name: OuterRef("pk")})
            rows = rows.exclude(Exists(below))
    return rows


def _delete(due: QuerySet[Any]) -> int:
    """Batch by batch, until nothing is due that nobody else has in hand."""
    deleted = 0
    while batch := _delete_batch(due):
        deleted += batch
    return deleted


@transaction.atomic
def _delete_batch(due: QuerySet[Any]) -> int:
    keys = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    due.model._base_manager.filter(pk__in=keys).delete()
    return len(keys)
