"""Health, with the database there, gone and hanging."""

import socket
import threading
import time

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from structlog.testing import capture_logs

from config import health
from config.health import Probe, contact, probe, verify_database
from config.version import VERSION
from web.errors import database_failed


@pytest.fixture(autouse=True)
def _fresh_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "reached", None)
    monkeypatch.setattr(health, "_pending", None)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there."""
    nowhere = {"host": "127.0.0.1", "port": 1, "dbname": "daybook", "user": "daybook", "password": "hunter2"}
    monkeypatch.setattr(health, "connector_params", lambda: nowhere)


@pytest.mark.django_db
def test_health_costs_no_round_trip_while_the_database_is_known_to_be_there(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/health").json() == {"status": "ok", "database": "connected", "version": VERSION}
    monkeypatch.setattr(health, "probe", lambda seconds: pytest.fail("asked the database"))

    assert client.get("/health").status_code == 200


@pytest.mark.usefixtures("no_database")
def test_health_without_a_database_is_a_503(client: Client) -> None:
    response = client.get("/health")

    assert response.status_code == 503
    assert response.json() == {"status": "degraded", "database": "unavailable", "version": VERSION}


@pytest.mark.django_db
def test_health_asks_again_after_a_failure_and_recovers(client: Client) -> None:
    database_failed.send(sender=None)
    assert contact.reached is False

    assert client.get("/health").status_code == 200
    assert contact.reached is True


@pytest.mark.django_db
def test_health_db_tells_latency_and_name(client: Client) -> None:
    body = client.get("/health/db").json()

    assert body.keys() == {"connected", "latency_ms", "database"}
    assert (body["connected"], body["database"]) == (True, connection.settings_dict["NAME"])
    assert 0 < body["latency_ms"] < 2000


@pytest.mark.usefixtures("no_database")
def test_health_db_without_a_database_is_a_problem(client: Client) -> None:
    response = client.get("/health/db")

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert (response.json()["connected"], response.json()["code"]) == (False, "database_unavailable")


def test_a_database_that_accepts_and_says_nothing_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        monkeypatch.setattr(
            health, "connector_params", lambda: {"host": host, "port": port, "user": "x", "dbname": "x"}
        )

        for _ in range(2):
            with pytest.raises(TimeoutError):
                probe(0.2)
        assert sum(thread.name.endswith("(_answer)") for thread in threading.enumerate()) == 1


@pytest.mark.parametrize("exc", [ImproperlyConfigured("no embedded server"), psycopg.OperationalError("gone")])
def test_whatever_keeps_the_database_away_is_a_503(
    exc: Exception, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> dict[str, str]:
        raise exc

    monkeypatch.setattr(health, "connector_params", fail)

    assert client.get("/health").status_code == 503
    assert client.get("/health/db").status_code == 503


def test_a_defect_in_the_probe_is_told_and_does_not_pass_for_a_hanging_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "connector_params", dict)
    monkeypatch.setattr(health.psycopg, "connect", lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        probe(5)


@pytest.mark.django_db
def test_a_start_with_a_database_is_logged() -> None:
    with capture_logs() as lines:
        verify_database()

    assert [line["event"] for line in lines] == ["started"]
    assert lines[0]["dbname"] == connection.settings_dict["NAME"]
    assert isinstance(probe(5), Probe)


@pytest.mark.usefixtures("no_database")
def test_a_start_without_a_database_ends_with_status_1_and_no_password_in_the_log() -> None:
    with capture_logs() as lines, pytest.raises(SystemExit) as ended:
        verify_database()

    assert ended.value.code == 1
    assert [line["event"] for line in lines] == ["database_unreachable"] * 3
    assert {"host", "port", "dbname", "user", "error"} <= lines[0].keys()
    assert "OperationalError" in lines[0]["error"]
    assert "hunter2" not in str(lines)


def test_an_error_is_told_in_one_line() -> None:
    assert health.describe(psycopg.OperationalError("a\n b")) == "OperationalError: a b"
