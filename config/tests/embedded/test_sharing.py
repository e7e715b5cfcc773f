"""One server, many processes: who starts it, who stops it, and what survives."""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.embedded import server as server_module
from config.embedded.cluster import PORT, SOCKET_FILE
from config.embedded.postmaster import Postmaster
from config.embedded.programs import EmbeddedPostgresError, server_account
from config.embedded.server import EmbeddedServer
from config.tests.embedded.conftest import Start, alive, query, wait_until

pytestmark = pytest.mark.slow

RACE = """
import sys
from pathlib import Path
import psycopg
from config.embedded.server import attach, detach_all
for _ in range(8):
    place = attach(Path(sys.argv[1]), durable=False)
    with psycopg.connect(host=str(place.socket_dir), user="daybook", dbname="daybook") as connection:
        connection.execute("SELECT 1")
    detach_all()
print("done")
"""

FORK = """
import os, sys
from pathlib import Path
from config.embedded.server import attach, detach_all
data_dir = Path(sys.argv[1])
server = attach(data_dir, durable=False)
if os.fork() == 0:
    sys.exit()
os.wait()
print("after a child that never used it:", server.listening(), flush=True)
joined, leave = os.pipe(), os.pipe()
if os.fork() == 0:
    attach(data_dir, durable=False)
    os.write(joined[1], b".")
    os.read(leave[0], 1)
    sys.exit()
os.read(joined[0], 1)
detach_all()
print("after the parent's end:", server.listening(), flush=True)
os.write(leave[1], b".")
os.wait()
print("after the child's end:", server.listening())
"""


def test_second_start_finds_the_data_of_the_first(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    query(server.attach(), "CREATE TABLE kept AS SELECT 42 AS answer")
    server.detach()
    assert not alive(data_dir)

    assert query(server.attach(), "SELECT answer FROM kept") == [42]
    server.detach()
    server.detach()
    assert not alive(data_dir)


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(("durable", "setting"), [(True, "on"), (False, "off")])
def test_server_is_as_durable_as_asked(data_dir: Path, durable: bool, setting: str) -> None:
    server = EmbeddedServer(data_dir, durable=durable)
    names = "current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')"
    assert query(server.attach(), f"SELECT {names}") == [setting] * 3
    server.detach()


@pytest.mark.usefixtures("made")
def test_server_runs_until_its_last_user_leaves(data_dir: Path, start: Start) -> None:
    first = start()
    postmaster = first.postmaster()
    second = start()
    assert second.postmaster() == postmaster

    first.finish()
    place = Postmaster.of(data_dir / "postgres")
    assert place is not None
    assert query(place, "SELECT 1") == [1]

    second.finish()
    assert not alive(data_dir)


@pytest.mark.usefixtures("made")
def test_last_user_stops_the_server_although_another_was_killed(data_dir: Path, start: Start) -> None:
    killed, last = start(), start()
    assert killed.postmaster() == last.postmaster()
    killed.kill()
    assert alive(data_dir)
    last.finish()
    assert not alive(data_dir)


@pytest.mark.usefixtures("made")
def test_next_user_takes_over_the_server_of_a_killed_last_user(data_dir: Path, start: Start) -> None:
    killed = start()
    postmaster = killed.postmaster()
    killed.kill()
    heir = start()
    assert heir.postmaster() == postmaster
    heir.finish()
    assert not alive(data_dir)


@pytest.mark.usefixtures("made")
def test_user_restarts_a_killed_server_and_finds_what_was_committed(data_dir: Path, start: Start) -> None:
    server = EmbeddedServer(data_dir)
    before = server.attach()
    other = start()
    assert other.postmaster() == before.pid
    query(before, "CREATE TABLE kept AS SELECT 42 AS answer")

    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: not before.listening())
    after = server.attach()

    assert after.pid != before.pid
    assert query(after, "SELECT answer FROM kept") == [42]
    server.detach()
    assert alive(data_dir)
    other.finish()
    assert not alive(data_dir)


def test_pid_files_that_name_another_server_neither_hinder_nor_harm_it(place: Path, server: EmbeddedServer) -> None:
    bystander = EmbeddedServer(place / "bystander", durable=False)
    innocent = bystander.attach()
    before = server.attach()
    left = [server.cluster / "postmaster.pid", before.socket_dir / f"{SOCKET_FILE}.lock"]
    stale = {path: path.read_text().replace(str(before.pid), str(innocent.pid)) for path in left}
    server.detach()
    for path, text in stale.items():
        path.write_text(text)
        os.chown(path, *server_account())

    assert server.attach().pid not in (before.pid, innocent.pid)
    server.detach()
    assert innocent.listening()
    bystander.detach()


def test_four_processes_that_start_at_once_share_one_server(data_dir: Path, start: Start) -> None:
    users = [start() for _ in range(4)]
    assert len({user.postmaster() for user in users}) == 1
    for user in users:
        user.finish()
    assert not alive(data_dir)


@pytest.mark.usefixtures("made")
def test_processes_that_come_while_others_leave_always_find_a_server(data_dir: Path, start: Start) -> None:
    racers = [start(RACE) for _ in range(3)]
    assert [racer.finish() for racer in racers] == ["done\n"] * 3
    assert not alive(data_dir)


@pytest.mark.usefixtures("own_servers")
def test_threads_that_attach_at_once_take_turns(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    attach = EmbeddedServer.attach

    def _slow_attach(server: EmbeddedServer) -> Postmaster:
        steps.append("in")
        time.sleep(0.02)
        steps.append("out")
        return attach(server)

    monkeypatch.setattr(EmbeddedServer, "attach", _slow_attach)
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda _: server_module.attach(data_dir, durable=False), range(4)))
    assert steps == ["in", "out"] * 4
    assert len(found) == 1
    server_module.detach_all()
    assert not alive(data_dir)


@pytest.mark.usefixtures("made")
def test_forked_child_neither_stops_its_parents_server_nor_loses_its_own(start: Start) -> None:
    assert start(FORK).finish().splitlines() == [
        "after a child that never used it: True",
        "after the parent's end: True",
        "after the child's end: False",
    ]


@pytest.mark.usefixtures("own_servers")
def test_share_dropped_after_a_fork_neither_stops_the_server_nor_keeps_it(
    data_dir: Path, server: EmbeddedServer
) -> None:
    server_module.attach(data_dir, durable=False)
    server_module._servers[data_dir.with_name("unused")] = EmbeddedServer(data_dir)
    server_module._guard.acquire()
    server_module._forget_all()
    assert alive(data_dir)
    server.attach()
    server.detach()
    assert not alive(data_dir)


def test_one_of_two_shares_leaves_the_server_running(data_dir: Path, server: EmbeddedServer) -> None:
    server.attach()
    second = EmbeddedServer(data_dir, durable=False)
    second.attach()
    second.detach()
    assert alive(data_dir)


def test_initialisation_that_was_killed_is_redone(data_dir: Path, start: Start) -> None:
    victim = start()
    wait_until((data_dir / "postgres.draft" / "global").exists)
    victim.kill()
    assert (data_dir / "postgres.draft").exists()
    assert not (data_dir / "postgres").exists()

    user = start()
    user.postmaster()
    assert not (data_dir / "postgres.draft").exists()
    user.finish()


def test_draft_of_an_interrupted_initialisation_is_discarded(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, durable=False)
    (data_dir / "postgres.draft" / "base").mkdir(parents=True)
    assert query(server.attach(), "SELECT 1") == [1]
    assert not (data_dir / "postgres.draft").exists()
    server.detach()


def test_server_that_starts_slowly_is_reported_and_still_stopped(
    data_dir: Path, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.attach()
    server.detach()
    monkeypatch.setattr(server_module, "START_SECONDS", 0.001)
    with pytest.raises(EmbeddedPostgresError, match="isn't ready after 0 s"):
        server.attach()
    assert alive(data_dir)
    server.detach()
    assert not alive(data_dir)


def test_user_of_a_removed_directory_leaves_in_peace(data_dir: Path, server: EmbeddedServer) -> None:
    place = server.attach()
    shutil.rmtree(data_dir)
    server.detach()
    os.kill(place.pid, signal.SIGQUIT)


def test_server_that_stops_slowly_is_reported(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.attach()
    monkeypatch.setattr(server_module, "STOP_SECONDS", -1.0)
    server.detach()
    assert "hasn't stopped" in caplog.text
    wait_until(lambda: not alive(server.data_dir))


def test_server_is_out_of_reach_of_the_network_the_terminal_and_other_users(server: EmbeddedServer) -> None:
    place = server.attach()
    assert query(place, "SHOW listen_addresses") == [""]
    assert os.getsid(place.pid) != os.getsid(0)
    assert place.socket_dir.stat().st_mode & 0o777 == 0o700
    assert (place.socket_dir / f".s.PGSQL.{PORT}").stat().st_mode & 0o777 == 0o700
