"""gunicorn's settings: `gunicorn -c python:config.gunicorn config.wsgi`."""

from typing import Any

from config import wsgi  # noqa: F401 - sets Django up, which what follows needs
from config.health import verify_database
from config.settings import LOGGING, env

bind = f"0.0.0.0:{env.PORT}"
worker_class = "gthread"
workers = env.WEB_CONCURRENCY
threads = env.WEB_THREADS
# Workers share the memory of what is loaded before they are forked.
preload_app = True
control_socket_disable = True
logconfig_dict = LOGGING


def on_starting(server: Any) -> None:
    """In the arbiter, before there is a worker: no database, no service."""
    verify_database()
