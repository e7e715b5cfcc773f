"""Faults below the views, where each of them can fail: in the statements that they make."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def failing(exc: Exception, table: str = "tasks_task") -> Iterator[None]:
    """A statement that names the table isn't sent, and raises the exception instead."""

    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if table in sql:
            raise exc
        return execute(sql, *args)

    with connection.execute_wrapper(fail):
        yield
