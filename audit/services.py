"""Events that no trigger sees: reads, searches, refusals."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from audit.models import Event


def record(
    *,
    action: str,
    object_type: str = "",
    object_id: object = "",
    outcome: str = Event.Outcome.SUCCESS,
    detail: Mapping[str, Any] | None = None,
    masked: Mapping[str, str] | None = None,
    concerning: UUID | None = None,
) -> None:
    """Put one event on record: who, and in which request, comes from the session's identity, not from here.

    masked: texts of which the record says `"•••"` and keeps a commitment.
    concerning: whose event it is. An API request's is its user's, whatever is said here.

    Raises `DatabaseError` if it can't be written; what it is about must not be answered then.
    """
    texts: list[Any] = [action, object_type, str(object_id), outcome]
    arguments = [*texts, Jsonb(detail or {}), Jsonb(masked or {}), concerning]
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_record(%s, %s, %s, %s, %s, %s, %s)", arguments)
