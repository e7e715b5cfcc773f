"""What PostgreSQL reads for a page, of an owner with a hundred thousand documents, behind row-level security."""

import hashlib
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from accounts.models import User
from knowledge.rows import DOCUMENT_LIST
from resources.tests.plans import cursor_at, explained, kinds, rows_read

pytestmark = pytest.mark.slow

COUNT = 100_000
LIMIT = 50
# One in a hundred lies in the trash, one in ten thousand failed, one in fifty is in German, one in five thousand has
# the tag.
FILL = """
INSERT INTO knowledge_knowledgedoc (owner_id, title, content, status, language, tags, trashed_at, created_at)
SELECT %(owner)s, 'Document ' || md5(n::text), 'Content ' || n,
       CASE WHEN n %% 10000 = 0 THEN 'failed' ELSE 'completed' END, CASE WHEN n %% 50 = 0 THEN 'de' ELSE 'en' END,
       CASE WHEN n %% 5000 = 0 THEN ARRAY['rare'] ELSE '{}' END,
       CASE WHEN n %% 100 = 3 THEN now() END, timestamptz '2026-01-01+00' + n * interval '1 minute'
FROM generate_series(1, %(count)s) AS n
"""
TRIGGER = "knowledge_knowledgedoc_audited_insert"
LAST = hashlib.sha256(f"Content {COUNT}".encode()).hexdigest()


@pytest.fixture(scope="module")
def owner(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[User]:
    """Has a hundred thousand documents; before and after them two others made a few hundred."""
    with django_db_blocker.unblock():
        before, owner, after = (User.objects.create_user(f"{name}@example.com") for name in ("a", "b", "c"))
        with connection.cursor() as cursor:
            # To put so many on record would take longer than all the rest.
            cursor.execute(f"ALTER TABLE knowledge_knowledgedoc DISABLE TRIGGER {TRIGGER}")
            for user, count in ((before, 300), (owner, COUNT), (after, 300)):
                cursor.execute(FILL, {"owner": user.pk, "count": count})
            cursor.execute(f"ALTER TABLE knowledge_knowledgedoc ENABLE ALWAYS TRIGGER {TRIGGER}")
            cursor.execute("VACUUM ANALYZE knowledge_knowledgedoc")
        yield owner
        call_command("flush", interactive=False, verbosity=0)


@pytest.mark.parametrize("sort", [f"{sign}{name}" for name in DOCUMENT_LIST.sorts for sign in ("", "-")])
@pytest.mark.parametrize("place", [0, COUNT // 2, COUNT * 99 // 100 - 30], ids=["first", "middle", "last"])
@pytest.mark.django_db
def test_a_page_is_read_from_an_index_in_its_order_and_is_all_that_is_read(sort: str, place: int, owner: User) -> None:
    cursor = f"&cursor={cursor_at(DOCUMENT_LIST, owner, sort, place)}" if place else ""

    plan = explained(DOCUMENT_LIST, owner, f"sort={sort}{cursor}")

    assert "Index Scan" in kinds(plan)
    assert not kinds(plan) & {"Seq Scan", "Sort", "Incremental Sort", "Bitmap Heap Scan"}
    assert rows_read(DOCUMENT_LIST, plan) <= LIMIT + 1


# Query → the most rows of the table that its first page may read.
SELECTIVE = {
    "status=completed": LIMIT + 2,
    f"content_hash={LAST}": 1,
    "created_before=2020-01-01T00:00:00Z": 0,
    "created_after=2099-01-01T00:00:00Z": 0,
    "updated_before=2020-01-01T00:00:00Z": 0,
    "updated_after=2099-01-01T00:00:00Z": 0,
    "trashed=true": LIMIT + 1,
    "language=en": LIMIT + 3,
}


@pytest.mark.parametrize(("query", "most"), SELECTIVE.items())
@pytest.mark.django_db
def test_a_filter_with_an_index_reads_what_it_finds(query: str, most: int, owner: User) -> None:
    plan = explained(DOCUMENT_LIST, owner, query)

    assert "Seq Scan" not in kinds(plan)
    assert rows_read(DOCUMENT_LIST, plan) <= most


# What leads through all of the owner's live documents, at worst, and a count of most of them.
EXHAUSTIVE = ["", "search=nowhere", "status=failed", "tag=rare", "language=de", "source_uri=nowhere"]


@pytest.mark.parametrize("query", EXHAUSTIVE)
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.django_db
def test_no_list_needs_to_read_other_peoples_documents(query: str, counted: bool, owner: User) -> None:
    """Nearly all are this owner's here, so that it's right to read the whole table; without that way an index leads to
    them."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = explained(DOCUMENT_LIST, owner, query, counted=counted)

    assert "Seq Scan" not in kinds(plan)
    assert rows_read(DOCUMENT_LIST, plan) <= (1 + counted) * COUNT
