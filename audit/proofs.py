"""What a third party needs to check the record with nothing of ours."""

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound

from audit.keys import verifiers
from audit.leaves import COLUMNS, leaf_text
from audit.merkle import consistency_proof, inclusion_proof
from audit.models import Checkpoint
from audit.note import NoteError, read_note
from audit.seals import Seal, text_of
from audit.tree import stored_hashes

LEAF = f"SELECT audit_leaf_of(event.id), audit_salts_of(event.id), {COLUMNS} FROM audit_event AS event WHERE id = %s"  # noqa: S608


class NotSealedYet(APIException):
    """The event is on record, and the next sealing will put it into the tree."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This event isn't sealed yet; it will be within seconds."
    default_code = "not_sealed"


def prove_event(event_id: UUID) -> dict[str, Any]:
    """The event's leaf, and the way from it to the root of the newest checkpoint. Raises `NotSealedYet`."""
    with connection.cursor() as cursor:
        cursor.execute(LEAF, [event_id])
        row = cursor.fetchone()
    if row is None:
        raise NotFound  # its month was purged this moment
    index, salts, *values = row
    checkpoint = Checkpoint.objects.order_by("-size").first()
    if index is None or checkpoint is None:
        raise NotSealedYet
    return {
        "leaf": leaf_text(values),
        "leaf_index": index,
        "tree_size": checkpoint.size,
        "hashes": _encoded(inclusion_proof(index, checkpoint.size, stored_hashes)),
        "checkpoint": checkpoint.note,
        "salts": json.loads(salts),
    }


def describe(checkpoint: Checkpoint | None) -> dict[str, Any]:
    """A checkpoint taken apart. Raises `NotFound`."""
    if checkpoint is None:
        raise NotFound
    seal = Seal.parse(text_of(checkpoint.note))
    return {
        "origin": seal.checkpoint.origin,
        "size": seal.checkpoint.size,
        "root_hash": b64encode(seal.checkpoint.root).decode(),
        "sealed_at": seal.window.at,
        "note": checkpoint.note,
        "key": _key_of(checkpoint.note),
    }


def prove_extension(old_size: int, new_size: int) -> list[str]:
    """That the tree of the old size is the beginning of the new one."""
    return _encoded(consistency_proof(old_size, new_size, stored_hashes))


def _key_of(note: str) -> str:
    """The key that signed the note, of those that this instance trusts; empty if none did."""
    for verifier in verifiers():
        try:
            read_note(note, [verifier])
        except NoteError:
            continue
        return verifier.vkey
    return ""


def _encoded(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(each).decode() for each in hashes]
