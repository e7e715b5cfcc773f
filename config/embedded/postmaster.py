"""What a running server says of itself in `postmaster.pid`, and how it is launched and stopped."""

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.embedded.cluster import PORT, SOCKET_FILE, socket_directory
from config.embedded.programs import program, run

PID_FILE = "postmaster.pid"
LOG_FILE = "server.log"

# Lines of postmaster.pid by number, see src/include/utils/pidfile.h.
_PID, _SOCKET_DIR, _STATUS = 0, 4, 7

# The shell leaves the server to init, so it is nobody's zombie when it dies; `$0` is the log.
_DAEMONISE = '"$@" </dev/null >>"$0" 2>&1 &'

_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True)
class Postmaster:
    """A server by its pid file, which outlives it when it is killed: `listening()` proves that it lives."""

    pid: int
    socket_dir: Path
    status: str

    @classmethod
    def of(cls, cluster: Path) -> "Postmaster | None":
        """The server that the cluster's pid file names, None without (or with a half-written) file."""
        try:
            lines = (cluster / PID_FILE).read_text().splitlines()
        except FileNotFoundError:
            return None
        if len(lines) <= _STATUS:
            return None
        return cls(int(lines[_PID]), Path(lines[_SOCKET_DIR]), lines[_STATUS].strip())

    def listening(self) -> bool:
        """Whether the socket takes connections; nobody but this cluster's server can put one there."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            return probe.connect_ex(str(self.socket_dir / SOCKET_FILE)) == 0

    def serving(self) -> bool:
        """Whether it is up: not starting, recovering or stopping, nor dead with its pid file left behind."""
        return self.status == "ready" and self.listening()

    def stop(self) -> None:
        """Ask for a fast shutdown, unless it has just ended: what is committed is kept. Returns at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)


def launch(cluster: Path, *, durable: bool, hold: int) -> None:
    """Start the server in the background. That the caller has the lock `hold` proves that no other lives."""
    sockets = socket_directory(cluster)
    # Hence a process id left in these belongs to somebody else by now, and would only hinder the start.
    (cluster / PID_FILE).unlink(missing_ok=True)
    (sockets / f"{SOCKET_FILE}.lock").unlink(missing_ok=True)
    log = cluster / LOG_FILE
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    options = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{sockets}"',
        "unix_socket_permissions": "0700",
        # A failed statement has its values in it: what people store is nothing for a log.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        **({} if durable else _UNSAFE),
    }
    settings = [f"--{name}={value}" for name, value in options.items()]
    server: list[str | Path] = [program("postgres"), "-D", cluster, *settings]
    run("/bin/sh", "-c", _DAEMONISE, log, *server, data_dir=cluster.parent, hold=hold)


def last_words(cluster: Path) -> str:
    """What the latest server wrote to its log."""
    try:
        return (cluster / LOG_FILE).read_text(errors="replace")
    except FileNotFoundError:
        return ""
