"""Fixtures of the whole suite: the three people, and a database that keeps its record."""

from collections.abc import Callable, Iterator

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Session, User
from accounts.tokens import issue

SignIn = Callable[[User], APIClient]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes many minutes runs only if it is asked for: `-m exhaustive`."""
    if "exhaustive" not in config.option.markexpr:
        asked = [item for item in items if not item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=[item for item in items if item not in asked])
        items[:] = asked


# procrastinate's models are unmanaged, which Django passes over.
EMPTY_QUEUE = "TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE;"
# What nobody can do to the record but its tables' owner, who can do everything: empty it.
EMPTY_RECORD = """
DO $$
DECLARE
    guarded regclass[] := ARRAY(SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'audit_append_only');
    each regclass;
BEGIN
    FOREACH each IN ARRAY guarded LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER audit_append_only', each);
    END LOOP;
    TRUNCATE audit_event, audit_leaf, audit_node, audit_checkpoint, audit_purge, audit_saltkey;
    FOREACH each IN ARRAY guarded LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_append_only', each);
    END LOOP;
END $$;
"""


@pytest.fixture(autouse=True, scope="session")
def _record_is_emptied_with_the_rest() -> Iterator[None]:
    """Between transactional tests Django truncates all tables, which the record puts on record and refuses."""
    patch = pytest.MonkeyPatch()
    original = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, style: object, tables: list[str], **options: bool) -> list[str]:
        others = [table for table in tables if not table.startswith("audit_")]
        return [*original(self, style, others, **options), EMPTY_QUEUE, EMPTY_RECORD]

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


@pytest.fixture
def staff(db: None) -> User:
    """Somebody who may do everything in the admin."""
    return User.objects.create_superuser("staff@example.com", "correct horse battery")


@pytest.fixture
def staff_client(staff: User, sign_in: SignIn) -> APIClient:
    """A staff member's client of the API."""
    return sign_in(staff)


@pytest.fixture
def staff_browser(staff: User, client: Client) -> Client:
    """A staff member's browser, signed in to the admin."""
    client.force_login(staff)
    return client
