"""Running web and worker side by side, as children that never outlive their parent."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 20.0
POLL_SECONDS = 0.1

Children = dict[str, subprocess.Popen[bytes]]


class ChildDiedError(Exception):
    """A process that should run until it is stopped has ended by itself."""


def _end_with_parent() -> None:
    """In the child: be told to stop when the parent is gone, even by kill -9 (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def running(commands: Mapping[str, Sequence[str]]) -> Iterator[Children]:
    """The commands as processes, each in a session of its own, so that Ctrl-C reaches the parent alone.

    However the block ends, all of them have ended after it.
    """
    children: Children = {}
    try:
        for name, command in commands.items():
            children[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_end_with_parent
            )
        yield children
    finally:
        _stop(children.values())


def _stop(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Ask all at once, then wait; who doesn't listen is killed, and at a second Ctrl-C everybody."""
    stopping = list(processes)
    for process in stopping:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    try:
        for process in stopping:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
    finally:
        for process in stopping:
            process.kill()
            process.wait()


def watch(children: Children, until: Callable[[], bool]) -> None:
    """Wait until the condition holds. Raises `ChildDiedError` if a child ends meanwhile."""
    while not until():
        for name, process in children.items():
            if process.poll() is not None:
                raise ChildDiedError(f"The {name} ended by itself, with status {process.returncode}; its log is above.")
        time.sleep(POLL_SECONDS)


def exit_on_signals() -> None:
    """SIGTERM and SIGHUP end the process as Ctrl-C does: through every `finally` and `atexit`."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    # A script's background jobs begin with SIGINT ignored; who sends it nevertheless means it.
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    # nohup ignores this one, and means that.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, leave)
