"""What PostgreSQL reads for a page of a list, behind row-level security."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from accounts.identity import acting_for
from accounts.models import User
from resources.lists import Listing


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def explained(listing: Listing, owner: User, query: str, *, counted: bool = False) -> list[dict[str, Any]]:
    """The nodes of the plan of a page's one statement, as the API's role carries it out."""
    with acting_for(owner.pk), CaptureQueriesContext(connection) as captured:
        listing.page(owner.pk, QueryDict(query), counted=counted)
    (statement,) = captured.captured_queries
    # As it was sent: with its identity before it.
    identity, _, sql = statement["sql"].partition("; ")
    assert "'daybook_app'" in identity
    with connection.cursor() as cursor:
        cursor.execute(f"{identity}; EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        cursor.nextset()
        (found,) = cursor.fetchone()
    return list(nodes(found[0]["Plan"]))


def rows_read(listing: Listing, plan: list[dict[str, Any]]) -> int:
    """How many rows its scans of the list's table came across."""
    scans = [node for node in plan if node.get("Relation Name") == listing.rows.table.strip('"')]
    assert scans
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]) for node in scans
    )


def kinds(plan: list[dict[str, Any]]) -> set[str]:
    return {node["Node Type"] for node in plan}


def cursor_at(listing: Listing, owner: User, sort: str, place: int) -> str:
    """The cursor of the page that begins after so many rows."""
    name = sort.removeprefix("-")
    way = "DESC" if sort.startswith("-") else "ASC"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {listing.sorts[name].key} AS key, id::text FROM {listing.rows.table} AS listed "
            f"WHERE owner_id = %s AND trashed_at IS NULL ORDER BY listed.{name} {way}, listed.id {way} "
            "OFFSET %s LIMIT 1",
            [owner.pk, place - 1],
        )
        key, pk = cursor.fetchone()
    return urlsafe_b64encode(json.dumps([sort, key, pk]).encode()).decode().rstrip("=")
