"""A record with a history."""

from collections.abc import Iterator

import pytest

from accounts.models import User
from audit.sealing import seal
from audit.tests.tampering import only_months_to_come
from tasks.models import Task

SEALS = 3
TASKS = 5
# The user's own creation is the first leaf.
SIZE = 1 + SEALS * TASKS


@pytest.fixture
def history(transactional_db: None) -> Iterator[User]:
    """Of this user's five tasks each, sealed in three sealings: at 6, 11 and 16 leaves."""
    owner = User.objects.create_user("owner@example.com")
    for _ in range(SEALS):
        Task.objects.bulk_create(Task(owner=owner, title="A title") for _ in range(TASKS))
        seal()
    yield owner
    only_months_to_come()
