"""An instance to measure: production's settings over an embedded PostgreSQL in a temporary directory."""

import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from django.core.management import call_command
from django.db import connections

from config.embedded.cluster import DATABASE, ROLE
from config.embedded.postmaster import Postmaster
from config.embedded.server import attach, detach_all
from config.env import DECLARED
from config.env_secrets import GENERATED

HOST = "127.0.0.1"
WORKERS = 2
MANAGE = [sys.executable, "manage.py"]


@contextmanager
def instance() -> Iterator[None]:
    """Make it this process's, and that of every child: environment, running database, migrated schema."""
    with TemporaryDirectory(prefix="daybook-benchmark-") as directory:
        # As root the server runs as another user, who has to get to its data.
        Path(directory).chmod(0o711)
        try:
            for name in DECLARED:
                os.environ.pop(name, None)
            os.environ |= _environment(attach(Path(directory, "data")), Path(directory, "documents"))
            django.setup()
            call_command("migrate", verbosity=0)
            yield
        finally:
            connections.close_all()
            detach_all()


def _environment(database: Postmaster, documents: Path) -> dict[str, str]:
    return {
        **{name: secrets.token_urlsafe(size) for name, size in GENERATED.items()},
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DAYBOOK_ENV": "production",
        "DATABASE_URL": f"postgresql://{ROLE}@/{DATABASE}?host={database.socket_dir}",
        "ALLOWED_HOSTS": HOST,
        "LOG_LEVEL": "WARNING",
        "WEB_CONCURRENCY": str(WORKERS),
        "PORT": str(free_port()),
        "STORAGE_DIR": str(documents),
        # Collected for a deployment only.
        "PYTHONWARNINGS": "ignore:No directory at:UserWarning",
    }


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
