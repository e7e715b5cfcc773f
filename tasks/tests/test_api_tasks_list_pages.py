"""GET /api/v1/tasks: the pages under each sort, and their cursors."""

import json
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Task
from tasks.tests.api import TASKS, errors, everything

# Each by the column of its name, where that is equal by the id.
COLUMNS = ("created_at", "updated_at", "due", "priority", "position", "title")
SORTS = [f"{sign}{name}" for name in COLUMNS for sign in ("", "-")]
NOON = datetime(2026, 1, 1, 12, 0, 0, 1, UTC)
TITLES = ["b", "B", "a", "ä", "Z", "z", "a b", "ab", "é", "e\u0301", "ß", "文", "🙂", '"', "\\", "a" * 255]


def make(owner: User, count: int, seed: int = 7) -> None:
    """Tasks many of which are equal by one order or another."""
    random = Random(seed)
    dues = [{}, {"due_at": NOON}, *({"due_on": date(2026, 1, day)} for day in (1, 2, 3))]
    Task.objects.bulk_create(
        Task(owner=owner, title=random.choice(TITLES), priority=random.randint(0, 2), **random.choice(dues))
        for _ in range(count)
    )
    for pk in random.sample(list(Task.objects.filter(owner=owner).values_list("pk", flat=True)), count // 3):
        Task.objects.filter(pk=pk).update(completed=True)


def ordered(sort: str) -> list[str]:
    """The ids of the live tasks, as an ORDER BY of all of them gives them."""
    columns = [sort, "-id" if sort.startswith("-") else "id"]
    return [str(pk) for pk in Task.objects.filter(trashed_at=None).order_by(*columns).values_list("pk", flat=True)]


@pytest.mark.parametrize("sort", SORTS)
def test_api_tasks_list_pages_of_any_size_are_the_sorted_whole(sort: str, owner: User, owner_client: APIClient) -> None:
    make(owner, 23)
    whole = ordered(sort)

    for limit in (1, 2, 7, 22, 23, 24, 100):
        pages = everything(owner_client, TASKS, sort=sort, limit=str(limit), fields="id")
        assert [task["id"] for task in pages] == whole


def test_api_tasks_list_newest_come_first_by_default(owner: User, owner_client: APIClient) -> None:
    make(owner, 60)

    page = owner_client.get(TASKS).json()

    assert [task["id"] for task in page["results"]] == ordered("-created_at")[:50]
    rest = owner_client.get(TASKS, {"cursor": page["next"], "sort": "-created_at"}).json()
    assert ([task["id"] for task in rest["results"]], rest["next"]) == (ordered("-created_at")[50:], None)


def test_api_tasks_list_a_task_is_as_old_as_it_says(task: Task, owner_client: APIClient) -> None:
    """An import brings the moment along."""
    older = Task.objects.create(owner=task.owner, title="Older", created_at=NOON)

    assert [each["id"] for each in owner_client.get(TASKS).json()["results"]] == [str(task.pk), str(older.pk)]


CHANGES: list[Callable[[User, Task], object]] = [
    lambda owner, task: Task.objects.create(owner=owner, title=task.title, due_on=task.due_on),
    lambda owner, task: Task.objects.create(owner=owner, title="A", priority=2, due_at=NOON),
    lambda owner, task: task.delete(),
    lambda owner, task: Task.objects.filter(pk=task.pk).update(trashed_at=NOON),
    lambda owner, task: Task.objects.filter(pk=task.pk).update(title="M", priority=1, due_at=None, due_on=None),
]
STEPS = st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 99)), max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sort=st.sampled_from(SORTS), limit=st.integers(1, 5), steps=st.lists(STEPS, max_size=6))
def test_api_tasks_list_what_is_not_changed_meanwhile_comes_exactly_once_and_in_order(
    sort: str,
    limit: int,
    steps: list[list[tuple[Callable[[User, Task], object], int]]],
    owner: User,
    owner_client: APIClient,
) -> None:
    Task.objects.all().delete()
    make(owner, 14)
    before = dict(Task.objects.values_list("pk", "version"))

    def between() -> None:
        for change, which in steps.pop() if steps else []:
            if tasks := list(Task.objects.order_by("id")):
                change(owner, tasks[which % len(tasks)])

    pages = everything(owner_client, TASKS, between, sort=sort, limit=str(limit), fields="id")
    seen = [task["id"] for task in pages]
    same = {str(task.pk) for task in Task.objects.all() if before.get(task.pk) == task.version}
    times = Counter(seen)
    assert all(times[pk] == 1 for pk in same)
    assert [pk for pk in seen if pk in same] == [pk for pk in ordered(sort) if pk in same]


def cursor_of(client: APIClient, sort: str) -> str:
    """Of the page after the first task."""
    cursor: str = client.get(TASKS, {"sort": sort, "limit": "1"}).json()["next"]
    return cursor


@pytest.mark.parametrize("sort", SORTS)
def test_api_tasks_list_a_cursor_of_another_order_is_refused(sort: str, owner: User, owner_client: APIClient) -> None:
    make(owner, 3)
    cursor = cursor_of(owner_client, sort)

    for other in set(SORTS) - {sort}:
        assert errors(owner_client.get(TASKS, {"sort": other, "cursor": cursor})) == [("query.cursor", "invalid")]


@pytest.mark.parametrize("sort", SORTS)
def test_api_tasks_list_another_users_cursor_gives_only_ones_own(
    sort: str, owner: User, peer: User, owner_client: APIClient, peer_client: APIClient
) -> None:
    make(owner, 12)
    make(peer, 12, seed=8)
    mine = {str(pk) for pk in Task.objects.filter(owner=peer).values_list("pk", flat=True)}

    found = everything(peer_client, TASKS, sort=sort, cursor=cursor_of(owner_client, sort))

    assert {task["id"] for task in found} <= mine


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ID = "01890a5dac96774bbcceb302099a8057"
KEYS = st.sampled_from(["", "0", "9" * 5000, "-1", "x" * 256, "\0", "\ud800", "2026-01-01T00:00:00Z", ID, "infinity"])


def encoded(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


# Garbage; JSON that isn't ours; what could be ours but for one part.
CURSORS = (
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
    | st.binary(min_size=1).map(lambda raw: urlsafe_b64encode(raw).decode())
    | JSON.map(encoded)
    | st.tuples(st.sampled_from(SORTS) | JSON, KEYS | JSON, st.just(ID) | JSON).map(encoded)
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sort=st.sampled_from(SORTS), cursor=CURSORS)
def test_api_tasks_list_a_cursor_that_is_not_ours_is_422_or_a_place_like_any_other(
    sort: str, cursor: str, owner_client: APIClient
) -> None:
    response = owner_client.get(TASKS, {"sort": sort, "cursor": cursor})

    if response.status_code != 200:
        assert errors(response) == [("query.cursor", "invalid")]


@pytest.mark.parametrize("cursor", ["!!", "AAAA", "W10", encoded(["title", "x"]), encoded({"a": 1, "b": 2, "c": 3})])
@pytest.mark.parametrize("sort", SORTS)
def test_api_tasks_list_garbage_for_a_cursor_is_refused(sort: str, cursor: str, owner_client: APIClient) -> None:
    assert errors(owner_client.get(TASKS, {"sort": sort, "cursor": cursor})) == [("query.cursor", "invalid")]


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        *(("title", key) for key in ("x" * 256, "\0", "\ud800", ["x"], {"x": 1}, None, 3)),
        *(("priority", key) for key in ("high", float("inf"), 1, None, "")),
        *(("due", key) for key in ("soon", "2026-01-01", 1_764_583_200, None)),
        *(("created_at", key) for key in ("x", ID, 7, None)),
        *(("position", key) for key in ("x" * 1025, "\0", ["8"])),
    ],
)
def test_api_tasks_list_a_cursor_with_a_key_that_cannot_be_is_refused(
    sort: str, key: Any, owner_client: APIClient
) -> None:
    assert errors(owner_client.get(TASKS, {"sort": sort, "cursor": encoded([sort, key, ID])})) == [
        ("query.cursor", "invalid")
    ]
