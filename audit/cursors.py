"""Reading tables of any size in little memory."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from django.db import connection

BATCH = 2_000
_number = count()


def settle() -> None:
    """For the transaction: names mean what they mean to us, whoever set what on the role or the database; no hurry."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog, public, pg_temp; SET LOCAL statement_timeout = 0")


def in_batches(query: str, parameters: Sequence[Any] = ()) -> Iterator[list[tuple[Any, ...]]]:
    """The query's rows, by a cursor that PostgreSQL keeps; it lives as long as the transaction that it is opened in."""
    name = f"audit_{next(_number)}"
    with connection.cursor() as cursor:
        cursor.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {query}", parameters)
        while True:
            cursor.execute(f"FETCH {BATCH} FROM {name}")
            rows = cursor.fetchall()
            if not rows:
                break
            yield rows
        cursor.execute(f"CLOSE {name}")
