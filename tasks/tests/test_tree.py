"""Subtasks: below a task of one's own that is there, in no circle, at most five deep; whoever else is at it, too."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import MAX_DEPTH, Task
from tasks.tests.api import TASKS, at_once, errors, queued, refusal

MISSING = "01890a5d-ac96-774b-bcce-b302099a8057"
CIRCLE, TRASHED, DEEP = (
    "A task can't stand below itself.",
    "The task above it is in the trash.",
    "Tasks stand at most 5 deep.",
)


def chain(owner: User, length: int, name: str = "") -> list[Task]:
    """Tasks each below the one before."""
    tasks: list[Task] = []
    for number in range(length):
        parent = tasks[-1] if tasks else None
        tasks.append(Task.objects.create(owner=owner, title=f"{name}{number}", parent=parent))
    return tasks


def put_below(client: APIClient, task: Task, parent: Task | None) -> Any:
    return client.patch(f"{TASKS}/{task.pk}", {"parent": parent and str(parent.pk)})


def lock_trees(owner: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tasks_lock_tree(%s)", [owner.pk])


def message(response: Any) -> str:
    assert errors(response) == [("body.parent", "invalid")]
    return str(response.json()["errors"][0]["message"])


@pytest.mark.django_db(transaction=True)
def test_a_foreign_parent_is_refused_as_one_that_is_missing(task: Task, peer: User, peer_client: APIClient) -> None:
    mine = Task.objects.create(owner=peer, title="Mine")
    for verb, address in (("post", TASKS), ("put", f"{TASKS}/{mine.pk}"), ("patch", f"{TASKS}/{mine.pk}")):
        foreign, missing = (
            getattr(peer_client, verb)(address, {"title": "x", "parent": str(pk)}, headers={"X-Request-ID": "the-same"})
            for pk in (task.pk, MISSING)
        )

        assert errors(foreign) == [("body.parent", "does_not_exist")]
        assert (foreign.content, foreign.headers.items()) == (missing.content, missing.headers.items())
    assert not Task.objects.filter(parent=task).exists()


@pytest.mark.django_db(transaction=True)
def test_the_sixth_level_is_refused(owner: User, owner_client: APIClient) -> None:
    lowest = chain(owner, MAX_DEPTH)[-1]

    assert message(owner_client.post(TASKS, {"title": "x", "parent": str(lowest.pk)})) == DEEP
    assert message(put_below(owner_client, Task.objects.create(owner=owner, title="x"), lowest)) == DEEP


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("height", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("fits", [True, False])
def test_what_is_below_a_task_counts_when_it_is_moved(
    height: int, fits: bool, owner: User, owner_client: APIClient
) -> None:
    moved = chain(owner, height, "moved ")[0]
    above = chain(owner, MAX_DEPTH - height + (not fits), "above ")

    response = put_below(owner_client, moved, above[-1] if above else None)

    if fits:
        assert response.status_code == 200
    else:
        assert message(response) == DEEP
        assert Task.objects.get(pk=moved.pk).parent_id is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("below", range(MAX_DEPTH))
def test_a_task_is_not_put_below_itself_at_any_distance(below: int, owner: User, owner_client: APIClient) -> None:
    tasks = chain(owner, MAX_DEPTH)

    assert message(put_below(owner_client, tasks[0], tasks[below])) == CIRCLE
    assert Task.objects.get(pk=tasks[0].pk).parent_id is None


@pytest.mark.django_db(transaction=True)
def test_a_parent_in_the_trash_is_refused(task: Task, owner_client: APIClient) -> None:
    other = Task.objects.create(owner=task.owner, title="Other")
    owner_client.delete(f"{TASKS}/{task.pk}")

    assert message(owner_client.post(TASKS, {"title": "x", "parent": str(task.pk)})) == TRASHED
    assert message(put_below(owner_client, other, task)) == TRASHED


def levels(parents: dict[int, int | None], number: int) -> list[int]:
    """A task and all above it, as far as there is no circle."""
    line = [number]
    while (above := parents[line[-1]]) is not None and above not in line:
        line.append(above)
    return line


def fits(parents: dict[int, int | None]) -> bool:
    """Whether these are trees, and none is too deep."""
    lines = [levels(parents, number) for number in parents]
    return all(parents[line[-1]] is None and len(line) <= MAX_DEPTH for line in lines)


SIZE = 8
MOVES = st.lists(st.tuples(st.integers(0, SIZE - 1), st.none() | st.integers(0, SIZE - 1)), max_size=25)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_any_moves_leave_what_a_model_of_trees_allows(owner: User, moves: list[tuple[int, int | None]]) -> None:
    Task.objects.all().delete()
    keys = [uuid4() for _ in range(SIZE)]
    Task.objects.bulk_create(Task(pk=pk, owner=owner, title="x") for pk in keys)
    parents: dict[int, int | None] = dict.fromkeys(range(SIZE))
    for number, parent in moves:
        after = parents | {number: parent}
        rows = Task.objects.filter(pk=keys[number])
        if fits(after):
            rows.update(parent=None if parent is None else keys[parent])
            parents = after
        else:
            with pytest.raises(IntegrityError), transaction.atomic():
                rows.update(parent=None if parent is None else keys[parent])

    stored = dict(Task.objects.values_list("pk", "parent_id"))
    assert stored == {keys[number]: None if above is None else keys[above] for number, above in parents.items()}


@pytest.mark.django_db(transaction=True)
def test_two_tasks_put_below_each_other_at_once_make_no_circle(owner: User, owner_client: APIClient) -> None:
    one, other = chain(owner, 1)[0], chain(owner, 1)[0]

    answers = queued(
        lambda: lock_trees(owner),
        lambda: put_below(owner_client, one, other),
        lambda: put_below(owner_client, other, one),
    )

    assert answers[0].status_code == 200
    assert message(answers[1]) == CIRCLE
    assert {task.parent_id for task in Task.objects.all()} == {None, other.pk}


@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_that_are_too_deep_together_are_not_both_made(owner: User, owner_client: APIClient) -> None:
    top, middle, bottom = chain(owner, 3), chain(owner, 2), chain(owner, 1)

    answers = queued(
        lambda: lock_trees(owner),
        lambda: put_below(owner_client, bottom[0], middle[-1]),
        lambda: put_below(owner_client, middle[0], top[-1]),
    )

    assert answers[0].status_code == 200
    assert message(answers[1]) == DEEP


@pytest.mark.django_db(transaction=True)
def test_a_subtask_made_while_its_task_is_trashed_is_refused(task: Task, owner_client: APIClient) -> None:
    trash, create = queued(
        lambda: lock_trees(task.owner),
        lambda: owner_client.delete(f"{TASKS}/{task.pk}"),
        lambda: owner_client.post(TASKS, {"title": "x", "parent": str(task.pk)}),
    )

    assert trash.status_code == 204
    assert message(create) == TRASHED


@pytest.mark.django_db(transaction=True)
def test_a_task_trashed_while_it_gets_a_subtask_takes_that_along(task: Task, owner_client: APIClient) -> None:
    create, trash = queued(
        lambda: lock_trees(task.owner),
        lambda: owner_client.post(TASKS, {"title": "x", "parent": str(task.pk)}),
        lambda: owner_client.delete(f"{TASKS}/{task.pk}"),
    )

    assert (create.status_code, trash.status_code) == (201, 204)
    assert not Task.objects.filter(trashed_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_a_subtask_moved_while_its_task_is_trashed_waits_and_is_gone(owner: User, owner_client: APIClient) -> None:
    """If it took its row before the lock of the trees, the two would wait for each other: a deadlock."""
    top, subtask = chain(owner, 2)

    trash, move = queued(
        lambda: lock_trees(owner),
        lambda: owner_client.delete(f"{TASKS}/{top.pk}"),
        lambda: put_below(owner_client, subtask, None),
    )

    assert trash.status_code == 204
    assert refusal(move) == (404, "not_found")
    subtask.refresh_from_db()
    assert (subtask.parent_id, bool(subtask.trashed_at)) == (top.pk, True)


@pytest.mark.django_db(transaction=True)
def test_a_subtask_put_by_its_external_id_while_its_task_is_trashed_waits_too(
    owner: User, owner_client: APIClient
) -> None:
    top = chain(owner, 1)[0]
    Task.objects.create(owner=owner, title="x", parent=top, external_source="tracker", external_id="1")

    trash, put = queued(
        lambda: lock_trees(owner),
        lambda: owner_client.delete(f"{TASKS}/{top.pk}"),
        lambda: owner_client.put(f"{TASKS}/external/tracker/1", {"title": "y"}),
    )

    assert trash.status_code == 204
    assert refusal(put) == (409, "in_trash")


@pytest.mark.django_db(transaction=True)
def test_another_owners_moves_do_not_wait(owner: User, peer: User, peer_client: APIClient) -> None:
    one, other = chain(peer, 1)[0], chain(peer, 1)[0]

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        lock_trees(owner)
        move = pool.submit(at_once, lambda: put_below(peer_client, one, other))
        assert [answer.status_code for answer in move.result(timeout=10)] == [200]
