"""Django's PostgreSQL backend on the embedded server, which starts with the first connection.

    DATABASES = {"default": {"ENGINE": "config.embedded", "NAME": "daybook",
                             "OPTIONS": {"data_dir": BASE_DIR / ".daybook", "durable": True}}}

`data_dir` is required. Tests switch `durable` (default True) off. Host, port and user are the server's.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base, client

from config.embedded.cluster import PORT, ROLE
from config.embedded.postmaster import Postmaster
from config.embedded.programs import program
from config.embedded.server import attach


def _attach(options: dict[str, Any]) -> Postmaster:
    """Take our own options out of the connection's, and attach to the server they name."""
    durable = options.pop("durable", True)
    try:
        data_dir = options.pop("data_dir")
    except KeyError:
        raise ImproperlyConfigured("DATABASES: config.embedded needs OPTIONS['data_dir'].") from None
    return attach(Path(data_dir), durable=durable)


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell`, with the psql that comes with the server."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Django's psql command line, for the embedded server."""
        postmaster = _attach(dict(settings_dict["OPTIONS"]))
        place = {"HOST": str(postmaster.socket_dir), "PORT": PORT, "USER": ROLE, "PASSWORD": ""}
        arguments, environment = super().settings_to_cmd_args_env({**settings_dict, **place}, parameters)
        return [str(program("psql")), *arguments[1:]], environment


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the embedded server, as the ordinary role that owns the database."""

    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        """What psycopg connects with, synchronously or not; the server is up when this returns."""
        parameters = super().get_connection_params()
        postmaster = _attach(parameters)
        place = {"host": str(postmaster.socket_dir), "port": PORT, "user": ROLE}
        return {**parameters, **place}
