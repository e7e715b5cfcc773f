"""Load for the API: keep-alive connections that send a request again as soon as it is answered.

It runs in a process of its own, and does next to nothing for each answer: what is measured is the server.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.instance import HOST

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Client(asyncio.Protocol):
    """One connection. It counts answers by status until a moment of `time.monotonic()`, and awaits the last."""

    def __init__(self, request: bytes, until: float) -> None:
        self.request = request
        self.until = until
        self.statuses: Counter[bytes] = Counter()
        self.done = asyncio.get_running_loop().create_future()
        self.answer = b""

    def connection_made(self, transport: Any) -> None:
        """Send the first request."""
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Send the next when the answer is whole."""
        self.answer += data
        head, ended, body = self.answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not ended or length is None or len(body) < int(length[1]):
            return
        self.statuses[head[9:12]] += 1
        self.answer = b""
        if time.monotonic() < self.until:
            self.transport.write(self.request)
        else:
            self.done.set_result(None)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Too early: the server hung up."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server hung up"))


def create_tasks(port: int, tokens: Sequence[str], seconds: float) -> tuple[int, float]:
    """Create tasks over one connection a token: how many, and in how many seconds.

    Raises `RuntimeError` if anything was answered otherwise.
    """
    return asyncio.run(_create_tasks(port, tokens, seconds))


async def _create_tasks(port: int, tokens: Sequence[str], seconds: float) -> tuple[int, float]:
    started = time.monotonic()
    loop = asyncio.get_running_loop()
    clients = [Client(_request(port, token), started + seconds) for token in tokens]
    for client in clients:
        await loop.create_connection(lambda client=client: client, HOST, port)  # type: ignore[misc]
    await asyncio.gather(*(client.done for client in clients))
    statuses = sum((client.statuses for client in clients), Counter())
    if statuses.keys() != {b"201"}:
        raise RuntimeError(f"Not everything was created: {dict(statuses)}")
    return statuses.total(), time.monotonic() - started


def _request(port: int, token: str) -> bytes:
    body = b'{"title": "Water the plants", "description": "Those on the balcony, too."}'
    head = (
        f"POST /api/v1/tasks HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nUser-Agent: daybook-benchmark\r\n"
        # What the platform's proxy says, which ends TLS.
        "X-Forwarded-Proto: https\r\n\r\n"
    )
    return head.encode() + body
