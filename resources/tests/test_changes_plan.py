"""How PostgreSQL finds a page of changes: by a range of an index, however much there is and however deep the page."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts.identity import acting_for
from accounts.models import User
from config.feed import FEED

TASKS, IN_ONE_TRANSACTION = 100_000, 200
LAST = TASKS // IN_ONE_TRANSACTION
LIMIT = 51

# Rolled back with the test, so the triggers come back.
MANY = """
    ALTER TABLE tasks_task DISABLE TRIGGER USER;
    INSERT INTO tasks_task (owner_id, title, changed_in, trashed_at)
    SELECT owner, 'Task ' || n, (n / %(size)s)::text::xid8, CASE WHEN n %% 50 = 0 THEN now() END
    FROM generate_series(0, %(count)s - 1) AS n, unnest(%(owners)s) AS owner;
    INSERT INTO resources_deletion (owner_id, object_id, object_type, changed_in)
    SELECT owner, uuidv7(), 'task', (n / %(size)s)::text::xid8
    FROM generate_series(0, %(count)s - 1) AS n, unnest(%(owners)s) AS owner;
    ANALYZE tasks_task, resources_deletion;
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", []):
        yield from nodes(each)


@pytest.mark.slow
@pytest.mark.django_db
def test_a_page_is_a_range_of_an_index_at_any_depth(owner: User, peer: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MANY, {"owners": [owner.pk, peer.pk], "count": TASKS, "size": IN_ONE_TRANSACTION})

        for statement in (FEED.there, FEED.changed):
            for depth in (0, LAST // 2, LAST - 1, LAST):
                place = {"changed_in": str(depth), "id": UUID(int=0), "size": 0, "seal": 0}
                with acting_for(owner.pk):
                    cursor.execute(
                        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}",
                        {"owner": owner.pk, "limit": LIMIT, **place},
                    )
                plan = json.loads(json.dumps(cursor.fetchone()[0]))[0]["Plan"]
                scans = {node["Relation Name"]: node for node in nodes(plan) if "Relation Name" in node}
                for table in ("tasks_task", "resources_deletion"):
                    if table in scans:
                        assert scans[table]["Index Name"] == f"{table}_changed"
                        assert "ROW(changed_in" in scans[table]["Index Cond"]
                        assert scans[table].get("Rows Removed by Filter", 0) <= LIMIT
                assert scans["tasks_task"]["Actual Rows"] == (0 if depth == LAST else LIMIT)
                assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 3 * LIMIT
