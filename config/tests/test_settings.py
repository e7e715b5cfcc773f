"""What production switches on and off; the settings of a process of its own, since they are read once."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DAYBOOK_ENV": "production",
    "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
    "JWT_SECRET_KEY": secrets.token_urlsafe(48),
    "AUDIT_SIGNING_KEY": secrets.token_urlsafe(32),
    "DATABASE_URL": "postgresql://daybook:hunter2hunter2@db.example.com/daybook",
    "ALLOWED_HOSTS": "api.example.com",
    "CORS_ALLOWED_ORIGINS": "https://app.example.com",
    "STORAGE_DIR": "/mnt/documents",
}

# Development that reads nobody's .env; its secrets lie beside the test database's.
BLIND = {
    "DAYBOOK_ENV": "development",
    "DAYBOOK_DATA_DIR": ".daybook/test",
    "DJANGO_SETTINGS_MODULE": "config.tests.quickstart_settings",
}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in os.environ if name in ("PATH", "HOME") or name.startswith("COV")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=kept | variables, capture_output=True, text=True, timeout=60
    )


@pytest.mark.slow
def test_production_passes_djangos_deployment_checks() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_production_has_debug_and_api_docs_off() -> None:
    script = """
import json, django
django.setup()
from config import settings as s
from config.urls import urlpatterns
names = [getattr(pattern, "name", "") for pattern in urlpatterns]
print(json.dumps([s.DEBUG, s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, names]))
"""
    done = run("-c", script, DJANGO_SETTINGS_MODULE="config.settings", **PRODUCTION)

    debug, redirect, secure_cookie, names = json.loads(done.stdout)
    assert (debug, redirect, secure_cookie) == (False, True, True)
    assert "health" in names
    assert "openapi" not in names


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["manage.py", "check"], ["-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]]
)
def test_a_misconfigured_production_does_not_start_and_says_everything_at_once(command: list[str]) -> None:
    done = run(*command, DAYBOOK_ENV="production", DJANGO_SECRET_KEY="changeme")

    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert "Traceback" not in told
    for variable in ("DJANGO_SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_SIGNING_KEY", "DATABASE_URL", "ALLOWED_HOSTS"):
        assert variable in told


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["manage.py", "worker"], ["-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]]
)
def test_a_process_without_its_database_ends_with_status_1(command: list[str]) -> None:
    nowhere = {"DATABASE_URL": "postgresql://daybook:hunter2hunter2@127.0.0.1:1/daybook"}

    done = run(*command, **PRODUCTION | nowhere, PORT="8999")

    assert done.returncode == 1
    assert "database_unreachable" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_web_process_is_confined_from_its_start() -> None:
    script = "from config import wsgi; from accounts.identity import current; print(current().confined)"

    assert run("-c", script, **PRODUCTION).stdout.strip() == "True"


@pytest.mark.slow
def test_quickstart_is_not_for_production() -> None:
    done = run("manage.py", "quickstart", **PRODUCTION)

    assert done.returncode == 1
    assert "for development" in done.stderr


@pytest.mark.slow
def test_quickstart_without_its_database_says_so_in_two_lines() -> None:
    done = run(
        "manage.py", "quickstart", DATABASE_URL="postgresql://a:hunter2@127.0.0.1:1/daybook", PORT="8998", **BLIND
    )

    assert done.returncode == 1
    assert "Check DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.slow
def test_quickstart_says_if_it_could_not_be_reached() -> None:
    done = run("manage.py", "quickstart", ALLOWED_HOSTS="example.com", **BLIND)

    assert done.returncode == 1
    assert "ALLOWED_HOSTS leaves 127.0.0.1 out" in done.stderr


def test_the_start_page_leads_on(client: Client) -> None:
    page = client.get("/").content.decode()

    for target in ("/admin/", "/api/v1/openapi.json", "/health", "/health/db"):
        assert f'href="{target}"' in page
