"""Documents that failed because nothing could be embedded get another try once it can."""

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Length

from accounts.identity import unconfined
from knowledge.jobs import enqueue
from knowledge.models import KnowledgeDoc

# Documents a transaction puts back.
BATCH = 200


def retry_failed_embeddings() -> int:
    """Put back everybody's documents that embedding failed; how many. One that is being written to is passed over."""
    total = 0
    with unconfined():
        while done := _put_back():
            total += done
    return total


@transaction.atomic
def _put_back() -> int:
    failed = KnowledgeDoc.objects.filter(
        status=KnowledgeDoc.Status.FAILED, trashed_at=None, last_error__code__startswith="embedding_"
    )
    rows = failed.select_for_update(skip_locked=True).annotate(length=Length("content"))
    documents = list(rows.values_list("pk", "owner_id", "length")[:BATCH])
    KnowledgeDoc.objects.filter(pk__in=[pk for pk, *_ in documents]).update(
        status=KnowledgeDoc.Status.IN_PROGRESS, last_error=None, revision=F("revision") + 1
    )
    for pk, owner_id, length in documents:
        enqueue(owner_id=owner_id, document_id=pk, length=length)
    return len(documents)
