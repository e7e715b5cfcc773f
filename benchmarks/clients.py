"""Load for the API: keep-alive connections that send the next request as soon as one is answered.

It runs in a process of its own, and does next to nothing for each answer: what is measured is the server.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any

from benchmarks.instance import HOST

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Client(asyncio.Protocol):
    """One connection. It counts answers by status until the requests or the time are used up, and awaits the last."""

    def __init__(self, requests: Iterable[bytes], until: float) -> None:
        self.requests: Iterator[bytes] = iter(requests)
        self.until = until
        self.statuses: Counter[bytes] = Counter()
        self.done = asyncio.get_running_loop().create_future()
        self.answer = b""

    def connection_made(self, transport: Any) -> None:
        """Send the first request."""
        self.transport = transport
        self._send_next()

    def data_received(self, data: bytes) -> None:
        """Send the next when the answer is whole."""
        self.answer += data
        head, ended, body = self.answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not ended or length is None or len(body) < int(length[1]):
            return
        self.statuses[head[9:12]] += 1
        self.answer = b""
        self._send_next()

    def _send_next(self) -> None:
        request = next(self.requests, None) if time.monotonic() < self.until else None
        if request is not None:
            self.transport.write(request)
        else:
            self.done.set_result(None)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Too early: the server hung up."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server hung up"))


def send_once(port: int, requests: Sequence[Sequence[bytes]], status: int) -> None:
    """Send each connection's requests one after another. Raises `RuntimeError` at another status."""
    asyncio.run(_send(port, requests, status, until=float("inf")))


def send_for(port: int, requests: Sequence[Sequence[bytes]], status: int, seconds: float) -> tuple[int, float]:
    """Send each connection's requests over and over: how many were answered, and in how many seconds.

    Raises `RuntimeError` if anything was answered with another status.
    """
    started = time.monotonic()
    answered = asyncio.run(_send(port, map(cycle, requests), status, started + seconds))
    return answered, time.monotonic() - started


async def _send(port: int, requests: Iterable[Iterable[bytes]], status: int, until: float) -> int:
    loop = asyncio.get_running_loop()
    clients = [Client(each, until) for each in requests]
    for client in clients:
        await loop.create_connection(lambda client=client: client, HOST, port)  # type: ignore[misc]
    await asyncio.gather(*(client.done for client in clients))
    statuses = sum((client.statuses for client in clients), Counter())
    if statuses.keys() != {str(status).encode()}:
        raise RuntimeError(f"Not everything was answered with {status}: {dict(statuses)}")
    return statuses.total()
