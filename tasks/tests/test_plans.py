"""What PostgreSQL reads for a page, of an owner with a hundred thousand tasks, behind row-level security."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from accounts.models import User
from resources.tests.plans import cursor_at, explained, kinds, rows_read
from tasks.models import Label, Task
from tasks.rows import TASK_LIST

pytestmark = pytest.mark.slow

COUNT = 100_000
LIMIT = 50
# One in a hundred lies in the trash, one in fifty is open, one in a thousand is urgent, one in five thousand has the
# label.
FILL = """
INSERT INTO tasks_task (
    owner_id, title, description, completed, priority, due_at, due_on, labels, external_source, external_id,
    trashed_at, created_at
)
SELECT %(owner)s, 'Task ' || md5(n::text), repeat('Some words about it. ', 10), n %% 50 <> 0,
       CASE WHEN n %% 1000 = 0 THEN 4 WHEN n %% 10 = 0 THEN 2 ELSE 0 END,
       CASE WHEN n %% 10 < 6 THEN timestamptz '2026-01-01+00' + n * interval '20 minutes' END,
       CASE WHEN n %% 10 = 7 THEN date '2026-01-01' + n / 100 END,
       CASE WHEN n %% 5000 = 0 THEN ARRAY[%(label)s]::uuid[] ELSE '{}' END,
       CASE WHEN n %% 10 = 1 THEN 'tracker' END, CASE WHEN n %% 10 = 1 THEN n::text END,
       CASE WHEN n %% 100 = 3 THEN now() END, timestamptz '2026-01-01+00' + n * interval '1 minute'
FROM generate_series(1, %(count)s) AS n
"""
SUBTASKS = """
UPDATE tasks_task SET parent_id = (SELECT id FROM tasks_task WHERE owner_id = %(owner)s AND external_id = '1')
WHERE owner_id = %(owner)s AND external_id IN ('11', '21', '31', '41')
"""


@pytest.fixture(scope="module")
def owner(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[User]:
    """Has a hundred thousand tasks; before and after them two others made a few hundred."""
    with django_db_blocker.unblock():
        before, owner, after = (User.objects.create_user(f"{name}@example.com") for name in ("a", "b", "c"))
        with connection.cursor() as cursor:
            # To put so many on record would take longer than all the rest.
            cursor.execute("ALTER TABLE tasks_task DISABLE TRIGGER tasks_task_audited_insert")
            for user, count in ((before, 300), (owner, COUNT), (after, 300)):
                label = Label.objects.create(owner=user, name="Rare")
                cursor.execute(FILL, {"owner": user.pk, "label": label.pk, "count": count})
            cursor.execute("ALTER TABLE tasks_task ENABLE ALWAYS TRIGGER tasks_task_audited_insert")
            cursor.execute(SUBTASKS, {"owner": owner.pk})
            cursor.execute("VACUUM ANALYZE tasks_task")
        yield owner
        call_command("flush", interactive=False, verbosity=0)


@pytest.mark.parametrize("sort", [f"{sign}{name}" for name in TASK_LIST.sorts for sign in ("", "-")])
@pytest.mark.parametrize("place", [0, COUNT // 2, COUNT * 99 // 100 - 30], ids=["first", "middle", "last"])
@pytest.mark.django_db
def test_a_page_is_read_from_an_index_in_its_order_and_is_all_that_is_read(sort: str, place: int, owner: User) -> None:
    cursor = f"&cursor={cursor_at(TASK_LIST, owner, sort, place)}" if place else ""

    plan = explained(TASK_LIST, owner, f"sort={sort}{cursor}")

    assert "Index Scan" in kinds(plan)
    assert not kinds(plan) & {"Seq Scan", "Sort", "Incremental Sort", "Bitmap Heap Scan"}
    # What lies in the trash is in the way of the manual order only.
    assert rows_read(TASK_LIST, plan) <= LIMIT + 1 + LIMIT // 10


SOME = 1 + LIMIT + LIMIT // 10
# Query → the most rows of the table that its first page may read.
SELECTIVE = {
    "completed=true": SOME + 2,
    "completed=false": SOME,
    "priority=urgent": COUNT // 1000,
    "priority=low": 0,
    "due_before=2020-01-01T00:00:00Z": 0,
    "due_after=2099-01-01T00:00:00Z": 0,
    "due_on=2026-06-01": 60,
    "due_after=2028-01-01T00:00:00Z&due_before=2028-01-01T06:00:00Z&sort=due": SOME,
    "overdue=true": COUNT // 50,
    "overdue=true&sort=due": COUNT // 50,
    "completed=false&sort=-priority": SOME,
    "parent=none": SOME,
    "external_source=tracker&external_id=11": 1,
    "external_id=11": 1,
    "external_source=elsewhere": 0,
    "created_before=2020-01-01T00:00:00Z": 0,
    "created_after=2099-01-01T00:00:00Z": 0,
    "updated_before=2020-01-01T00:00:00Z": 0,
    "updated_after=2099-01-01T00:00:00Z": 0,
    "trashed=true": SOME,
}


@pytest.mark.parametrize(("query", "most"), SELECTIVE.items())
@pytest.mark.django_db
def test_a_filter_with_an_index_reads_what_it_finds(query: str, most: int, owner: User) -> None:
    plan = explained(TASK_LIST, owner, query)

    assert "Seq Scan" not in kinds(plan)
    assert rows_read(TASK_LIST, plan) <= most


@pytest.mark.django_db
def test_subtasks_are_found_by_an_index(owner: User) -> None:
    parent = Task.objects.exclude(parent=None).values_list("parent", flat=True)[0]

    plan = explained(TASK_LIST, owner, f"parent={parent}", counted=True)

    assert "Seq Scan" not in kinds(plan)
    assert rows_read(TASK_LIST, plan) == 2 * 4


# What leads through all of the owner's live tasks, at worst: a rare label or word, and a count of most of them.
EXHAUSTIVE = ["", "search=nowhere", "completed=true", "priority=medium", "parent=none", "overdue=false"]


@pytest.mark.parametrize("query", [*EXHAUSTIVE, "label"])
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.django_db
def test_no_list_needs_to_read_other_peoples_tasks(query: str, counted: bool, owner: User) -> None:
    """Nearly all are this owner's here, so that it's right to read the whole table; without that way an index leads to
    them."""
    if query == "label":
        query = f"label={Label.objects.get(owner=owner).pk}"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = explained(TASK_LIST, owner, query, counted=counted)

    assert "Seq Scan" not in kinds(plan)
    assert rows_read(TASK_LIST, plan) <= (1 + counted) * COUNT
