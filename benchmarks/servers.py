"""Web servers as they are deployed, and what they and the database compute."""

import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

import psutil  # type: ignore[import-untyped]
from django.conf import settings
from django.db import connection

from benchmarks.instance import HOST

# As the Procfile has it, on the loopback interface only.
GUNICORN = [
    *(sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn"),
    *("--bind", f"{HOST}:{settings.PORT}", "config.wsgi"),
]


def uvicorn(application: str, port: int, workers: int) -> Sequence[str]:
    """As `fastapi run --workers` serves an application, but for the line it logs for each request."""
    served = ["--host", HOST, "--port", str(port), "--workers", str(workers), "--loop", "uvloop", "--http", "httptools"]
    return [sys.executable, "-m", "uvicorn", *served, "--log-level", "warning", "--no-access-log", application]


def listens(port: int) -> bool:
    """Whether a server takes connections."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def database_server() -> psutil.Process:
    """The process of which all backends are children."""
    connection.ensure_connection()
    return psutil.Process(connection.connection.info.backend_pid).parent()


def processor_seconds(server: psutil.Process) -> float:
    """Of the process and all its children, those that have ended included."""
    return sum(sum(process.cpu_times()[:4]) for process in (server, *server.children(recursive=True)))
