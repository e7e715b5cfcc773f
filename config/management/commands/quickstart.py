"""`manage.py quickstart`: from nothing to a running Daybook, and back to nothing with Ctrl-C."""

import errno
import socket
import sys
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http.request import validate_host
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from accounts.models import User
from config import demo
from config.health import describe
from config.processes import POLL_SECONDS, ChildDiedError, Children, exit_on_signals, running, watch

HOST = "127.0.0.1"
LEAVE_SECONDS = 3.0
MIGRATION_LOCK = 0x6461_7962_6F6F_6B02

JSON = "-H 'Content-Type: application/json'"
BEARER = '-H "Authorization: Bearer $TOKEN"'
LINES = f"""
  TOKEN=$(curl -s {{api}}/auth/token {JSON} -d @{{credentials}} | sed -n 's/.*"access":"\\([^"]*\\)".*/\\1/p')
  curl -s {{api}}/tasks {BEARER} {JSON} -d '{{{{"title": "Read the README"}}}}'
  curl -s {{api}}/knowledge/search {BEARER} {JSON} -d '{{{{"query": "who can see my data?"}}}}'
  curl -s {{api}}/audit/events {BEARER}
"""


class Command(BaseCommand):
    """Migrates, makes the demo user, loads the documentation, and serves until it is told to stop."""

    help = "Start everything on this machine: database, worker and web server, with something to look at."

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve. Ctrl-C or SIGTERM stops everything."""
        if settings.PRODUCTION:
            raise CommandError("quickstart is for development; a deployment runs what the Procfile says.")
        if not validate_host(HOST, settings.ALLOWED_HOSTS):
            raise CommandError(f"ALLOWED_HOSTS leaves {HOST} out, where quickstart serves: add it or unset it.")
        # Lines longer than the terminal are commands to be pasted: they must not be broken.
        self.console = Console(soft_wrap=True, highlight=False)
        exit_on_signals()
        try:
            self.serve(settings.PORT)
        except ChildDiedError as exc:
            raise CommandError(str(exc)) from exc
        except KeyboardInterrupt:
            self.console.print("\nStopped. Your data is kept; make run goes on from here.")

    def serve(self, port: int) -> None:
        """Prepare what must be there first, then run web and worker."""
        refuse_taken_port(port)
        try:
            self.migrate()
        except OperationalError as exc:
            raise CommandError(f"{describe(exc)}\nCheck DATABASE_URL, or unset it: Daybook brings a database.") from exc
        user, password = demo.demo_user()
        demo.load_documentation(user)
        # A line for each request would bury the greeting, so the default level is raised; DEBUG shows them all.
        level = "WARNING" if settings.LOG_LEVEL == "INFO" else settings.LOG_LEVEL
        quietly = ["env", f"LOG_LEVEL={level}", sys.executable]
        commands = {
            "worker": [*quietly, "manage.py", "worker"],
            "web server": [
                *(*quietly, "-m", "gunicorn", "-c", "python:config.gunicorn"),
                *("--bind", f"{HOST}:{port}", "config.wsgi"),
            ],
        }
        with running(commands) as children:
            watch(children, until=lambda: answers(port))
            self.wait_for_index(user, children)
            self.greet(port, password)
            # From here on this process only waits, for hours perhaps.
            connection.close()
            watch(children, until=lambda: False)

    def migrate(self) -> None:
        """Bring the database's schema up to date."""
        with self.console.status("Starting the database …"), connection.cursor() as cursor:
            # Who was killed while migrating leaves a backend that may commit yet: plan when it has gone.
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
            executor = MigrationExecutor(connection)
            pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if pending:
            with self.console.status(f"Migrating: {pending} steps …"):
                call_command("migrate", verbosity=0, interactive=False)
            self.console.print(f"Migrated the database: {pending} steps.")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])

    def wait_for_index(self, user: User, children: Children) -> None:
        """Show how far the worker is with the documentation."""
        total = demo.unfinished(user)
        if not total:
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self.console) as progress:
            bar = progress.add_task("Embedding the documentation", total=total)

            def done() -> bool:
                left = demo.unfinished(user)
                progress.update(bar, completed=total - left)
                return not left

            watch(children, until=done)

    def greet(self, port: int, password: str | None) -> None:
        """Say where everything is, and what to try."""
        base = f"http://{HOST}:{port}"
        secret = f"password {password}, shown this once and kept in" if password else "password in"
        self.console.print(f"\n[bold]Daybook serves on {base}[/bold], its admin on {base}/admin/")
        self.console.print(f"Sign in as {demo.EMAIL}, {secret} {demo.credentials_file()}")
        self.console.print("\nTry it from a second terminal:")
        self.console.print(LINES.format(api=f"{base}/api/v1", credentials=demo.credentials_file()), markup=False)
        self.console.print("Ctrl-C stops everything. LOG_LEVEL=DEBUG make run shows each request.")


def refuse_taken_port(port: int) -> None:
    """Before anything is started, and with the mend. A server whose parent was just killed has a moment to leave."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while fault := port_fault(port):
        if fault.errno != errno.EADDRINUSE or time.monotonic() > deadline:
            raise CommandError(f"Port {port} on {HOST} can't be used ({fault.strerror}). Try PORT=8001 make run.")
        time.sleep(POLL_SECONDS)


def port_fault(port: int) -> OSError | None:
    """Why the port can't be used."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            return exc
    return None


def answers(port: int) -> bool:
    """Whether the web server serves: asked directly, whatever proxy the environment names."""
    with closing(HTTPConnection(HOST, port, timeout=5)) as web:
        try:
            web.request("GET", "/health")
            return web.getresponse().status == 200
        except (OSError, HTTPException):
            return False
