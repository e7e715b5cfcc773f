"""The request's id, and its line in the log."""

import pytest
import structlog
from django.test import Client
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from accounts.models import User


@pytest.mark.parametrize("offered", ["abc-123", "A.b_c:d", "x" * 128])
def test_a_well_formed_request_id_is_kept(offered: str, client: Client) -> None:
    assert client.get("/", headers={"X-Request-ID": offered})["X-Request-ID"] == offered


@pytest.mark.parametrize("offered", ["", "a b", "-a", "x" * 129, "é", 'a"b'])
def test_a_malformed_request_id_is_replaced(offered: str, client: Client) -> None:
    given = client.get("/", headers={"X-Request-ID": offered})["X-Request-ID"]

    assert len(given) == 36
    assert given != offered


def test_each_request_leaves_one_line_without_what_was_sent(owner: User, owner_client: APIClient) -> None:
    with capture_logs(processors=[]) as lines:
        assert owner_client.get("/api/v1/tasks?secret=1").status_code == 422
        owner_client.post("/api/v1/tasks", {"title": "My secret"}, headers={"X-Request-ID": "mine"})

    told = [{name: line.get(name) for name in ("event", "action", "method", "route", "status")} for line in lines]
    assert told[1] == {
        "event": "request",
        "action": "task.create",
        "method": "POST",
        "route": "task-list",
        "status": 201,
    }
    assert "secret" not in str(lines)


def test_what_is_logged_after_a_request_is_not_the_requests(owner_client: APIClient) -> None:
    owner_client.get("/api/v1/me")

    assert structlog.contextvars.get_contextvars() == {}
