"""What the audit triggers cost: tasks created with them and without, in alternating rounds."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple, TypeVar

import psutil  # type: ignore[import-untyped]
from django.conf import settings
from django.db import connection

from accounts.models import Session, User
from accounts.tokens import issue
from audit.triggers import EVENTS, Audited
from benchmarks.clients import send_for
from benchmarks.figures import COMPARED, alternate, compared, say, show, spread
from benchmarks.operations import CREATE
from benchmarks.servers import GUNICORN, database_server, listens, processor_seconds
from config.processes import running, watch
from tasks.models import Task

T = TypeVar("T")

CONNECTIONS = 16
# Many short rounds: what disturbs one half of a round seldom spares the other.
ROUNDS = 24
# Switched triggers make each connection plan anew.
WARM_UP_SECONDS = 1.0
ROUND_SECONDS = 3.0
SINGLE_ROWS = 100
BULK_ROWS = 1_000

IN_ONE_TRANSACTION = """
DO $$
BEGIN
    FOR number IN 1..{rows} LOOP
        INSERT INTO tasks_task (owner_id, title, description, completed)
        VALUES ('{owner}', 'Water the plants', 'Those on the balcony, too.', false);
    END LOOP;
END $$
"""


class Load(NamedTuple):
    """What the API was made to do: tasks created, seconds, and seconds that its processes computed."""

    created: int
    seconds: float
    web_server: float
    database: float

    @property
    def rate(self) -> float:
        """Tasks created a second."""
        return self.created / self.seconds


def main() -> None:
    """Print the ratios of the API, of the ORM and of SQL alone, and the microseconds of one firing."""
    by_api = measure_api()
    owner = User.objects.create_user("owner@example.com")
    fired = with_and_without(partial(rate, create_in_one_transaction, owner, BULK_ROWS))
    rows = [
        compared(f"by the API, {CONNECTIONS} connections", [(on.rate, off.rate) for on, off in by_api]),
        compared("by create()", with_and_without(partial(rate, create_singly, owner, SINGLE_ROWS))),
        compared(
            f"by bulk_create() of {BULK_ROWS:,}", with_and_without(partial(rate, create_in_bulk, owner, BULK_ROWS))
        ),
        compared("by INSERT, in one transaction", fired),
    ]
    show("Tasks created a second, with audit triggers and without", COMPARED, rows)
    say(computed(by_api))
    say(f"One firing, in one transaction: {spread([1e6 / on - 1e6 / off for on, off in fired], '.1f')} µs")


def computed(by_api: Sequence[tuple[Load, Load]]) -> str:
    """Where the processor's time went. It says more than the clock where others use the processor, too."""
    on, off = zip(*by_api, strict=True)
    web = microseconds((*on, *off), lambda load: load.web_server)
    database, without = (microseconds(loads, lambda load: load.database) for loads in (on, off))
    return (
        f"Computing for one task by the API: the web server {web:.0f} µs, the database {database:.0f} µs, "
        f"without audit {without:.0f} µs; so audit takes {(database - without) / (web + without):.1%} more."
    )


def microseconds(loads: Sequence[Load], of: Callable[[Load], float]) -> float:
    """For each task."""
    return 1e6 * sum(of(load) for load in loads) / sum(load.created for load in loads)


def with_and_without(measure: Callable[[], T]) -> list[tuple[T, T]]:
    """The same code in both halves of a round; in one of them the table's audit triggers are disabled."""

    def without() -> T:
        with unaudited():
            return measure()

    return alternate(ROUNDS, measure, without)


@contextmanager
def unaudited() -> Iterator[None]:
    """No event."""
    _switch_triggers("DISABLE")
    try:
        yield
    finally:
        _switch_triggers("ENABLE ALWAYS")


def _switch_triggers(how: str) -> None:
    (rule,) = (rule for rule in Task._meta.constraints if isinstance(rule, Audited))
    switches = ", ".join(f'{how} TRIGGER "{rule.name}_{event}"' for event in EVENTS)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE tasks_task {switches}")


def measure_api() -> list[tuple[Load, Load]]:
    """The web server as the Procfile starts it, and its clients, each a user's."""
    users = [User.objects.create_user(f"user-{number}@example.com") for number in range(CONNECTIONS)]
    tokens = [str(issue(Session.objects.create(owner=user))["access"]) for user in users]
    with running({"web server": GUNICORN}) as children, ProcessPoolExecutor(1, get_context("spawn")) as clients:
        watch(children, until=lambda: listens(settings.PORT))
        web_server = psutil.Process(children["web server"].pid)
        return with_and_without(partial(_load, clients, tokens, web_server, database_server()))


def _load(clients: Executor, tokens: Sequence[str], web_server: psutil.Process, database: psutil.Process) -> Load:
    requests = [CREATE.requests(token, []) for token in tokens]

    def send(seconds: float) -> tuple[int, float]:
        return clients.submit(send_for, settings.PORT, requests, CREATE.status, seconds).result()

    send(WARM_UP_SECONDS)
    web, data = processor_seconds(web_server), processor_seconds(database)
    created, took = send(ROUND_SECONDS)
    return Load(created, took, processor_seconds(web_server) - web, processor_seconds(database) - data)


def rate(create: Callable[[User, int], None], owner: User, rows: int) -> float:
    """Rows a second."""
    started = time.perf_counter()
    create(owner, rows)
    return rows / (time.perf_counter() - started)


def create_singly(owner: User, rows: int) -> None:
    """A transaction each."""
    for _ in range(rows):
        Task.objects.create(owner=owner, title="Water the plants", description="Those on the balcony, too.")


def create_in_bulk(owner: User, rows: int) -> None:
    """One statement."""
    Task.objects.bulk_create(Task(owner=owner, title="Water the plants") for _ in range(rows))


def create_in_one_transaction(owner: User, rows: int) -> None:
    """Statement after statement within the server: no round trips, no commits, little but the trigger."""
    with connection.cursor() as cursor:
        cursor.execute(IN_ONE_TRANSACTION.format(rows=rows, owner=owner.pk))
