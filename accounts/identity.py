"""Who a statement is made for, told to PostgreSQL in the statement's own message.

Each statement of a request is preceded by `SELECT set_config(…, true)`, in one simple-protocol message: no extra
round trip, and outside `atomic()` one implicit transaction, so that nothing stays on the connection afterwards. The
settings bind the role `daybook_app`, which owns nothing and sees through row-level security only. See ADR 0004.

The same SELECT asks whether the session that the request came with still counts, so that asking costs no statement
of its own. See ADR 0019.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self
from uuid import UUID
from weakref import WeakSet

import psycopg
import structlog
from django.db import NotSupportedError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import Cursor
from django.http import HttpRequest
from psycopg import ClientCursor, sql
from psycopg.pq import TransactionStatus
from rest_framework.exceptions import AuthenticationFailed

ROLE = "daybook_app"
# Reads the whole record, and nothing else.
AUDITOR_ROLE = "daybook_auditor"
# What `accounts_prove_session()` raises.
SESSION_ENDED = "SE401"

# A text that needs nothing but quotes around it to be an SQL literal, whatever the settings.
PLAIN = re.compile(r"[A-Za-z0-9 ._:;,()/+-]*")

# Fail in an aborted transaction with something before them, and need no identity: they touch no row.
CONTROL = re.compile(r'(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) "\w+"')


@dataclass
class Proof:
    """That a request's session counts: owed by its first statement, and given when that statement has succeeded."""

    session_id: UUID
    owner_id: UUID
    given: bool = False


class SessionEnded(AuthenticationFailed):
    """The request's session was ended, or has expired, or its user was deactivated or deleted."""

    default_detail = "This session has ended."
    default_code = "session_ended"


@dataclass(frozen=True)
class Identity:
    """What the database is told of who acts.

    confined: run as `role`, behind row-level security. Otherwise as the tables' owner: staff, commands.
    user_id: whose rows a confined statement can touch; None for nobody's.
    actor: who is put on record: a user's id, `anonymous`, or `system:<command>` if empty.
    proof: what the request's first statement has to show, whatever the other members are then.
    """

    confined: bool
    user_id: UUID | None = None
    actor: str = ""
    request_id: str = ""
    address: str = ""
    user_agent: str = ""
    role: str = ROLE
    proof: Proof | None = None

    @cached_property
    def prefix(self) -> str:
        """The SQL that binds this identity until the end of the transaction."""
        values = {
            "role": self.role if self.confined else "none",
            "daybook.user_id": "" if self.user_id is None else str(self.user_id),
            "daybook.actor": self.actor,
            "daybook.request_id": self.request_id,
            "daybook.address": self.address,
            "daybook.user_agent": self.user_agent,
        }
        calls = [f"set_config('{name}', {_literal(value)}, true)" for name, value in values.items()]
        return f"SELECT {', '.join(calls)}; "

    @property
    def owed(self) -> Proof | None:
        """The proof that is still to be given."""
        return None if self.proof is None or self.proof.given else self.proof


def _literal(value: str) -> str:
    return f"'{value}'" if PLAIN.fullmatch(value) else sql.Literal(value).as_string()


SYSTEM = Identity(confined=False)
NOBODY = Identity(confined=True, actor="anonymous")

_current: ContextVar[Identity | None] = ContextVar("identity", default=None)
_default: Identity | None = None


def current() -> Identity | None:
    """Who acts now. None for a program of ours that says nothing else: commands, the worker."""
    return _current.get() or _default


def confine_process() -> None:
    """In a web server nobody is nobody: a thread that a request starts without its context finds no rows."""
    global _default
    _default = NOBODY


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
    with acting(replace(current() or SYSTEM, confined=True, user_id=user_id)):
        yield


@contextmanager
def unconfined() -> Iterator[None]:
    """Step out of row-level security, where it isn't known yet who asks, or for tables that belong to nobody.

    Each use is a hole in the wall, so keep the block to the one statement that needs it.
    """
    with acting(replace(current() or SYSTEM, confined=False, user_id=None)):
        yield


def bind_user(user_id: UUID, *, session_id: UUID | None = None) -> None:
    """The request turned out to be this user's: from here to its end, and in its log lines.

    If it came with a session, its next statement raises `SessionEnded` unless that counts.
    """
    proof = Proof(session_id, user_id) if session_id else None
    _current.set(replace(current() or SYSTEM, confined=True, user_id=user_id, actor=str(user_id), proof=proof))
    structlog.contextvars.bind_contextvars(user_id=str(user_id))


def prove_session() -> None:
    """Raise `SessionEnded` if the request's session doesn't count. No statement if one has shown that it does."""
    identity = current()
    if identity is not None and identity.owed:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")


@contextmanager
def without_session() -> Iterator[None]:
    """Who acts does so without a session: what is put on record of a request is written however that stands."""
    with acting(replace(current() or SYSTEM, proof=None)):
        yield


def become_auditor() -> None:
    """The request is a staff member's and about the record: from here to its end it reads that, and nothing else."""
    _current.set(replace(current() or NOBODY, confined=True, role=AUDITOR_ROLE))


def become_staff(request: HttpRequest) -> None:
    """The request is the admin's: to its end it acts as the tables' owner, in the name of whoever is signed in."""
    _current.set(replace(current() or SYSTEM, confined=False))
    if request.user.is_authenticated:
        name_actor(request.user)


def name_actor(user: Any, **kwargs: Any) -> None:
    """`user_logged_in`: somebody signed in to the admin; what follows in this request is theirs."""
    if identity := current():
        _current.set(replace(identity, actor=str(user.pk)))
        structlog.contextvars.bind_contextvars(user_id=str(user.pk))


# psycopg's class is among the bases of Django's, but not in Django's stubs.
class IdentityCursor(Cursor, ClientCursor[Any]):
    """Django's cursor, whose every statement carries the identity, however it is called."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Send the identity and the statement in one message, and step over the identity's result."""
        text = query if isinstance(query, str) else query.as_string(self.connection)
        identity = None if CONTROL.fullmatch(text) else self._identity()
        if identity is None:
            return super().execute(query, params, **options)
        # The parameters go in first: psycopg remembers how a statement is split at them, and each prefix is another.
        statement = text if params is None else self.mogrify(text, params)
        if identity.owed:
            self._prove(identity.owed, identity.prefix, statement, **options)
        else:
            super().execute(identity.prefix + statement, **options)
        self.nextset()
        return self

    def _prove(self, proof: Proof, prefix: str, statement: str, **options: Any) -> None:
        """The same with one more call in the prefix. If that raises, the statement isn't begun."""
        call = f"accounts_prove_session('{proof.session_id}', '{proof.owner_id}')"
        try:
            super().execute(f"{prefix.removesuffix('; ')}, {call}; {statement}", **options)
        except psycopg.Error as exc:
            if exc.sqlstate == SESSION_ENDED:
                raise SessionEnded from exc
            # A violation is the statement's own: the prefix was through.
            proof.given = isinstance(exc, psycopg.IntegrityError)
            raise
        proof.given = True

    def _identity(self) -> Identity | None:
        """What `set_config(…, true)` bound lasts as long as the transaction: whoever is next in it is named anew."""
        identity = current()
        begun = self.connection.info.transaction_status != TransactionStatus.IDLE
        if identity is not None:
            if begun or not self.connection.autocommit:
                _bound.add(self.connection)
            return identity
        if begun and self.connection in _bound:
            return SYSTEM
        _bound.discard(self.connection)
        return None

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        """Refused while somebody acts: each of its statements would need the prefix."""
        self._refuse("executemany()")
        super().executemany(*args, **kwargs)

    def copy(self, *args: Any, **kwargs: Any) -> Any:
        """Refused while somebody acts: COPY can't be one of two statements in a message."""
        self._refuse("copy()")
        return super().copy(*args, **kwargs)

    def stream(self, *args: Any, **kwargs: Any) -> Any:
        """Refused while somebody acts: it uses the extended protocol, one statement a message."""
        self._refuse("stream()")
        return super().stream(*args, **kwargs)

    def _refuse(self, what: str) -> None:
        if current() is not None:
            raise NotSupportedError(f"{what} can't carry an identity; use execute().")


# The connections in whose present transaction an identity was bound.
_bound: WeakSet[Any] = WeakSet()


def install(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """`connection_created`: from here on the connection's cursors carry the identity."""
    connection.connection.cursor_factory = IdentityCursor
