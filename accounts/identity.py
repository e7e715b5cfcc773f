"""Who a statement is made for, told to PostgreSQL in the statement's own message.

Each statement of an API request is preceded by `SELECT set_config(…, true)`, in one simple-protocol message: no extra
round trip, and outside `atomic()` one implicit transaction, so that nothing stays on the connection afterwards. The
settings bind the role `daybook_app`, which owns nothing and sees through row-level security only. See ADR 0004.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

import structlog
from django.db import NotSupportedError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

ROLE = "daybook_app"

# Fail in an aborted transaction, and need no identity: they touch no row.
CONTROL = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


@dataclass(frozen=True)
class Identity:
    """What the database is told of who acts.

    confined: run as `daybook_app`, behind row-level security. Otherwise as the tables' owner: staff, commands.
    user_id: whose rows a confined statement can touch; None for nobody's.
    actor: who is put on record: a user's id, `anonymous`, or `system:<command>` if empty.
    """

    confined: bool
    user_id: UUID | None = None
    actor: str = ""
    request_id: str = ""
    address: str = ""

    @cached_property
    def prefix(self) -> str:
        """The SQL that binds this identity until the end of the transaction."""
        values = {
            "role": ROLE if self.confined else "none",
            "daybook.user_id": "" if self.user_id is None else str(self.user_id),
            "daybook.actor": self.actor,
            "daybook.request_id": self.request_id,
            "daybook.address": self.address,
        }
        calls = (f"set_config('{name}', {sql.Literal(value).as_string()}, true)" for name, value in values.items())
        return f"SELECT {', '.join(calls)}; "


SYSTEM = Identity(confined=False)

_current: ContextVar[Identity | None] = ContextVar("identity", default=None)


@contextmanager
def acting(identity: Identity) -> Iterator[None]:
    """Everything inside is done by `identity`."""
    token = _current.set(identity)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def acting_for(user_id: UUID) -> Iterator[None]:
    """The system acts on a user's data, with no more rights than that user has: jobs."""
    with acting(replace(_current.get() or SYSTEM, confined=True, user_id=user_id)):
        yield


@contextmanager
def unconfined(actor: str | None = None) -> Iterator[None]:
    """Step out of row-level security, where it isn't known yet who asks, or for tables that belong to nobody.

    Each use is a hole in the wall, so keep the block to the one statement that needs it.
    """
    identity = replace(_current.get() or SYSTEM, confined=False, user_id=None)
    with acting(identity if actor is None else replace(identity, actor=actor)):
        yield


def bind_user(user_id: UUID) -> None:
    """The request turned out to be this user's: from here to its end, and in its log lines."""
    _current.set(replace(_current.get() or SYSTEM, confined=True, user_id=user_id, actor=str(user_id)))
    structlog.contextvars.bind_contextvars(user_id=str(user_id))


def name_actor(user: Any, **kwargs: Any) -> None:
    """`user_logged_in`: somebody signed in to the admin; what follows in this request is theirs."""
    if identity := _current.get():
        _current.set(replace(identity, actor=str(user.pk)))


class IdentityPrefix:
    """The execute wrapper of one connection."""

    def __init__(self) -> None:
        self.bound_in_transaction = False

    def __call__(
        self, execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        prefix = self._prefix(context["connection"].in_atomic_block)
        if prefix is None or str(statement).startswith(CONTROL):
            return execute(statement, params, many, context)
        if many:
            raise NotSupportedError("executemany() can't carry an identity; execute the statements one by one.")
        if not isinstance(statement, str):
            statement = statement.as_string(context["connection"].connection)
        # With parameters psycopg reads % as a placeholder, in the prefix, too.
        head = prefix if params is None else prefix.replace("%", "%%")
        result = execute(head + statement, params, many, context)
        context["cursor"].nextset()
        return result

    def _prefix(self, in_transaction: bool) -> str | None:
        """What `set_config(…, true)` bound lasts as long as the transaction: whoever is next in it is named anew."""
        identity = _current.get()
        if not in_transaction:
            self.bound_in_transaction = False
        elif identity is not None:
            self.bound_in_transaction = True
        elif self.bound_in_transaction:
            return SYSTEM.prefix
        return identity.prefix if identity is not None else None


def install(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """`connection_created`: put the wrapper on a connection, once (the signal comes again at each reconnect)."""
    wrappers = connection.execute_wrappers
    if connection.vendor == "postgresql" and not any(isinstance(each, IdentityPrefix) for each in wrappers):
        wrappers.append(IdentityPrefix())
