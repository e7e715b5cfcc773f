"""Fixtures of the whole suite: the three people, and a database that keeps its record."""

from collections.abc import Callable, Iterator

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations
from rest_framework.test import APIClient

from accounts.models import Session, User
from accounts.tokens import issue

SignIn = Callable[[User], APIClient]


@pytest.fixture(autouse=True, scope="session")
def _append_only_tables_survive_the_flush() -> Iterator[None]:
    """Between transactional tests Django truncates all tables; the record refuses that, as it should."""
    patch = pytest.MonkeyPatch()
    original = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, style: object, tables: list[str], **options: bool) -> list[str]:
        return original(self, style, [table for table in tables if table != "audit_event"], **options)

    patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
    yield
    patch.undo()


@pytest.fixture
def sign_in() -> SignIn:
    """A client that carries the user's access token."""

    def client_of(user: User) -> APIClient:
        client = APIClient()
        tokens = issue(Session.objects.create(owner=user))
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
        return client

    return client_of


@pytest.fixture
def owner(db: None) -> User:
    """The user whose things are at stake."""
    return User.objects.create_user("owner@example.com", "correct horse battery")


@pytest.fixture
def peer(db: None) -> User:
    """Another user, signed in, who has no business here."""
    return User.objects.create_user("peer@example.com", "correct horse battery")


@pytest.fixture
def owner_client(owner: User, sign_in: SignIn) -> APIClient:
    """The owner's client."""
    return sign_in(owner)


@pytest.fixture
def peer_client(peer: User, sign_in: SignIn) -> APIClient:
    """The peer's client."""
    return sign_in(peer)


@pytest.fixture
def stranger_client(db: None) -> APIClient:
    """Nobody is signed in here."""
    return APIClient()
