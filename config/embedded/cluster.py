"""The cluster directory: made complete or not at all, and refused when it isn't ours to use."""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from config.embedded.programs import MAJOR_VERSION, EmbeddedPostgresError, program, run, server_account

ROLE = "daybook"
DATABASE = "daybook"
SUPERUSER = "postgres"
PORT = 5432
SOCKET_FILE = f".s.PGSQL.{PORT}"

# The shortest limit of the supported systems, macOS's sun_path, without its final NUL.
SOCKET_PATH_BYTES = 103

INITDB = (
    f"--username={SUPERUSER}",
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    # The built-in provider knows Unicode and gives the same order on every system; libc's C covers the rest.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)

# Only the superuser can make `vector`, which isn't trusted; from template1 each new database has it.
# Copying files instead of logging pages spares a quarter of a new cluster's size.
BOOTSTRAP = f"""\
CREATE EXTENSION vector
CREATE ROLE {ROLE} LOGIN NOSUPERUSER CREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS
CREATE DATABASE {DATABASE} OWNER {ROLE} STRATEGY file_copy
"""


def prepare(cluster: Path, *, durable: bool, hold: int) -> None:
    """Make the cluster if there is none. Raises EmbeddedPostgresError for a directory that isn't ours."""
    if not cluster.exists():
        _initialise(cluster, durable=durable, hold=hold)
        return
    owner, account = cluster.stat().st_uid, server_account()
    if owner != account.uid:
        raise EmbeddedPostgresError(
            f"{cluster} belongs to the user with id {owner}, but PostgreSQL would run as {account.uid}: "
            "run as its owner, move it away, or set DATABASE_URL."
        )
    version_file = cluster / "PG_VERSION"
    if not version_file.exists():
        raise EmbeddedPostgresError(f"{cluster} is no PostgreSQL cluster: move it away, or set DATABASE_URL.")
    version = version_file.read_text().strip()
    if version != str(MAJOR_VERSION):
        raise EmbeddedPostgresError(
            f"{cluster} is of PostgreSQL {version}, but {MAJOR_VERSION} is installed: dump it with version "
            f"{version} (pg_dump) and move it away, or set DATABASE_URL."
        )


def _initialise(cluster: Path, *, durable: bool, hold: int) -> None:
    """Build in a sibling that never served anybody, and rename it last: an interrupted build is redone."""
    draft = cluster.with_name(f"{cluster.name}.draft")
    if draft.exists():
        shutil.rmtree(draft)
    _make_private(draft)
    sync, fsync = ((), "on") if durable else (("--no-sync",), "off")
    run(program("initdb"), f"--pgdata={draft}", *INITDB, *sync, data_dir=cluster.parent, hold=hold)
    # Single-user mode: there is no server yet that anybody could connect to. One line is one statement.
    single = ("--single", "-D", draft, "-c", "exit_on_error=on", "-c", f"fsync={fsync}", "template1")
    run(program("postgres"), *single, data_dir=cluster.parent, hold=hold, stdin=BOOTSTRAP)
    draft.rename(cluster)
    _sync(cluster.parent)


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(directory, *server_account(), follow_symlinks=False)


def _sync(directory: Path) -> None:
    """Write the directory itself: a rename lost in a power cut would leave the data in a discarded draft."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def socket_directory(cluster: Path) -> Path:
    """Where the server's socket lies: in the cluster or, if that path is too long, in a short private place.

    Raises EmbeddedPostgresError if somebody else made that place, or none is short enough.
    """
    if _fits(cluster):
        return cluster
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    name = f"daybook-{server_account().uid}-{digest}"
    for base in _short_places():
        if _fits(base / name):
            return _claim(base / name)
    raise EmbeddedPostgresError(f"There is no short enough path for a socket of {cluster}: shorten TMPDIR.")


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET_FILE)) <= SOCKET_PATH_BYTES


def _short_places() -> list[Path]:
    return [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - owner and mode are checked


def _claim(directory: Path) -> Path:
    try:
        _make_private(directory)
    except FileExistsError:
        found = directory.lstat()
        private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
        if not private or found.st_uid != server_account().uid:
            raise EmbeddedPostgresError(
                f"{directory} isn't a private directory of PostgreSQL's user: remove it, or set DATABASE_URL."
            ) from None
    return directory
