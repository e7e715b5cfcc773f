"""`Idempotency-Key` on requests that are sent at the same time, or that break off."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Barrier
from time import monotonic, sleep
from typing import Any, Self

import pytest
from django.db import connection, connections, transaction
from rest_framework.test import APIClient

from audit.models import Event
from resources.models import IdempotencyKey
from resources.tests.keys import PLANTS, is_replay, post, refusal, said
from tasks.models import Task

pytestmark = pytest.mark.django_db(transaction=True)

IN_FLIGHT = (409, "idempotency_key_in_flight")


class Holdup:
    """While it lasts nobody's answer can be stored: requests with a key stop with their work done and not committed.

    Each call is made in a thread, on a connection of its own.
    """

    def __enter__(self) -> Self:
        self.pool = ThreadPoolExecutor(4)
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.cursor = connection.cursor()
        self.cursor.execute("LOCK TABLE resources_idempotencykey IN SHARE MODE")
        return self

    def __exit__(self, *error: Any) -> None:
        self.transaction.__exit__(*error)
        self.pool.shutdown()

    def call(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        return self.pool.submit(on_its_own, work, *args)

    def until_held(self, count: int) -> list[int]:
        """The process ids of the connections that are held up, as soon as there are so many."""
        limit = monotonic() + 10
        while monotonic() < limit:
            self.cursor.execute(
                "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'resources_idempotencykey'::regclass"
            )
            if len(pids := [pid for (pid,) in self.cursor.fetchall()]) == count:
                return pids
            sleep(0.01)
        raise AssertionError(f"{count} requests were never held up at the same time")


def on_its_own(work: Callable[..., Any], *args: Any) -> Any:
    """Call it on this thread's own connection, which is closed then."""
    try:
        return work(*args)
    finally:
        connections.close_all()


def at_once(count: int, work: Callable[[], Any]) -> list[Any]:
    """The results of so many calls that start at the same moment."""
    barrier = Barrier(count)

    def call() -> Any:
        barrier.wait()
        return on_its_own(work)

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(count)]]


def test_api_idempotency_in_flight_is_409_at_once(owner_client: APIClient) -> None:
    with Holdup() as holdup:
        first = holdup.call(post, owner_client)
        holdup.until_held(1)
        second = holdup.call(post, owner_client).result(timeout=10)
        another = holdup.call(post, owner_client, PLANTS, "another")
        holdup.until_held(2)

    assert refusal(second) == IN_FLIGHT
    assert second["Retry-After"] == "1"
    assert (first.result().status_code, another.result().status_code) == (201, 201)
    assert said(post(owner_client)) == said(first.result())
    assert Task.objects.count() == 2


def test_api_idempotency_peer_is_not_in_the_way_of_the_owner(owner_client: APIClient, peer_client: APIClient) -> None:
    with Holdup() as holdup:
        requests = [holdup.call(post, client) for client in (owner_client, peer_client)]
        holdup.until_held(2)

    assert [request.result().status_code for request in requests] == [201, 201]


def test_api_idempotency_connection_killed_in_flight_leaves_nothing(owner_client: APIClient) -> None:
    with Holdup() as holdup:
        first = holdup.call(post, owner_client)
        holdup.cursor.execute("SELECT pg_terminate_backend(%s)", holdup.until_held(1))
        assert first.result().status_code == 503

    assert not Task.objects.exists()
    assert not IdempotencyKey.objects.exists()
    again = post(owner_client)
    assert (again.status_code, is_replay(again)) == (201, False)


def test_api_idempotency_refusal_is_tried_anew_on_any_connection(owner_client: APIClient) -> None:
    assert post(owner_client, {"title": ""}).status_code == 422
    (again,) = at_once(1, partial(post, owner_client))

    assert (again.status_code, is_replay(again)) == (201, False)


def test_api_idempotency_simultaneous_requests_make_one_task(owner_client: APIClient) -> None:
    """Each is sent until it isn't told to wait, and so at the moment when the first one commits."""

    def insist(key: str) -> Any:
        while refusal(response := post(owner_client, key=key)) == IN_FLIGHT:
            pass
        return response

    for number in range(20):
        answers = at_once(6, partial(insist, f"key-{number}"))

        assert [response.status_code for response in answers] == [201] * 6
        assert len({response.content for response in answers}) == 1
        assert [is_replay(response) for response in answers].count(False) == 1
        assert Task.objects.count() == number + 1


def test_api_idempotency_replays_do_not_wait_for_each_other(owner_client: APIClient) -> None:
    first = post(owner_client)
    again = at_once(6, partial(post, owner_client))

    assert [said(response) for response in again] == [said(first)] * 6


def test_api_idempotency_answer_that_cannot_be_stored_leaves_no_task(owner_client: APIClient) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE resources_idempotencykey ADD CONSTRAINT never CHECK (false)")
    owner_client.raise_request_exception = False
    try:
        assert post(owner_client).status_code == 500
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE resources_idempotencykey DROP CONSTRAINT never")

    assert not Task.objects.exists()
    assert not Event.objects.filter(action="task.created").exists()
    assert post(owner_client).status_code == 201
