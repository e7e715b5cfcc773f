"""A browser's session is for pages; the API has headers of its own."""

import pytest
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import User
from web.pages import PageMessages, PageSessions, PagesOnly, PageUsers

TASKS = "/api/v1/tasks"
ELSEWHERE = "https://app.example.com"


def passed(request: HttpRequest) -> HttpRequest:
    """What the view gets to see."""

    def chain(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    seen: list[HttpRequest] = []
    middleware: type[PagesOnly]
    inner = chain
    for middleware in (PageMessages, PageUsers, PageSessions):
        inner = middleware(inner)  # type: ignore[assignment]
    inner(request)
    return seen[0]


@pytest.mark.parametrize("path", ["/", "/admin/", "/api", "/apiary", "/API/v1/tasks", "//api/v1/tasks", "/x/api/"])
def test_a_page_has_a_session(path: str, rf: RequestFactory) -> None:
    request = passed(rf.generic("GET", path))

    assert hasattr(request, "session") and hasattr(request, "user") and hasattr(request, "_messages")


@pytest.mark.parametrize("path", ["/api/", TASKS, "/api/../admin/", "/api/%2e%2e/admin/"])
def test_the_api_has_none(path: str, rf: RequestFactory) -> None:
    request = passed(rf.generic("GET", path))

    assert not (hasattr(request, "session") or hasattr(request, "user") or hasattr(request, "_messages"))


def test_a_signed_in_browser_is_a_stranger_to_the_api(
    staff_browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert staff_browser.session[SESSION_KEY]
    assert staff_browser.get("/admin/").status_code == 200

    with django_assert_num_queries(1):  # the refusal's event
        response = staff_browser.get(TASKS)

    assert response.status_code == 401
    assert not response.cookies


@pytest.mark.parametrize("path", [TASKS, "/api/v1/nothing", "/"])
def test_every_answer_has_the_headers_that_keep_browsers_safe(path: str, client: Client, db: None) -> None:
    response = client.get(path)

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_api_is_for_https_only_in_production(client: Client, settings: Settings, db: None) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 3600

    assert client.get(TASKS)["Location"] == "https://testserver/api/v1/tasks"
    assert client.get(TASKS, secure=True)["Strict-Transport-Security"] == "max-age=3600"


def test_the_api_answers_to_its_own_names_only(client: Client) -> None:
    response = client.get(TASKS, headers={"Host": "elsewhere.example"})

    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(("origin", "allowed"), [(ELSEWHERE, ELSEWHERE), ("https://other.example", None), (None, None)])
def test_a_page_of_another_origin_may_use_the_api_if_it_is_on_the_list(
    origin: str | None, allowed: str | None, settings: Settings, owner_client: APIClient
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ELSEWHERE]

    response = owner_client.get(TASKS, headers={"Origin": origin} if origin else {})

    assert response.status_code == 200
    assert response["Vary"] == "origin"
    assert response.headers.get("Access-Control-Allow-Origin") == allowed
    assert ("X-Request-ID" in response.headers.get("Access-Control-Expose-Headers", "")) == (allowed is not None)


def test_a_page_of_another_origin_may_ask_first(settings: Settings, client: Client) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ELSEWHERE]

    response = client.options(TASKS, headers={"Origin": ELSEWHERE, "Access-Control-Request-Method": "POST"})

    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == ELSEWHERE
    assert "POST" in response["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("headers", [{"Origin": ELSEWHERE}, {}])
def test_pages_are_for_their_own_origin(headers: dict[str, str], settings: Settings, client: Client) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ELSEWHERE]

    response = client.get("/", headers=headers)

    assert "Access-Control-Allow-Origin" not in response.headers
    assert "origin" not in response.headers.get("Vary", "")


def test_a_user_of_a_page_is_the_browsers(staff: User, staff_browser: Client) -> None:
    assert staff_browser.get("/admin/").wsgi_request.user == staff
