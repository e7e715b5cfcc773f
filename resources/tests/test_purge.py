"""The trash is emptied after 30 days and answers are forgotten after one, by the worker."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from django.db import connection, connections
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from audit.tests.tampering import another_connection
from config.management.commands import worker
from resources import purge as purge_module
from resources.models import IdempotencyKey
from resources.purge import purge
from resources.tests.feed import everything, told_of
from tasks.models import Task

Result = TypeVar("Result")
DUE, NOT_YET = (datetime.now(UTC) - timedelta(days=days) for days in (31, 29))


def trashed(owner: User, title: str, moment: datetime = DUE, **fields: Any) -> Task:
    return Task.objects.create(owner=owner, title=title, trashed_at=moment, **fields)


def in_a_thread(work: Callable[[], Result]) -> Result:
    """The same, on a connection that doesn't outlive it."""
    try:
        return work()
    finally:
        connections.close_all()


def titles() -> list[str]:
    return sorted(Task.objects.values_list("title", flat=True))


@pytest.fixture
def left(owner: User, peer: User) -> list[str]:
    """What a purge leaves, of much that it doesn't."""
    Task.objects.create(owner=owner, title="live")
    trashed(owner, "younger", NOT_YET)
    for number in range(5):
        trashed(owner, f"due {number}")
    trashed(peer, "due, too")
    return ["live", "younger"]


@pytest.mark.django_db
def test_what_was_in_the_trash_for_30_days_is_deleted_for_everybody(left: list[str]) -> None:
    assert purge()["tasks"] == 6

    assert titles() == left
    assert purge()["tasks"] == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 6, 7])
@pytest.mark.django_db
def test_however_small_the_batches_all_is_deleted(batch: int, left: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_module, "BATCH", batch)

    assert purge()["tasks"] == 6
    assert titles() == left


@pytest.mark.django_db
def test_a_batch_is_two_statements(left: list[str], django_assert_num_queries: DjangoAssertNumQueries) -> None:
    # Tasks, no more tasks, no documents, no keys; and a savepoint for each.
    with django_assert_num_queries(2 + 1 + 1 + 1 + 2 * 4):
        purge()


@pytest.mark.django_db
def test_the_system_is_on_record_for_it(owner: User) -> None:
    pk = trashed(owner, "due").pk

    purge()

    event = Event.objects.order_by("-id")[0]
    assert (event.action, event.object_id, event.owner_id) == ("task.deleted", str(pk), owner.pk)
    assert event.actor.startswith("system:")


@pytest.mark.django_db
def test_subtasks_go_with_what_they_are_below(owner: User) -> None:
    task = Task.objects.create(owner=owner, title="1")
    below = Task.objects.create(owner=owner, title="2", parent=task)
    Task.objects.create(owner=owner, title="3", parent=below)
    Task.objects.filter(pk=task.pk).update(trashed_at=DUE)

    assert purge()["tasks"] == 3
    assert titles() == []


@pytest.mark.django_db
def test_a_subtask_that_was_thrown_away_earlier_goes_earlier(owner: User) -> None:
    task = Task.objects.create(owner=owner, title="above")
    below = Task.objects.create(owner=owner, title="below", parent=task)
    Task.objects.filter(pk=below.pk).update(trashed_at=DUE)
    Task.objects.filter(pk=task.pk).update(trashed_at=NOT_YET)

    assert purge()["tasks"] == 1
    assert titles() == ["above"]


@pytest.mark.django_db
def test_a_subtask_that_was_thrown_away_later_keeps_what_it_is_below(owner: User) -> None:
    """By deleting that one it would be lost before its time."""
    task = trashed(owner, "1")
    below = trashed(owner, "2", parent=task)
    last = trashed(owner, "3", NOT_YET, parent=below)
    trashed(owner, "beside")

    assert purge()["tasks"] == 1
    assert titles() == ["1", "2", "3"]

    Task.objects.filter(pk=last.pk).update(trashed_at=DUE)
    assert purge()["tasks"] == 3
    assert titles() == []


@pytest.fixture
def impatient(transactional_db: None) -> Iterator[None]:
    """Who would wait for a lock fails instead."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '3s'")
        yield
        cursor.execute("RESET lock_timeout")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("change", ["trashed_at = NULL", "title = 'due'"])
def test_what_somebody_has_in_hand_is_left_to_the_next_time(change: str, owner: User) -> None:
    trashed(owner, "due")
    with another_connection() as other:
        other.execute(f"UPDATE tasks_task SET {change}")
        assert purge()["tasks"] == 0

    # What was restored stays.
    assert purge()["tasks"] == (0 if "NULL" in change else 1)


@pytest.mark.django_db(transaction=True)
def test_two_purges_at_once_delete_everything_once(
    left: list[str], owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge_module, "BATCH", 1)
    for number in range(20):
        trashed(owner, str(number))

    with ThreadPoolExecutor(2) as pool:
        deleted = [each.result()["tasks"] for each in [pool.submit(in_a_thread, purge) for _ in range(2)]]

    assert sum(deleted) + purge()["tasks"] == 26
    assert titles() == left


@pytest.mark.django_db
def test_answers_are_forgotten_after_a_day(owner: User) -> None:
    now = datetime.now(UTC)
    for hours in (23, 25):
        IdempotencyKey.objects.create(
            owner=owner, key=str(hours), fingerprint=b"", status=201, headers={}, body=b"",
            created_at=now - timedelta(hours=hours),
        )  # fmt: skip

    assert purge()["idempotency_keys"] == 1
    assert IdempotencyKey.objects.get().key == "23"


@pytest.mark.django_db(transaction=True)
def test_who_keeps_a_copy_is_told(owner: User, owner_client: APIClient) -> None:
    pk = trashed(owner, "due").pk
    cursor = everything(owner_client)[1]

    purge()

    assert told_of(owner_client, cursor) == [("task", str(pk), True, None)]


def test_the_worker_empties_the_trash_each_hour(left: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.connections, "close_all", lambda: None)
    before = Task.objects.count()
    worker.keep_record(rarely=False)
    assert Task.objects.count() == before
    worker.keep_record(rarely=True)
    assert Task.objects.count() < before
