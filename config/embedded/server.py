"""Sharing one server among processes: the first starts it, the last stops it, however the others ended.

A process that is killed, or ends by a signal that it doesn't handle, can't stop the server; the next user of
the server takes it over, and stops it.
"""

import atexit
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from config.embedded.cluster import prepare
from config.embedded.postmaster import Postmaster, last_words, launch
from config.embedded.programs import EmbeddedPostgresError, failure, let_through, program

START_SECONDS = 300.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.01

logger = logging.getLogger(__name__)


class EmbeddedServer:
    """The share of a process in the server of one data directory."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self.cluster = self.data_dir / "postgres"
        self.durable = durable
        self._share: BinaryIO | None = None

    def attach(self) -> Postmaster:
        """Start the server, or join it; return it when it serves. To be called before each new connection.

        Raises EmbeddedPostgresError, whatever the reason that it can't serve.
        """
        with self._explained():
            if self._share is None:
                self._share = self._take_share()
            return self._serving()

    def detach(self) -> None:
        """End this process's use of the server; the last process stops it and waits for its end."""
        if self._share is None:
            return
        with self._share as share:
            self._share = None
            if _locked(share):
                self._stop()

    def forget(self) -> None:
        """In a forked child: drop the parent's share, which stays the parent's, and whose end isn't ours."""
        if self._share is not None:
            self._share.close()
            self._share = None

    def _take_share(self) -> BinaryIO:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        share = _open_private(self.data_dir / "postgres.lock")
        try:
            # Waits while the last process before us stops the server.
            fcntl.flock(share, fcntl.LOCK_SH)
        except BaseException:
            share.close()
            raise
        return share

    def _serving(self) -> Postmaster:
        launched, deadline = False, time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            postmaster = Postmaster.of(self.cluster)
            if postmaster is not None and postmaster.serving():
                return postmaster
            with self._alive_file() as alive:
                if _locked(alive):
                    if launched:
                        raise failure(self.data_dir, "the server ended", last_words(self.cluster))
                    self._launch(alive)
                    launched = True
            time.sleep(POLL_SECONDS)
        raise failure(self.data_dir, f"it isn't ready after {START_SECONDS:.0f} s", last_words(self.cluster))

    def _launch(self, alive: BinaryIO) -> None:
        let_through(self.data_dir)
        let_through(program("postgres").parent)
        prepare(self.cluster, durable=self.durable, hold=alive.fileno())
        launch(self.cluster, durable=self.durable, hold=alive.fileno())

    def _stop(self) -> None:
        asked, deadline = False, time.monotonic() + STOP_SECONDS
        while self._alive():
            postmaster = Postmaster.of(self.cluster)
            # One that was launched a moment ago listens later.
            if not asked and postmaster is not None and postmaster.listening():
                postmaster.stop()
                asked = True
            if time.monotonic() > deadline:
                logger.warning("The PostgreSQL in %s hasn't stopped in %.0f s", self.data_dir, STOP_SECONDS)
                return
            time.sleep(POLL_SECONDS)

    def _alive(self) -> bool:
        if not self.data_dir.exists():
            # Removed while in use: the server misses its pid file within a minute, and ends by itself.
            return False
        with self._alive_file() as alive:
            return not _locked(alive)

    def _alive_file(self) -> BinaryIO:
        return _open_private(self.data_dir / "postgres.alive")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL can't use its data directory {self.data_dir}: {error}. "
                f"Make it a directory that the user with id {os.geteuid()} can write to, or set DATABASE_URL."
            ) from error


def _open_private(path: Path) -> BinaryIO:
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _locked(file: BinaryIO) -> bool:
    """Try to lock exclusively. A shared lock held through the same file is lost either way."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_servers: dict[Path, EmbeddedServer] = {}
_guard = threading.Lock()


def attach(data_dir: Path, *, durable: bool = True) -> Postmaster:
    """The serving server of a data directory, from now to this process's end. Safe for threads and forks.

    `durable=False` is for tests: a server that this call starts may lose data in a power cut, and is faster.
    """
    with _guard:
        server = _servers.setdefault(data_dir.resolve(), EmbeddedServer(data_dir, durable=durable))
        return server.attach()


def detach_all() -> None:
    """End this process's use of all servers. Happens by itself when the interpreter ends."""
    with _guard:
        while _servers:
            _servers.popitem()[1].detach()


def _forget_all() -> None:
    for server in _servers.values():
        server.forget()
    _servers.clear()
    _guard.release()


atexit.register(detach_all)
# No fork in the middle of a start: the child would keep the lock that says that the server lives.
os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_forget_all)
