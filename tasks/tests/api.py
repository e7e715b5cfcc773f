"""What the tests of these endpoints have in common: addresses, and how a refusal is compared with another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import connection, connections, transaction
from django.http import HttpResponse
from rest_framework.test import APIClient

TASKS, LABELS = "/api/v1/tasks", "/api/v1/labels"

MAX_PAGES = 100
BLOCKED = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""

Result = TypeVar("Result")


def errors(response: Any) -> list[tuple[str, str]]:
    """Place and code of each error of a 422, which has none but a problem's form."""
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"
    return [(error["location"], error["code"]) for error in response.json()["errors"]]


def refusal(response: Any) -> tuple[int, str]:
    """Status and code of a problem."""
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def told(client: APIClient, verb: str, address: str, pk: UUID, body: Any, headers: dict[str, str]) -> tuple[Any, ...]:
    """All of an answer about an object, but for the id that the request itself names."""
    response: HttpResponse = getattr(client, verb)(
        address.format(pk), body, headers={"X-Request-ID": "the-same", **headers}
    )
    return response.status_code, sorted(response.headers.items()), response.content.replace(str(pk).encode(), b"{}")


def assert_foreign_is_missing(
    client: APIClient, verb: str, address: str, pk: UUID, body: Any = None, headers: dict[str, str] | None = None
) -> None:
    """Somebody else's object is answered byte for byte as one that doesn't exist: 404.

    address: with `{}` for the id.
    """
    foreign, missing = (told(client, verb, address, each, body, headers or {}) for each in (pk, uuid4()))
    assert foreign[0] == 404
    assert foreign == missing


def at_once(*works: Callable[[], Result]) -> list[Result]:
    """The results of calls that start at the same moment, each on a connection of its own."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Result]) -> Result:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(lambda work: _on_its_own(lambda: run(work)), works))


def queued(hold: Callable[[], object], *works: Callable[[], Result]) -> list[Result]:
    """The results of calls that wait for what `hold` has done to be committed, the first the longest.

    Each has to come to a lock that `hold`, or a call before it, has taken.
    """
    with ThreadPoolExecutor(len(works)) as pool:
        with transaction.atomic():
            hold()
            futures = []
            for count, work in enumerate(works, 1):
                futures.append(pool.submit(_on_its_own, work))
                _until_blocked(count)
        return [future.result() for future in futures]


def _on_its_own(work: Callable[[], Result]) -> Result:
    try:
        return work()
    finally:
        connections.close_all()


def _until_blocked(count: int) -> None:
    """Wait until so many other connections wait for a lock."""
    limit = monotonic() + 10
    while monotonic() < limit:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(BLOCKED)
            if cursor.fetchone()[0] == count:
                return
        sleep(0.01)
    raise AssertionError(f"{count} connections never waited at the same time")


def everything(
    client: APIClient, address: str, between: Callable[[], object] = lambda: None, **parameters: str
) -> list[dict[str, Any]]:
    """All that a list gives, page by page.

    between: is called before each page but the first.
    """
    results: list[dict[str, Any]] = []
    for _ in range(MAX_PAGES):
        response = client.get(address, parameters)
        assert response.status_code == 200, response.content
        page = response.json()
        results += page["results"]
        if page["next"] is None:
            return results
        parameters = {**parameters, "cursor": page["next"]}
        between()
    raise AssertionError(f"after {MAX_PAGES} pages there is always another")
