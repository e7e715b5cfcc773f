"""A front end on another origin: what its browser lets it send and read."""

from rest_framework.test import APIClient

ORIGIN = "https://app.example.com"


def test_a_trusted_origin_may_send_and_read_what_the_api_speaks_in(owner_client: APIClient, settings: object) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]  # type: ignore[attr-defined]
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    sent = {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "prefer", "x-request-id"}

    preflight = owner_client.options("/api/v1/tasks", headers=asked)
    response = owner_client.post("/api/v1/tasks", {"title": "x"}, headers={"Origin": ORIGIN})

    assert preflight["Access-Control-Allow-Origin"] == response["Access-Control-Allow-Origin"] == ORIGIN
    assert {"PUT", "PATCH", "DELETE"} <= set(preflight["Access-Control-Allow-Methods"].split(", "))
    assert sent <= set(preflight["Access-Control-Allow-Headers"].split(", "))
    readable = set(response["Access-Control-Expose-Headers"].split(", "))
    assert {"ETag", "Location", "Idempotency-Replayed", "Preference-Applied", "Retry-After", "X-Request-ID"} <= readable


def test_another_origin_is_told_nothing(owner_client: APIClient, settings: object) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]  # type: ignore[attr-defined]

    response = owner_client.get("/api/v1/tasks", headers={"Origin": "https://app.example.com.evil.example"})

    assert not [name for name in response.headers if name.startswith("Access-Control")]
