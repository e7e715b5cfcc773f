"""Events that no trigger sees: reads, searches, sign-ins."""

from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb


def record(*, action: str, object_type: str = "", object_id: object = "", detail: dict[str, Any] | None = None) -> None:
    """Put one event on record: who, whose, and in which request comes from the session's identity, not from here.

    Raises `DatabaseError` if it can't be written; what it is about must not be answered then.
    """
    arguments: list[Any] = [action, object_type, str(object_id), Jsonb(detail or {})]
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_record(%s, %s, %s, %s)", arguments)
