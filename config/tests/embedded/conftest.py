"""Processes that use an embedded server, and the end of every server that a test began."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from config.embedded import cluster as cluster_module
from config.embedded import server as server_module
from config.embedded.cluster import PORT, ROLE
from config.embedded.postmaster import Postmaster
from config.embedded.server import EmbeddedServer

ROOT = Path(__file__).resolve().parents[3]

USE = """
import sys
from pathlib import Path
from config.embedded.server import attach
print(attach(Path(sys.argv[1]), durable=False).pid, flush=True)
sys.stdin.read()
"""


class Program:
    """A Python process that gets the data directory as its argument, and ends with its standard input."""

    def __init__(self, source: str, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", source, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def line(self) -> str:
        """The next line of its output."""
        assert self.process.stdout is not None
        return str(self.process.stdout.readline()).strip()

    def postmaster(self) -> int:
        """What a process of `USE` prints when it is attached: the server's process id."""
        line = self.line()
        assert line.isdigit(), self.end()
        return int(line)

    def end(self) -> tuple[int, str, str]:
        """End its input and wait for its end: its exit code, and the rest of its output and of its errors."""
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors

    def finish(self) -> str:
        """Wait for an end that must be a good one, and return the rest of its output."""
        code, output, errors = self.end()
        assert code == 0, errors
        return output

    def kill(self) -> None:
        """End it by SIGKILL, which it can't answer."""
        self.process.kill()
        self.end()

    def close(self) -> None:
        """Leave nothing of it behind."""
        if self.process.returncode is None:
            self.kill()


Start = Callable[..., Program]


def alive(data_dir: Path) -> bool:
    """Whether any process of the server lives, by the lock that it keeps."""
    with open(data_dir / "postgres.alive", "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait at most 10 s."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def query(postmaster: Postmaster, statement: LiteralString, **place: Any) -> list[Any]:
    """The first row of a statement, committed, as the ordinary role unless told."""
    target = {"host": str(postmaster.socket_dir), "port": PORT, "user": ROLE, "dbname": "daybook", **place}
    with psycopg.connect(**target, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return list(cursor.fetchone() or ()) if cursor.description else []


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of the test's own. Not `tmp_path`: each start of pytest closes that one's parent to others.

    As root, the server runs as another user, who must get through.
    """
    with tempfile.TemporaryDirectory(prefix="daybook-") as directory:
        yield Path(directory)


@pytest.fixture
def data_dir(place: Path) -> Iterator[Path]:
    """A data directory that doesn't exist yet, whose server ends with the test."""
    directory = place / "daybook"
    yield directory
    postmaster = Postmaster.of(directory / "postgres") if directory.is_dir() else None
    if postmaster is not None and postmaster.listening():
        os.kill(postmaster.pid, signal.SIGQUIT)
        wait_until(lambda: not alive(directory))


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A complete cluster, for copies: making one takes most of a short test's time."""
    with tempfile.TemporaryDirectory(prefix="daybook-") as directory, pytest.MonkeyPatch.context() as patch:
        # Small log segments make the copies small.
        patch.setattr(cluster_module, "INITDB", (*cluster_module.INITDB, "--wal-segsize=1"))
        server = EmbeddedServer(Path(directory), durable=False)
        server.attach()
        server.detach()
        yield server.cluster


@pytest.fixture
def made(data_dir: Path, template: Path) -> None:
    """Makes the data directory one that was used before."""
    data_dir.mkdir()
    subprocess.run(["cp", "-a", template, data_dir / "postgres"], check=True)


@pytest.fixture
def server(data_dir: Path, made: None) -> Iterator[EmbeddedServer]:
    """A share of the test's process in the server, given back at the end."""
    share = EmbeddedServer(data_dir, durable=False)
    yield share
    share.detach()


@pytest.fixture
def own_servers(made: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The servers that the test itself attaches to as an application does, apart from the test run's."""
    with monkeypatch.context() as patch:
        patch.setattr(server_module, "_servers", {})
        yield
        server_module.detach_all()


@pytest.fixture
def start(data_dir: Path) -> Iterator[Start]:
    """Starts programs on the data directory; the test's end kills those that are left."""
    programs: list[Program] = []

    def _start(source: str = USE) -> Program:
        programs.append(Program(source, data_dir))
        return programs[-1]

    yield _start
    for program in programs:
        program.close()
