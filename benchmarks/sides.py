"""The product and its peer: how each is served, for whom, and how to count what it put on record."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from sqlalchemy import create_engine
from sqlmodel import Session, SQLModel, func, select

from accounts.models import Session as SignIn
from accounts.models import User
from accounts.tokens import issue
from audit.models import Event
from benchmarks.instance import WORKERS, free_port
from benchmarks.peers.fastapi_sqlmodel.models import AuditEvent
from benchmarks.peers.fastapi_sqlmodel.models import User as PeerUser
from benchmarks.peers.fastapi_sqlmodel.security import create_access_token
from benchmarks.peers.fastapi_sqlmodel.settings import DATABASE
from benchmarks.peers.fastapi_sqlmodel.settings import settings as peer_settings
from benchmarks.servers import GUNICORN, uvicorn


class Side(NamedTuple):
    """One of the two.

    tokens: one for each of its users. page: what a list's answer calls its items. events: counts the audit events.
    """

    name: str
    command: Sequence[str]
    port: int
    tokens: Sequence[str]
    page: str
    events: Callable[[], int]


def ours(users: int) -> Side:
    """As the Procfile starts it, with so many users, each signed in."""
    owners = [User.objects.create_user(_email(number)) for number in range(users)]
    tokens = [str(issue(SignIn.objects.create(owner=owner))["access"]) for owner in owners]
    return Side("ours", GUNICORN, settings.PORT, tokens, "results", Event.objects.filter(object_type="task").count)


def peer(users: int) -> Side:
    """The same of the peer, in a new database on the same server."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    engine = create_engine(peer_settings.database.set(drivername="postgresql+psycopg"))
    SQLModel.metadata.create_all(engine)
    with Session(engine, expire_on_commit=False) as session:
        owners = [PeerUser(email=_email(number), hashed_password="") for number in range(users)]
        session.add_all(owners)
        session.commit()

    def events() -> int:
        with Session(engine) as session:
            return session.exec(select(func.count()).select_from(AuditEvent)).one()

    port = free_port()
    command = uvicorn("benchmarks.peers.fastapi_sqlmodel.main:app", port, WORKERS)
    return Side("the peer", command, port, [create_access_token(owner.id) for owner in owners], "data", events)


def _email(number: int) -> str:
    return f"user-{number}@example.com"
