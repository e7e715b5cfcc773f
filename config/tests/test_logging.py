"""Log lines: JSON for machines, readable for people, ours and the libraries' alike."""

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog
from django.utils.log import DEFAULT_LOGGING
from pytest_django.fixtures import Settings

from config.logging import configure, logging_config


@pytest.fixture(autouse=True)
def _restored(settings: Settings) -> Iterator[None]:
    yield
    configure(settings.LOGGING)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_json_lines_hold_request_and_user(capsys: pytest.CaptureFixture[str]) -> None:
    configure(logging_config("json", "INFO"))
    with structlog.contextvars.bound_contextvars(request_id="r", user_id="u"):
        structlog.get_logger("ours").info("thing_done", count=3)
        logging.getLogger("theirs").warning("they say %s", "hello", extra={"password": "hunter2"})
    structlog.get_logger("ours").debug("not_shown")

    ours, theirs = (json.loads(line) for line in lines(capsys))
    assert (ours["event"], ours["count"], ours["level"], ours["logger"]) == ("thing_done", 3, "info", "ours")
    assert (theirs["event"], theirs["level"]) == ("they say hello", "warning")
    assert ours["timestamp"].endswith("Z")
    for line in (ours, theirs):
        assert (line["request_id"], line["user_id"]) == ("r", "u")
    assert "hunter2" not in str(theirs)


def test_what_django_logs_is_told_once(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.DEBUG = True
    logging.config.dictConfig(DEFAULT_LOGGING)
    configure(logging_config("json", "INFO"))
    for name in ("django.request", "django.server", "django.db"):
        logging.getLogger(name).error("broken")

    assert [json.loads(line)["logger"] for line in lines(capsys)] == ["django.request", "django.server", "django.db"]


def test_a_traceback_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(logging_config("json", "INFO"))
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("broken")

    (line,) = (json.loads(line) for line in lines(capsys))
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "locals" not in line["exception"][0]["frames"][0]


def test_the_console_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(logging_config("console", "DEBUG"))
    structlog.get_logger("ours").debug("thing_done", count=3)

    (line,) = lines(capsys)
    assert "thing_done" in line
    assert "count=3" in line


@pytest.mark.parametrize(("level", "told"), [("INFO", True), ("WARNING", False)])
def test_a_line_below_the_level_is_not_made(level: str, told: bool, capsys: pytest.CaptureFixture[str]) -> None:
    configure(logging_config("json", level))
    log = structlog.get_logger("ours")

    log.info("thing_done")

    assert log.is_enabled_for(logging.INFO) == told
    assert bool(lines(capsys)) == told
