"""What a request costs: the product beside FastAPI, SQLModel and asyncpg, the same requests in alternating rounds.

Both have audit and isolation on, as many workers, and the same database server; neither logs each request. Compared is
the processor time of the application, so a ratio is that of requests per CPU-second. Sealing isn't part of a request,
and is left out.
"""

from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]

from benchmarks import sides
from benchmarks.answers import check, newest
from benchmarks.clients import send_for, send_once
from benchmarks.figures import alternate, say, show, spread
from benchmarks.operations import CREATE, OPERATIONS, PAGE, Operation
from benchmarks.servers import database_server, listens, processor_seconds
from benchmarks.sides import Side
from config.processes import running, watch

CONNECTIONS = 16
# A full page, and some of the next.
TASKS = PAGE + 10
# Many short ones, for others use the machine, too; and even, so that each side begins as often as the other.
ROUNDS = 10
WARM_UP_SECONDS = 0.7
ROUND_SECONDS = 1.0

TITLE = f"Processor time of the application for one request, {CONNECTIONS} connections"
COLUMNS = ("ours, µs", "peer, µs", "peer : ours (of the rounds)", "ours/s", "peer/s", "ours, db µs", "peer, db µs")


class Load(NamedTuple):
    """Requests answered, in so many seconds; and seconds that the application and the database computed meanwhile."""

    answered: int
    seconds: float
    application: float
    database: float

    def each(self, seconds: float) -> float:
        """Microseconds a request."""
        return 1e6 * seconds / self.answered


class Meter(NamedTuple):
    """A side, with its web server and the process that sends it requests; each user's newest tasks."""

    side: Side
    server: psutil.Process
    clients: Executor
    tasks: Sequence[Sequence[str]]

    def load(self, operation: Operation, seconds: float) -> Load:
        """Send an operation's requests. Raises `RuntimeError` unless each write has left exactly one audit event."""
        requests = [operation.requests(token, ids) for token, ids in zip(self.side.tokens, self.tasks, strict=True)]
        watched, events = (self.server, database_server()), self.side.events()
        before = [processor_seconds(process) for process in watched]
        sent = self.clients.submit(send_for, self.side.port, requests, operation.status, seconds)
        answered, took = sent.result()
        used = [processor_seconds(process) - earlier for process, earlier in zip(watched, before, strict=True)]
        if (recorded := self.side.events() - events) != answered * operation.events:
            raise RuntimeError(f"{operation.name}: {answered} answers and {recorded} audit events of {self.side.name}.")
        return Load(answered, took, *used)


def main() -> None:
    """Check that both answer right; then print what each operation costs both, and the ratio."""
    pair = sides.ours(CONNECTIONS), sides.peer(CONNECTIONS)
    clients = ProcessPoolExecutor(1, get_context("spawn"))
    with running({side.name: side.command for side in pair}) as children, clients:
        watch(children, until=lambda: all(listens(side.port) for side in pair))
        ours, peer = (meter(side, psutil.Process(children[side.name].pid), clients) for side in pair)
        rows = [row(operation, measure(ours, peer, operation)) for operation in OPERATIONS]
    show(TITLE, COLUMNS, rows)


def meter(side: Side, server: psutil.Process, clients: Executor) -> Meter:
    """Give each user the same tasks, by the API; try the side, and say what it answers."""
    send_once(side.port, [CREATE.requests(token, []) * TASKS for token in side.tokens], CREATE.status)
    say(check(side))
    return Meter(side, server, clients, [newest(side, token) for token in side.tokens])


def measure(ours: Meter, peer: Meter, operation: Operation) -> list[tuple[Load, Load]]:
    """Both, warmed up and then round by round."""
    for each in (ours, peer):
        each.load(operation, WARM_UP_SECONDS)
    loads = (partial(each.load, operation, ROUND_SECONDS) for each in (ours, peer))
    return alternate(ROUNDS, *loads)


def row(operation: Operation, pairs: Sequence[tuple[Load, Load]]) -> list[str]:
    """Medians of both sides' rounds, and the ratios of what the application computed."""
    both = list(zip(*pairs, strict=True))
    costs = [[one.each(one.application) for one in loads] for loads in both]
    return [
        operation.name,
        *(f"{median(cost):,.0f}" for cost in costs),
        spread([peer / ours for ours, peer in zip(*costs, strict=True)], ".2f"),
        *(f"{median(one.answered / one.seconds for one in loads):,.0f}" for loads in both),
        *(f"{median(one.each(one.database) for one in loads):,.0f}" for loads in both),
    ]
