"""gunicorn's settings: `gunicorn -c python:config.gunicorn config.wsgi`."""

from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from config import wsgi  # noqa: F401 - sets Django up, which what follows needs
from config.health import verify_database
from config.settings import LOGGING, env


class Log(Logger):
    """Each request has its line already. For one that is never written gunicorn would gather some eighty values."""

    access_log_enabled = False


bind = f"0.0.0.0:{env.PORT}"
worker_class = "gthread"
workers = env.WEB_CONCURRENCY
threads = env.WEB_THREADS
# Workers share the memory of what is loaded before they are forked.
preload_app = True
control_socket_disable = True
logger_class = Log
logconfig_dict = LOGGING


def on_starting(server: Any) -> None:
    """In the arbiter, before there is a worker: no database, no service."""
    verify_database()
