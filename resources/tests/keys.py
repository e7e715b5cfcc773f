"""Requests with an `Idempotency-Key`, for its tests."""

from typing import Any

from rest_framework.test import APIClient

TASKS = "/api/v1/tasks"
KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
PLANTS = {"title": "Water the plants"}


def post(client: APIClient, body: Any = PLANTS, key: str = KEY, url: str = TASKS) -> Any:
    """A request with a key."""
    return client.post(url, body, headers={"Idempotency-Key": key})


def said(response: Any) -> tuple[Any, ...]:
    """All that an answer says, but for whether it says so again."""
    kept = {name: response.get(name) for name in ("Content-Type", "ETag", "Location")}
    return response.status_code, response.content, kept


def is_replay(response: Any) -> bool:
    return response.get("Idempotency-Replayed") == "true"


def refusal(response: Any) -> tuple[int, str] | None:
    """Status and code of a problem."""
    return (response.status_code, response.json()["code"]) if response.status_code >= 400 else None
