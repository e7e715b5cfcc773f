"""Events that no trigger sees: reads, searches, refusals."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
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
    said: Mapping[str, str] | None = None,
    concerning: UUID | None = None,
) -> None:
    """Put one event on record: who, and in which request, comes from the session's identity, not from here.

    said: what somebody searched for: in clear, or `"•••"` and a commitment, as `AUDIT_SEARCH_TEXT` has it.
    concerning: whose event it is. An API request's is its user's, whatever is said here.

    Raises `DatabaseError` if it can't be written; what it is about must not be answered then.
    """
    recorded = settings.AUDIT_SEARCH_TEXT == "recorded"
    shown = {**(detail or {}), **(said if said and recorded else {})}
    masked = {} if recorded else said or {}
    texts: list[Any] = [action, object_type, str(object_id), outcome]
    with connection.cursor() as cursor:
        arguments = [*texts, Jsonb(shown), Jsonb(masked), concerning]
        cursor.execute("SELECT audit_record(%s, %s, %s, %s, %s, %s, %s)", arguments)
