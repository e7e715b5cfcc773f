"""What the database keeps of changes, whoever writes, and however."""

from uuid import uuid4

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from resources.models import Deletion
from resources.tests.feed import everything, titles, told_of
from tasks.models import Label, Task

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_deletion_is_of_its_owner_and_goes_with_them(owner: User, peer: User) -> None:
    """The same id can have been two people's, one after the other."""
    pk = uuid4()
    for each in (owner, peer):
        Label.objects.create(pk=pk, owner=each, name="x")
        Label.objects.all().delete()
    assert Deletion.objects.count() == 2

    owner.delete()

    assert Deletion.objects.get().owner_id == peer.pk


def test_what_comes_back_under_its_old_id_is_there(owner: User, owner_client: APIClient) -> None:
    task = Task.objects.create(owner=owner, title="a")
    cursor = everything(owner_client)[1]
    Task.objects.all().delete()
    Task.objects.create(pk=task.pk, owner=owner, title="a")

    assert told_of(owner_client, cursor)[-1] == ("task", str(task.pk), False, 1)


def test_an_inserted_row_was_changed_in_this_transaction_whatever_it_says(owner: User, owner_client: APIClient) -> None:
    """As fixtures and partial restores have it."""
    cursor = everything(owner_client)[1]
    with connection.cursor() as database:
        database.execute("INSERT INTO tasks_task (owner_id, title, changed_in) VALUES (%s, 'x', '7')", [owner.pk])

    assert titles(owner_client, cursor=cursor) == ["x"]
