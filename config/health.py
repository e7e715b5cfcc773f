"""Is the service well, and does it reach its database? Bounded in time, whatever state the database is in."""

import os
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.signals import connection_created
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from procrastinate.contrib.django.utils import connector_params

from config.version import VERSION
from web.errors import PROBLEM_JSON, DatabaseUnavailable, database_failed, problem

log = structlog.get_logger(__name__)

PROBE_SECONDS = 2.0
START_SECONDS = 10.0
START_ATTEMPTS = 3
# Refused or lost, hanging, and the embedded server that can't be started.
FAULTS = (psycopg.Error, TimeoutError, ImproperlyConfigured)


@dataclass(frozen=True)
class Probe:
    """A round trip to the database: its name, and how long `SELECT` took, in milliseconds."""

    database: str
    latency_ms: float


class LastContact:
    """What this process knows of the database from the traffic it had anyway.

    Asking for the service's health so costs no round trip: it neither wakes a database that sleeps when idle, nor
    keeps it awake.
    """

    reached: bool | None = None

    def succeeded(self, **kwargs: Any) -> None:
        """A connection was made."""
        self.reached = True

    def failed(self, **kwargs: Any) -> None:
        """A statement or a connection failed."""
        self.reached = False


contact = LastContact()
connection_created.connect(contact.succeeded, weak=False, dispatch_uid="config.health")
database_failed.connect(contact.failed, weak=False, dispatch_uid="config.health")


_pending: Future[Probe] | None = None


def probe(seconds: float) -> Probe:
    """One round trip on a connection of its own. Raises one of `FAULTS`, after `seconds` at the latest.

    It is made in a thread, because a connection can hang where nothing can interrupt it: in a name look-up, on a local
    socket. While it hangs no other is begun.
    """
    global _pending
    if _pending is None or _pending.done():
        _pending = Future()
        threading.Thread(target=_answer, args=(_pending,), daemon=True).start()
    return _pending.result(seconds)


def _answer(outcome: Future[Probe]) -> None:
    try:
        outcome.set_result(_round_trip())
    except Exception as exc:  # noqa: BLE001 - raised again where the outcome is waited for
        outcome.set_exception(exc)


def _round_trip() -> Probe:
    with psycopg.connect(**connector_params()) as database:
        started = time.perf_counter()
        row = database.execute("SELECT current_database()").fetchone()
        assert row is not None
        return Probe(row[0], round((time.perf_counter() - started) * 1000, 2))


def verify_database() -> None:
    """Before a process serves: log how to reach the database, or why it can't be, and end with status 1."""
    where = _whereabouts()
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            found = probe(START_SECONDS)
        except FAULTS as exc:
            log.error("database_unreachable", attempt=attempt, error=describe(exc), **where)
            time.sleep(attempt)
        else:
            contact.succeeded()
            log.info("started", version=VERSION, latency_ms=found.latency_ms, pid=os.getpid(), **where)
            return
    raise SystemExit(1)


def _whereabouts() -> dict[str, Any]:
    parameters = connector_params()
    return {name: parameters.get(name) for name in ("host", "port", "dbname", "user")}


def describe(exc: Exception) -> str:
    """An error in one line. psycopg's messages name host and user, and never the password."""
    return " ".join(f"{type(exc).__name__}: {exc}".split())


def ask() -> Probe | None:
    """A bounded round trip, remembered in `contact`; None, and a line in the log, if it failed."""
    try:
        found = probe(PROBE_SECONDS)
    except FAULTS as exc:
        contact.failed()
        log.warning("health_probe_failed", error=describe(exc))
        return None
    contact.succeeded()
    return found


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 while the service can do its work, 503 while the database is known to be out of reach.

    Only if the last contact failed, or there was none yet, the database is asked, for at most two seconds.
    """
    if not contact.reached:
        ask()
    state = {
        "status": "ok" if contact.reached else "degraded",
        "database": "connected" if contact.reached else "unavailable",
        "version": VERSION,
    }
    return JsonResponse(state, status=200 if contact.reached else 503)


@require_safe
def database_health(request: HttpRequest) -> JsonResponse:
    """A round trip to the database, now: connected, latency in milliseconds, name."""
    found = ask()
    if found is None:
        body = problem(request, 503, DatabaseUnavailable.default_code, DatabaseUnavailable.default_detail)
        retry = {"Retry-After": str(DatabaseUnavailable.wait)}
        return JsonResponse(body | {"connected": False}, status=503, content_type=PROBLEM_JSON, headers=retry)
    return JsonResponse({"connected": True, "latency_ms": found.latency_ms, "database": found.database})
