"""What the database refuses, and what it does by itself."""

from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from tasks.models import Task


@pytest.mark.parametrize("title", ["", " ", " x", "x\t", "\nx"])
def test_a_title_that_is_not_trimmed_is_refused(title: str, owner: User) -> None:
    with pytest.raises(IntegrityError, match="tasks_task_title_trimmed"):
        Task.objects.create(owner=owner, title=title)


def test_a_description_that_is_too_long_is_refused(owner: User) -> None:
    with pytest.raises(IntegrityError, match="tasks_task_description_length"):
        Task.objects.create(owner=owner, title="x", description="x" * 100_001)


@pytest.mark.django_db
def test_a_task_without_owner_is_refused() -> None:
    with pytest.raises(IntegrityError, match="owner_id"), transaction.atomic():
        Task.objects.create(title="x")
    with pytest.raises(IntegrityError, match="owner_id"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO tasks_task (title, description, completed) VALUES ('x', '', false)")


def test_the_database_keeps_updated_at_in_bulk_and_raw_sql(owner: User) -> None:
    task = Task.objects.create(owner=owner, title="x")
    stamps = [task.updated_at]
    Task.objects.update(title="y")
    stamps.append(Task.objects.get().updated_at)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tasks_task SET title = 'z', updated_at = '2000-01-01'")
    stamps.append(Task.objects.get().updated_at)

    assert stamps == sorted(set(stamps))
    assert str(task) == "x"


@pytest.mark.django_db(transaction=True)
def test_simultaneous_toggles_are_all_counted() -> None:
    owner = User.objects.create_user("owner@example.com")
    task = Task.objects.create(owner=owner, title="x")
    barrier = Barrier(4)

    def toggle_often() -> None:
        barrier.wait()
        for _ in range(5):
            Task.objects.filter(pk=task.pk).toggle()
        connection.close()

    threads = [Thread(target=toggle_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Task.objects.filter(pk=task.pk).toggle()

    task.refresh_from_db()
    assert task.completed is True
