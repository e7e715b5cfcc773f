"""What a failed statement may say: which rule it broke, and not what was in the row."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper


def withhold_values(execute: Callable[..., Any], *arguments: Any) -> Any:
    """An execute wrapper that cuts PostgreSQL's messages after their first line.

    What follows (`DETAIL: Failing row contains …`, `LINE 1: … VALUES (…`) quotes the statement and the row, and would
    end up in logs, tracebacks and error trackers. What the server reports apart (`diag`, `sqlstate`) stays as it is.
    """
    try:
        return execute(*arguments)
    except DatabaseError as exc:
        for error in filter(None, (exc, exc.__cause__)):
            error.args = tuple(str(argument).split("\n", 1)[0] for argument in error.args[:1])
        raise


def install(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """`connection_created`: put the wrapper on a connection, once (the signal comes again at each reconnect)."""
    if withhold_values not in connection.execute_wrappers:
        connection.execute_wrappers.append(withhold_values)
