"""What the tests of the changes have in common: how a client reads them."""

from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User

URL = "/api/v1/changes"


def settle() -> None:
    """Wait until nobody in the whole cluster writes: till then the feed is late."""
    limit = monotonic() + 10
    while monotonic() < limit:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(now) = pg_snapshot_xmax(now) FROM pg_current_snapshot() AS now")
            if cursor.fetchone() == (True,):
                return
        sleep(0.01)
    pytest.fail("somebody else goes on writing")


def page(client: APIClient, **parameters: Any) -> dict[str, Any]:
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/json"
    body: dict[str, Any] = response.json()
    return body


def everything(client: APIClient, **parameters: Any) -> tuple[list[dict[str, Any]], str]:
    """All pages until there is no more, and the cursor for the next time."""
    settle()
    found = []
    while True:
        told = page(client, **parameters)
        found += told["results"]
        parameters["cursor"] = told["next"]
        if not told["more"]:
            return found, told["next"]


def told_of(client: APIClient, cursor: str) -> list[tuple[str, str, bool, int | None]]:
    """What was changed since, without the objects."""
    changes = everything(client, cursor=cursor)[0]
    return [(change["type"], change["id"], change["deleted"], change["version"]) for change in changes]


def titles(client: APIClient, **parameters: Any) -> list[str]:
    return [change["object"]["title"] for change in everything(client, **parameters)[0]]


def insert_task(other: psycopg.Connection[Any], owner: User, title: str) -> None:
    other.execute("INSERT INTO tasks_task (owner_id, title) VALUES (%s, %s)", [owner.pk, title])
