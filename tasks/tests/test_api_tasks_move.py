"""POST /api/v1/tasks/{id}/move."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Session, User
from accounts.tokens import issue
from tasks.models import Task
from tasks.services import move_task
from tasks.tests.api import TASKS, assert_foreign_is_missing, errors, queued, refusal


@pytest.fixture
def tasks(owner: User) -> list[Task]:
    """Four, in this order."""
    return [Task.objects.create(owner=owner, title=title) for title in "abcd"]


def order(client: APIClient) -> str:
    return "".join(row["title"] for row in client.get(f"{TASKS}?sort=position&fields=title").json()["results"])


def move(client: APIClient, task: Task, **where: Any) -> Any:
    return client.post(f"{TASKS}/{task.pk}/move", where)


@pytest.mark.parametrize(
    ("moved", "side", "anchor", "expected"),
    [
        (0, "after", 1, "bacd"),
        (0, "after", 3, "bcda"),
        (3, "after", 0, "adbc"),
        (3, "before", 0, "dabc"),
        (0, "before", 3, "bcad"),
        (0, "before", 1, "abcd"),
        (1, "after", 0, "abcd"),
        (2, "after", None, "cabd"),
        (1, "before", None, "acdb"),
    ],
)
def test_api_tasks_move_owner(
    moved: int, side: str, anchor: int | None, expected: str, tasks: list[Task], owner_client: APIClient
) -> None:
    response = move(owner_client, tasks[moved], **{side: None if anchor is None else str(tasks[anchor].pk)})

    assert (response.status_code, response["ETag"], response.json()["version"]) == (200, '"2"', 2)
    assert order(owner_client) == expected
    assert sorted(Task.objects.values_list("version", flat=True)) == [1, 1, 1, 2]


def test_api_tasks_move_takes_two_statements(
    tasks: list[Task], owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # the neighbours, the row
        move(owner_client, tasks[0], after=str(tasks[1].pk))


def test_api_tasks_move_the_only_task_anywhere(task: Task, owner_client: APIClient) -> None:
    assert move(owner_client, task, after=None).status_code == 200
    assert move(owner_client, task, before=None).status_code == 200


def test_api_tasks_move_what_comes_later_stays_behind_what_was_moved_to_the_end(
    tasks: list[Task], owner: User, owner_client: APIClient
) -> None:
    move(owner_client, tasks[0], before=None)
    move(owner_client, tasks[1], after=str(tasks[0].pk))
    Task.objects.create(owner=owner, title="e")

    assert order(owner_client) == "cdabe"


def test_api_tasks_move_peers_tasks_are_not_in_the_way(
    tasks: list[Task], peer: User, owner_client: APIClient, peer_client: APIClient
) -> None:
    its = [Task.objects.create(owner=peer, title=title, position=tasks[0].position) for title in "x"]
    move(owner_client, tasks[3], before=str(tasks[0].pk))

    assert (order(owner_client), order(peer_client)) == ("dabc", "x")
    assert Task.objects.get(pk=its[0].pk).version == 1


def test_api_tasks_move_peer_gets_the_404_of_a_missing_task(tasks: list[Task], peer_client: APIClient) -> None:
    assert_foreign_is_missing(peer_client, "post", f"{TASKS}/{{}}/move", tasks[0].pk, {"after": None})
    assert Task.objects.get(pk=tasks[0].pk).version == 1


def test_api_tasks_move_beside_a_peers_task_is_refused_as_beside_a_missing_one(
    tasks: list[Task], peer: User, peer_client: APIClient
) -> None:
    own = Task.objects.create(owner=peer, title="x")
    for anchor in (tasks[1].pk, uuid4()):
        assert errors(move(peer_client, own, after=str(anchor))) == [("body.after", "does_not_exist")]
    assert Task.objects.get(pk=own.pk).version == 1


def test_api_tasks_move_stranger_gets_401(task: Task, stranger_client: APIClient) -> None:
    assert refusal(move(stranger_client, task, after=None)) == (401, "not_authenticated")


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "body"),
        ({"after": None, "before": None}, "body"),
        ({"after": 1}, "body.after"),
        ({"before": "x"}, "body.before"),
        ({"first": True}, "body.first"),
        ([], "body"),
    ],
)
def test_api_tasks_move_to_no_place_is_refused(body: Any, location: str, task: Task, owner_client: APIClient) -> None:
    response = owner_client.post(f"{TASKS}/{task.pk}/move", body)

    assert [place for place, _ in errors(response)] == [location]


def test_api_tasks_move_beside_itself_or_what_is_in_the_trash_is_refused(
    tasks: list[Task], owner_client: APIClient
) -> None:
    owner_client.delete(f"{TASKS}/{tasks[1].pk}")

    assert errors(move(owner_client, tasks[0], after=str(tasks[0].pk))) == [("body.after", "invalid")]
    assert errors(move(owner_client, tasks[0], after=str(tasks[1].pk))) == [("body.after", "does_not_exist")]
    assert refusal(move(owner_client, tasks[1], after=None)) == (404, "not_found")


def test_api_tasks_move_to_the_front_costs_no_digits(tasks: list[Task], owner: User) -> None:
    for number in range(200):
        move_task(owner_id=owner.pk, pk=tasks[number % 2].pk, side="after", anchor=None)

    assert {len(position) for position in Task.objects.values_list("position", flat=True)} <= {14, 18}


def test_api_tasks_move_where_there_is_no_room_makes_room(tasks: list[Task], owner_client: APIClient) -> None:
    """Positions get a digit longer every four moves to one place."""
    Task.objects.filter(pk=tasks[1].pk).update(position="1" + "0" * 511 + "1")
    Task.objects.filter(pk=tasks[0].pk).update(position="1")

    assert move(owner_client, tasks[3], after=str(tasks[0].pk)).status_code == 200
    assert order(owner_client) == "adbc"
    assert max(len(position) for position in Task.objects.values_list("position", flat=True)) < 30
    assert move(owner_client, tasks[2], before=str(tasks[0].pk)).status_code == 200
    assert order(owner_client) == "cadb"


def test_api_tasks_move_of_another_version_is_412(tasks: list[Task], owner_client: APIClient) -> None:
    response = owner_client.post(f"{TASKS}/{tasks[0].pk}/move", {"before": None}, headers={"If-Match": '"2"'})

    assert refusal(response) == (412, "precondition_failed")
    assert order(owner_client) == "abcd"


@pytest.mark.django_db(transaction=True)
def test_api_tasks_move_two_to_one_place_at_the_same_moment_leaves_one_to_try_again() -> None:
    owner = User.objects.create_user("owner@example.com")
    first, second, third, fourth = (Task.objects.create(owner=owner, title=title) for title in "abcd")
    client = APIClient(headers={"Authorization": f"Bearer {issue(Session.objects.create(owner=owner))['access']}"})

    def hold() -> None:
        move_task(owner_id=owner.pk, pk=third.pk, side="after", anchor=first.pk)

    (response,) = queued(hold, lambda: move(client, fourth, after=str(first.pk)))
    assert refusal(response) == (409, "position_taken")
    assert order(client) == "acbd"
    assert move(client, fourth, after=str(first.pk)).status_code == 200
    assert order(client) == "adcb"
    assert Task.objects.get(pk=second.pk).version == 1


@pytest.mark.parametrize("position", ["", "0", "10", "1G", "A", "0x1", "1\n"])
def test_a_position_of_another_form_is_refused_by_the_database(position: str, task: Task) -> None:
    with pytest.raises(IntegrityError, match="tasks_task_position_form"), transaction.atomic():
        Task.objects.update(position=position)


def test_a_position_that_is_taken_is_refused_by_the_database(tasks: list[Task]) -> None:
    with pytest.raises(IntegrityError, match="tasks_task_position"), transaction.atomic():
        Task.objects.filter(pk=tasks[1].pk).update(position=tasks[0].position)


def test_positions_are_made_in_the_order_of_the_rows(owner: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tasks_task (owner_id, title) SELECT %s, lpad(n::text, 4, '0') FROM generate_series(1, 1000) n",
            [owner.pk],
        )
    titles = list(Task.objects.order_by("position").values_list("title", flat=True))

    assert titles == sorted(titles)


class Moves(TestCase):
    """Any sequence of moves gives the order that a list would have."""

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["after", "before"]), st.integers(0, 6)), max_size=25))
    def test_moves_give_the_order_that_a_list_would_have(self, moves: list[tuple[int, str, int]]) -> None:
        owner = User.objects.create_user("owner@example.com")
        tasks = [Task.objects.create(owner=owner, title=str(number)).pk for number in range(6)]
        expected = list(tasks)
        for number, side, place in moves:
            moved, anchor = tasks[number], (tasks[place] if place < 6 else None)
            if moved == anchor:
                continue
            expected.remove(moved)
            end = 0 if side == "after" else len(expected)
            expected.insert(end if anchor is None else expected.index(anchor) + (side == "after"), moved)
            move_task(owner_id=owner.pk, pk=moved, side=side, anchor=anchor)

        assert list(Task.objects.order_by("position").values_list("pk", flat=True)) == expected
