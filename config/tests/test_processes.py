"""Children that never outlive their parent, however it ends."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from config import processes
from config.processes import ChildDiedError, running, watch

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

POLITE = """
import pathlib, sys, time
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN){POLITE}"
PARENT = """
import pathlib, sys
from config.processes import exit_on_signals, running, watch
source, ready = sys.argv[1:]
exit_on_signals()
try:
    with running({"child": [sys.executable, "-c", source, ready]}) as children:
        watch(children, until=pathlib.Path(ready).exists)
        print(children["child"].pid, flush=True)
        watch(children, until=lambda: False)
except KeyboardInterrupt:
    print("stopped")
"""


class Parent:
    """A process that runs one child until it is told to stop."""

    def __init__(self, source: str, ready: Path, *before: str) -> None:
        command = [*before, sys.executable, "-c", PARENT, source, str(ready)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.child = psutil.Process(int(self.process.stdout.readline()))

    def end(self) -> tuple[int, str]:
        """Wait for its end: its status, and what it said last."""
        output, _ = self.process.communicate(timeout=processes.STOP_SECONDS + 10)
        return self.process.returncode, output

    def close(self) -> None:
        """Leave nothing of it behind."""
        self.process.kill()
        with suppress(psutil.NoSuchProcess):
            self.child.kill()
        self.process.communicate()


@pytest.fixture
def parents() -> Iterator[list[Parent]]:
    """Those that a test starts end with it."""
    started: list[Parent] = []
    yield started
    for parent in started:
        parent.close()


def sleeper(source: str, ready: Path) -> list[str]:
    """The command of a child that touches the file when it sleeps."""
    return [sys.executable, "-c", source, str(ready)]


def test_running_ends_its_children_with_the_block(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"

    with running({"one": sleeper(POLITE, one), "two": sleeper(POLITE, two)}) as children:
        watch(children, until=lambda: one.exists() and two.exists())
        # Each in a session of its own: the terminal's Ctrl-C reaches the parent only.
        assert [os.getsid(process.pid) for process in children.values()] == [it.pid for it in children.values()]

    assert [process.returncode for process in children.values()] == [-signal.SIGTERM] * 2


def test_running_ends_the_first_child_if_the_second_cannot_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[subprocess.Popen[bytes]] = []
    stop = processes._stop

    def spy(children: Iterable[subprocess.Popen[bytes]]) -> None:
        stopped.extend(children)
        stop(stopped)

    monkeypatch.setattr(processes, "_stop", spy)

    with (
        pytest.raises(FileNotFoundError),
        running({"one": sleeper(POLITE, tmp_path / "one"), "two": [str(tmp_path / "nowhere")]}),
    ):
        pytest.fail("the block must not begin")

    assert [process.returncode for process in stopped] == [-signal.SIGTERM]


def test_running_kills_a_child_that_ignores_sigterm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.2)
    ready = tmp_path / "ready"

    with running({"deaf": sleeper(DEAF, ready)}) as children:
        watch(children, until=ready.exists)

    assert children["deaf"].returncode == -signal.SIGKILL


def test_watch_tells_which_child_died_and_the_others_end(tmp_path: Path) -> None:
    commands = {"lasting": sleeper(POLITE, tmp_path / "ready"), "short": sleeper("raise SystemExit(3)", tmp_path)}

    with pytest.raises(ChildDiedError, match="The short ended by itself, with status 3"), running(commands) as children:
        watch(children, until=lambda: False)

    assert children["lasting"].returncode == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_parent_told_to_stop_ends_its_child_first(
    number: signal.Signals, parents: list[Parent], tmp_path: Path
) -> None:
    parents.append(parent := Parent(POLITE, tmp_path / "ready"))

    parent.process.send_signal(number)

    assert parent.end() == (0, "stopped\n")
    assert not parent.child.is_running()


def test_parent_in_the_background_of_a_script_hears_ctrl_c_and_under_nohup_no_hangup(
    parents: list[Parent], tmp_path: Path
) -> None:
    deafen = 'trap "" INT HUP; exec "$@"'
    parents.append(parent := Parent(POLITE, tmp_path / "ready", "sh", "-c", deafen, "sh"))

    parent.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert parent.process.poll() is None

    parent.process.send_signal(signal.SIGINT)
    assert parent.end() == (0, "stopped\n")


def test_parent_at_the_second_ctrl_c_waits_no_longer(parents: list[Parent], tmp_path: Path) -> None:
    parents.append(parent := Parent(DEAF, tmp_path / "ready"))

    parent.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert parent.process.poll() is None
    parent.process.send_signal(signal.SIGINT)

    assert parent.end() == (0, "stopped\n")
    assert not parent.child.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_parent_killed_takes_its_child_along(parents: list[Parent], tmp_path: Path) -> None:
    parents.append(parent := Parent(POLITE, tmp_path / "ready"))

    parent.process.kill()

    parent.child.wait(timeout=10)


@pytest.mark.parametrize(("platform", "asked"), [("linux", [(1, signal.SIGTERM)]), ("darwin", [])])
def test_kernel_is_asked_where_it_can_tell_of_a_parents_end(
    platform: str, asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int]] = []
    libc = SimpleNamespace(prctl=lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: libc)

    processes._end_with_parent()

    assert calls == asked
