"""GET /api/v1/tasks: each filter by itself, and any of them together against the same in Python."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label, Task
from tasks.tests.api import TASKS, everything

DAY = date(2026, 1, 2)
DAWN, NOON = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
FAR = datetime(2999, 1, 1, tzinfo=UTC)
LABEL = UUID(int=1)


def found(client: APIClient, **parameters: str) -> set[str]:
    return {task["title"] for task in everything(client, TASKS, **parameters)}


# Tasks by title, and a query → the titles that it finds.
DUE: dict[str, dict[str, Any]] = {
    "before": {"due_at": DAWN - TICK},
    "dawn": {"due_at": DAWN},
    "noon": {"due_at": NOON},
    "day": {"due_on": DAY},
    "next": {"due_at": DAWN + timedelta(days=1)},
    "next day": {"due_on": DAY + timedelta(days=1)},
    "never": {},
}
TEXTS: dict[str, dict[str, Any]] = {
    "Water the plants": {"description": "All of them."},
    "100% done_": {"description": "C:\\temp\\new"},
    "ÄRGER": {"description": "Straße\nΣίσυφος"},
    "文書を読む": {"description": "🙂 said 'No'"},
}
CASES: list[tuple[dict[str, dict[str, Any]], dict[str, str], set[str]]] = [
    *(
        ({"open": {}, "done": {"completed": True}}, {"completed": value}, {title})
        for value, title in (("true", "done"), ("false", "open"))
    ),
    *(
        ({each.name: {"priority": each} for each in Task.Priority}, {"priority": each.name.lower()}, {each.name})
        for each in Task.Priority
    ),
    *(
        (DUE, {name: value}, titles)
        for name, value, titles in [
            ("due_before", "2026-01-02T00:00:00Z", {"before"}),
            ("due_before", "2026-01-02T00:00:00.000001Z", {"before", "dawn"}),
            ("due_before", "2026-01-02T14:00:00+02:00", {"before", "dawn"}),
            ("due_before", "2026-01-02T23:59:59.999999Z", {"before", "dawn", "noon"}),
            ("due_before", "2026-01-03T00:00:00Z", {"before", "dawn", "noon", "day"}),
            ("due_before", "9999-12-31T23:59:59.999999Z", DUE.keys() - {"never"}),
            ("due_after", "2026-01-01T23:59:59.999999Z", DUE.keys() - {"before", "never"}),
            ("due_after", "2026-01-02T12:00:00Z", {"day", "next", "next day"}),
            ("due_after", "2026-01-03T00:00:00Z", {"next day"}),
            ("due_after", "0001-01-01T00:00:00Z", DUE.keys() - {"never"}),
            ("due_on", "2026-01-01", {"before"}),
            ("due_on", "2026-01-02", {"dawn", "noon", "day"}),
            ("due_on", "2026-01-03", {"next", "next day"}),
            ("due_on", "9999-12-31", set()),
        ]
    ),
    *(
        (
            {
                "late": {"due_at": NOON},
                "late, done": {"due_at": NOON, "completed": True},
                "late day": {"due_on": DAY},
                "in time": {"due_at": FAR},
                "never": {},
            },
            {"overdue": value},
            titles,
        )
        for value, titles in (("true", {"late", "late day"}), ("false", {"late, done", "in time", "never"}))
    ),
    *(
        (TEXTS, {"search": words}, titles)
        for words, titles in [
            ("water", {"Water the plants"}),
            ("THEM plant", {"Water the plants"}),
            ("plants all", {"Water the plants"}),
            ("plantsall", set()),
            ("water dry", set()),
            ("%", {"100% done_"}),
            ("0%", {"100% done_"}),
            ("0% e_", {"100% done_"}),
            ("1%done", set()),
            ("don_", set()),
            ("_", {"100% done_"}),
            ("\\", {"100% done_"}),
            ("\\temp\\N", {"100% done_"}),
            ("\\%", set()),
            ("ärger", {"ÄRGER"}),
            ("STRAße", {"ÄRGER"}),
            ("STRASSE", {"ÄRGER"}),
            ("ΣΊΣΥΦΟΣ", {"ÄRGER"}),
            ("ΣΊΣ", {"ÄRGER"}),
            ("書を", {"文書を読む"}),
            ("🙂", {"文書を読む"}),
            ("'no'", {"文書を読む"}),
            ("'; DROP TABLE tasks_task; --", set()),
            ("\u00a0 the \t", {"Water the plants"}),
        ]
    ),
    *(
        (
            {
                "one": {"external_source": "tracker", "external_id": "1"},
                "other": {"external_source": "Tracker", "external_id": "1"},
                "two": {"external_source": "tracker", "external_id": "2"},
                "none": {},
            },
            query,
            titles,
        )
        for query, titles in [
            ({"external_source": "tracker"}, {"one", "two"}),
            ({"external_id": "1"}, {"one", "other"}),
            ({"external_source": "tracker", "external_id": "2"}, {"two"}),
            ({"external_source": "t%"}, set()),
        ]
    ),
]


@pytest.mark.parametrize(("tasks", "query", "titles"), CASES)
def test_api_tasks_list_filter_finds_what_it_says(
    tasks: dict[str, dict[str, Any]], query: dict[str, str], titles: set[str], owner: User, owner_client: APIClient
) -> None:
    for title, columns in tasks.items():
        Task.objects.create(owner=owner, title=title, **columns)

    assert found(owner_client, **query) == titles


def test_api_tasks_list_by_label(owner: User, owner_client: APIClient) -> None:
    home, garden = (Label.objects.create(owner=owner, name=name).pk for name in ("Home", "Garden"))
    for title, labels in {"none": [], "home": [home], "both": [garden, home]}.items():
        Task.objects.create(owner=owner, title=title, labels=labels)

    assert found(owner_client, label=str(home)) == {"home", "both"}
    assert found(owner_client, label=str(garden).upper()) == {"both"}
    assert found(owner_client, label=str(LABEL)) == set()


def test_api_tasks_list_by_parent(owner: User, owner_client: APIClient) -> None:
    top = Task.objects.create(owner=owner, title="top")
    middle = Task.objects.create(owner=owner, title="middle", parent=top)
    Task.objects.create(owner=owner, title="bottom", parent=middle)

    assert found(owner_client, parent="none") == {"top"}
    assert found(owner_client, parent=str(top.pk)) == {"middle"}
    assert found(owner_client, parent=str(middle.pk)) == {"bottom"}
    assert found(owner_client, parent=str(LABEL)) == set()


@pytest.mark.parametrize("column", ["created", "updated"])
def test_api_tasks_list_by_moments_is_exclusive_and_exact(column: str, owner: User, owner_client: APIClient) -> None:
    for title in ("one", "two", "three"):
        Task.objects.create(owner=owner, title=title)
    Task.objects.filter(title="one").update(priority=1)
    moments = dict(Task.objects.values_list("title", f"{column}_at"))
    for title, moment in moments.items():
        earlier = {each for each in moments if moments[each] < moment}
        later = {each for each in moments if moments[each] > moment}

        assert found(owner_client, **{f"{column}_before": moment.isoformat()}) == earlier
        assert found(owner_client, **{f"{column}_after": moment.isoformat()}) == later
        assert found(owner_client, **{f"{column}_before": (moment + TICK).isoformat()}) == earlier | {title}
        assert found(owner_client, **{f"{column}_after": (moment - TICK).isoformat()}) == later | {title}


WORDS = ["water", "PLANT", "ärger", "%", "_", "\\", "it's", "文書", "100%"]
SOURCES = ["tracker", "mail"]


@pytest.fixture
def everything_of_all_kinds(owner: User, peer: User) -> list[Task]:
    """Forty tasks of the owner's, some in the trash, in all combinations that come about; and some of the peer's."""
    random = Random(7)
    labels = [Label.objects.create(pk=UUID(int=number), owner=owner, name=str(number)).pk for number in (1, 2, 3)]
    made: list[Task] = []
    for number in range(40):
        above = random.choice([None, *made[:5]])
        task = Task.objects.create(
            owner=owner,
            title=" ".join(random.sample(WORDS, 2)).swapcase(),
            description=" ".join(random.sample(WORDS, 2)),
            completed=random.random() < 0.4,
            priority=random.randint(0, 4),
            labels=random.sample(labels, random.randint(0, 3)),
            parent=above if number < 10 else None,
            **random.choice([*DUE.values(), {"due_at": FAR}]),
            **random.choice([{}, {"external_source": random.choice(SOURCES), "external_id": str(number)}]),
        )
        made.append(task)
    for pk in random.sample([task.pk for task in made], 10):
        Task.objects.filter(pk=pk).update(trashed_at=NOON)
    Task.objects.bulk_create(Task(owner=peer, title=" ".join(WORDS), due_on=DAY) for _ in range(3))
    return list(Task.objects.filter(owner=owner))


def contains(task: Task, words: str) -> bool:
    text = f"{task.title} {task.description}".casefold()
    return all(word.casefold() in text for word in words.split())


def dated(task: Task) -> bool:
    return bool(task.due_at or task.due_on)


def is_overdue(task: Task) -> bool:
    return not task.completed and task.due < timezone.now()


TRUTHS = {"true": True, "false": False}
MODEL: dict[str, Callable[[Task, str], bool]] = {
    "completed": lambda task, value: task.completed == TRUTHS[value],
    "priority": lambda task, value: Task.Priority(task.priority).name.lower() == value,
    "label": lambda task, value: UUID(value) in task.labels,
    "due_before": lambda task, value: dated(task) and task.due < datetime.fromisoformat(value),
    "due_after": lambda task, value: dated(task) and task.due > datetime.fromisoformat(value),
    "due_on": lambda task, value: dated(task) and task.due.date().isoformat() == value,
    "overdue": lambda task, value: is_overdue(task) == TRUTHS[value],
    "parent": lambda task, value: str(task.parent_id).lower() == value,
    "search": contains,
    "external_source": lambda task, value: task.external_source == value,
    "external_id": lambda task, value: task.external_id == value,
    "created_after": lambda task, value: task.created_at > datetime.fromisoformat(value),
    "created_before": lambda task, value: task.created_at < datetime.fromisoformat(value),
    "updated_after": lambda task, value: task.updated_at > datetime.fromisoformat(value),
    "updated_before": lambda task, value: task.updated_at < datetime.fromisoformat(value),
    "trashed": lambda task, value: bool(task.trashed_at) == TRUTHS[value],
}
NUMBERS = st.integers(0, 39)
MOMENTS = st.sampled_from([DAWN - TICK, DAWN, NOON, DAWN + timedelta(days=1), FAR]).map(datetime.isoformat)
BOOLEANS = st.sampled_from(["true", "false"])
# A number stands for the moment of the task at that place, a place for its id.
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "completed": BOOLEANS,
        "priority": st.sampled_from(["none", "low", "medium", "high", "urgent"]),
        "label": st.sampled_from([str(UUID(int=number)) for number in range(1, 5)]),
        "due_before": MOMENTS,
        "due_after": MOMENTS,
        "due_on": st.sampled_from(["2026-01-01", "2026-01-02", "2026-01-03"]),
        "overdue": BOOLEANS,
        "parent": st.just("none") | NUMBERS,
        "search": st.lists(st.sampled_from([*WORDS, "a", "x"]), min_size=1, max_size=2).map(" ".join),
        "external_source": st.sampled_from([*SOURCES, "x"]),
        "external_id": NUMBERS.map(str),
        **{f"{column}_{side}": NUMBERS for column in ("created", "updated") for side in ("before", "after")},
        "trashed": BOOLEANS,
    },
)


def parameters(query: dict[str, str | int], tasks: list[Task]) -> dict[str, str]:
    """A query with the moments and ids of tasks in the place of their numbers."""

    def value(name: str, given: str | int) -> str:
        if isinstance(given, str):
            return given
        task = tasks[given]
        return str(task.pk) if name == "parent" else getattr(task, f"{name.partition('_')[0]}_at").isoformat()

    return {name: value(name, given) for name, given in query.items()}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES)
def test_api_tasks_list_any_filters_together_find_what_python_finds(
    query: dict[str, str | int], everything_of_all_kinds: list[Task], owner_client: APIClient
) -> None:
    given_ = parameters(query, everything_of_all_kinds)
    expected = [
        str(task.pk)
        for task in sorted(everything_of_all_kinds, key=lambda task: (task.created_at, task.pk), reverse=True)
        if all(MODEL[name](task, value) for name, value in ({"trashed": "false"} | given_).items())
    ]

    response = owner_client.get(TASKS, {"fields": "id", **given_}, headers={"Prefer": "count=exact"})

    assert [task["id"] for task in response.json()["results"]] == expected
    assert response.json()["count"] == len(expected)


def test_every_filter_has_its_like_in_python(owner_client: APIClient) -> None:
    description = owner_client.get("/api/v1/openapi.json").json()
    named = {parameter["name"] for parameter in description["paths"][TASKS]["get"]["parameters"]}

    assert named - {"cursor", "limit", "sort", "fields", "Prefer"} == MODEL.keys()
