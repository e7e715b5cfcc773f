"""`manage.py quickstart` as people run it: processes, a data directory and a port of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from config.embedded.postmaster import Postmaster
from config.env import DECLARED, PROJECT_ROOT
from config.tests.embedded.conftest import alive

HOST = "127.0.0.1"
GREETED = "Ctrl-C stops everything."
PASSWORD = "correct horse battery"
END = b"\x1e"


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The condition's value as soon as it is a true one."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return value


class Client:
    """A user of the API, by the access token."""

    def __init__(self, port: int, token: str = "") -> None:
        self.port = port
        self.headers = {"Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of an answer. Raises `OSError` or `HTTPException` if there is none."""
        web = HTTPConnection(HOST, self.port, timeout=30)
        try:
            web.request(method, f"/api/v1/{path}", None if body is None else json.dumps(body), self.headers)
            answer = web.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            web.close()

    def get(self, path: str) -> Any:
        """What is there."""
        status, body = self.call("GET", path)
        assert status == 200, body
        return body

    def post(self, path: str, body: Any) -> Any:
        """What was accepted."""
        status, answer = self.call("POST", path, body)
        assert 200 <= status < 300, answer
        return answer

    def everything(self, path: str) -> list[dict[str, Any]]:
        """All pages of a list."""
        first = f"{path}{'&' if '?' in path else '?'}limit=100"
        page = self.get(first)
        found = list(page["results"])
        while page["next"]:
            page = self.get(f"{first}&cursor={page['next']}")
            found += page["results"]
        return found

    def unfinished(self) -> list[dict[str, Any]]:
        """Documents that aren't indexed."""
        return [document for document in self.everything("knowledge/documents") if document["status"] != "completed"]

    def found(self, question: str) -> list[dict[str, Any]]:
        """Passages, best first."""
        results: list[dict[str, Any]] = self.post("knowledge/search", {"query": question})["results"]
        return results

    def signed_in(self, credentials: dict[str, str]) -> "Client":
        """The client of who has these credentials."""
        return Client(self.port, self.post("auth/token", credentials)["access"])

    def signed_up(self, email: str) -> "Client":
        """The client of a new user."""
        self.post("auth/register", {"email": email, "password": PASSWORD})
        return self.signed_in({"email": email, "password": PASSWORD})


class Quickstart:
    """One start of it, in a process group of its own as a shell's foreground job is."""

    def __init__(self, place: Path, port: int) -> None:
        self.data_dir = place / ".daybook"
        self.client = Client(port)
        self.port = port
        self._output, self._errors = place / "output", place / "errors"
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "quickstart"],
                cwd=PROJECT_ROOT,
                env=environment(self.data_dir, port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self._output.read_text()

    @property
    def errors(self) -> str:
        """What it and its children have logged so far."""
        return self._errors.read_text()

    def greeting(self) -> str:
        """Its output, when it serves."""
        wait_for(lambda: GREETED in self.output or self.process.poll() is not None)
        assert self.process.poll() is None, self.errors
        return self.output

    def tree(self) -> list[psutil.Process]:
        """All processes but the database's: itself, the worker, the web server and the web server's own."""
        itself = psutil.Process(self.process.pid)
        return [itself, *itself.children(recursive=True)]

    def child(self, word: str) -> psutil.Process:
        """The worker or the web server, by a word of its command line."""
        return next(child for child in psutil.Process(self.process.pid).children() if word in child.cmdline())

    def postmaster(self) -> Postmaster:
        """The database."""
        postmaster = Postmaster.of(self.data_dir / "postgres")
        assert postmaster is not None
        return postmaster

    def credentials(self) -> dict[str, str]:
        """The demo user's."""
        kept: dict[str, str] = json.loads((self.data_dir / "demo.json").read_text())
        return kept

    def ctrl_c(self) -> int:
        """Stop as a terminal does, and return the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


def environment(data_dir: Path, port: int) -> dict[str, str]:
    """That of a developer who has configured nothing. What measures coverage is let through."""
    ours = {
        "DAYBOOK_ENV": "development",
        "DAYBOOK_DATA_DIR": str(data_dir),
        "PORT": str(port),
        "DJANGO_SETTINGS_MODULE": "config.tests.quickstart_settings",
    }
    return {name: value for name, value in os.environ.items() if name not in DECLARED} | ours


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Home:
    """A data directory, and the quickstart that runs on it if there is one."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.port = free_port()
        self.current: Quickstart | None = None

    def start(self) -> Quickstart:
        """Start anew."""
        self.current = Quickstart(self.place, self.port)
        return self.current

    def running(self) -> Quickstart:
        """The one that runs, started if none does."""
        if self.current is None or self.current.process.poll() is not None:
            self.start().greeting()
        assert self.current is not None
        return self.current

    def close(self) -> None:
        """Leave nothing running, however the test went."""
        if self.current and self.current.process.poll() is None:
            self.current.process.terminate()
            self.current.process.wait(60)
        if self.current and alive(self.current.data_dir):
            os.kill(self.current.postmaster().pid, signal.SIGQUIT)


@contextmanager
def home() -> Iterator[Home]:
    """A place that is used for the first time. Not below pytest's: see the embedded server's fixtures."""
    with tempfile.TemporaryDirectory(prefix="daybook-") as directory:
        made = Home(Path(directory))
        try:
            yield made
        finally:
            made.close()


class Shell:
    """A shell into which lines are pasted."""

    def __init__(self, place: Path, path: str) -> None:
        # A curl that hangs gives up, and nobody's own ~/.curlrc or proxy has a say.
        (place / ".curlrc").write_text("max-time = 30\n")
        self._shell = subprocess.Popen(
            ["sh"],
            cwd=place,
            env={"PATH": path, "HOME": str(place), "CURL_HOME": str(place)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def paste(self, line: str) -> str:
        """What the line prints."""
        assert self._shell.stdin and self._shell.stdout
        self._shell.stdin.write(f"{line}\nprintf '\\036'\n".encode())
        self._shell.stdin.flush()
        printed = b""
        while not printed.endswith(END):
            piece = self._shell.stdout.read1()  # type: ignore[attr-defined]
            assert piece, "the shell ended"
            printed += piece
        return printed.removesuffix(END).decode()

    def close(self) -> None:
        """End it."""
        self._shell.communicate()
