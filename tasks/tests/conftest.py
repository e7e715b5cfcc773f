"""Tasks and labels to test with."""

import pytest

from accounts.models import User
from tasks.models import Label, Task


@pytest.fixture
def task(owner: User) -> Task:
    """A task of the owner's."""
    return Task.objects.create(owner=owner, title="Water the plants", description="All of them.")


@pytest.fixture
def label(owner: User) -> Label:
    """A label of the owner's."""
    return Label.objects.create(owner=owner, name="Home")
