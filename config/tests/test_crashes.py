"""kill -9 of every process, while clients write and the worker indexes: what was acknowledged is there afterwards."""

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException

import psutil
import pytest

from config.embedded.postmaster import Postmaster
from config.tests.embedded.conftest import alive, query
from config.tests.quickstart import Client, Home, Quickstart, home, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's end"),
]

WRITERS = 3
# Enough of it that indexing takes seconds.
NOISE = "\n\n".join(
    f"On day {day} the warehouse counted {day * 7} crates, and nobody complained." for day in range(700)
)
LONG = f"{NOISE}\n\nThe elephant sleeps in the blue tent.\n\n{NOISE}"


@pytest.fixture(scope="module")
def place() -> Iterator[Home]:
    """One data directory for all crashes."""
    with home() as made:
        yield made


class Ledger:
    """What the service said it has stored, as clients remember it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.tasks: list[str] = []
        self._done = threading.Event()

    def _write(self, writer: int) -> None:
        number = 0
        while not self._done.is_set():
            number += 1
            title = f"{writer}.{number}"
            try:
                status, _ = self.client.call("POST", "tasks", {"title": title})
            except (OSError, HTTPException):
                status = 0
            if status == 201:
                self.tasks.append(title)
            else:
                time.sleep(0.05)

    @contextmanager
    def written(self) -> Iterator[None]:
        """Clients write, each in its thread, whatever happens to the service."""
        threads = [threading.Thread(target=self._write, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()


def indexing(daybook: Quickstart) -> bool:
    """Whether the worker has a job in hand."""
    return bool(query(daybook.postmaster(), "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")[0])


def the_quickstart(daybook: Quickstart) -> int:
    """Its children are told of its end by the kernel."""
    return daybook.process.pid


def the_worker(daybook: Quickstart) -> int:
    """In the middle of a document."""
    return int(daybook.child("worker").pid)


def the_web_server(daybook: Quickstart) -> int:
    """gunicorn's arbiter."""
    return int(daybook.child("gunicorn").pid)


def a_web_worker(daybook: Quickstart) -> int:
    """The arbiter forks another."""
    return int(daybook.child("gunicorn").children()[0].pid)


def the_database(daybook: Quickstart) -> int:
    """The next connection starts it again."""
    return daybook.postmaster().pid


@pytest.mark.parametrize(
    ("victim", "status"),
    [
        (the_quickstart, -signal.SIGKILL),
        (the_worker, 1),
        (the_web_server, 1),
        (a_web_worker, None),
        (the_database, None),
    ],
)
def test_kill_9_loses_nothing_and_the_next_start_recovers(
    victim: Callable[[Quickstart], int], status: int | None, place: Home
) -> None:
    daybook = place.running()
    user = daybook.client.signed_up(f"{victim.__name__}@example.com")
    ledger = Ledger(user)

    with ledger.written():
        document = user.post("knowledge/documents", {"title": "Zoo", "content": LONG})
        wait_for(lambda: indexing(daybook) and len(ledger.tasks) > 20)
        os.kill(victim(daybook), signal.SIGKILL)
        if status is None:
            survived = len(ledger.tasks)
            wait_for(lambda: len(ledger.tasks) > survived + 20)
        else:
            assert daybook.process.wait(30) == status
    assert daybook.process.poll() == status
    place.running()

    wait_for(lambda: not user.unfinished())
    stored = Counter(task["title"] for task in user.everything("tasks"))
    assert {title: stored[title] for title in ledger.tasks} == dict.fromkeys(ledger.tasks, 1)
    assert [each["id"] for each in user.everything("knowledge/documents")] == [document["id"]]
    assert "blue tent" in user.found("Where does the elephant rest at night?")[0]["content"]


def test_kill_9_of_the_worker_at_any_point_leaves_a_document_in_its_old_form_until_the_new_one_is_whole(
    place: Home,
) -> None:
    daybook = place.running()
    user = daybook.client.signed_up("reader@example.com")
    key = user.post("knowledge/documents", {"title": "Zoo", "content": "The elephant sleeps in the green barn."})["id"]
    wait_for(lambda: not user.unfinished())
    (old,) = user.everything(f"knowledge/documents/{key}/chunks")
    assert user.call("PATCH", f"knowledge/documents/{key}", {"content": LONG})[0] == 200

    def embedded() -> int:
        progress: dict[str, int] | None = user.get(f"knowledge/documents/{key}")["progress"]
        return progress["chunks_done"] if progress else -1

    for done in (0, 32, 64):
        wait_for(lambda: embedded() >= done)  # noqa: B023
        os.kill(the_worker(daybook), signal.SIGKILL)
        assert daybook.process.wait(30) == 1
        daybook = place.running()
        assert user.everything(f"knowledge/documents/{key}/chunks") == [old]
        assert "green barn" in user.found("Where does the elephant rest at night?")[0]["content"]

    wait_for(lambda: not user.unfinished())
    document = user.get(f"knowledge/documents/{key}")
    chunks = user.everything(f"knowledge/documents/{key}/chunks")
    assert (document["status"], document["progress"]) == ("completed", None)
    assert [chunk["ordinal"] for chunk in chunks] == list(range(document["chunk_count"]))
    assert all(LONG[chunk["char_start"] : chunk["char_end"]] == chunk["content"] for chunk in chunks)
    assert "blue tent" in user.found("Where does the elephant rest at night?")[0]["content"]


def test_kill_9_of_the_quickstart_leaves_no_process(place: Home) -> None:
    daybook = place.running()
    processes = daybook.tree()

    daybook.process.kill()
    daybook.process.wait()

    psutil.wait_procs(processes, timeout=30)
    assert not [process for process in processes if process.is_running()]
    wait_for(lambda: not alive(daybook.data_dir))


def test_kill_9_of_the_very_first_start_is_made_good_by_the_next() -> None:
    with home() as place:
        first = place.start()
        wait_for((first.data_dir / "postgres").exists)
        wait_for(lambda: tables(first))
        first.process.kill()
        first.process.wait()

        second = place.running()

        demo = second.client.signed_in(second.credentials())
        assert second.credentials()["password"] in second.output
        assert not demo.unfinished() and demo.found("who can see my data?")


def tables(daybook: Quickstart) -> bool:
    """Whether migrations have begun."""
    postmaster = Postmaster.of(daybook.data_dir / "postgres")
    if postmaster is None or not postmaster.serving():
        return False
    return bool(query(postmaster, "SELECT count(*) FROM pg_tables WHERE tablename = 'django_migrations'")[0])
