"""The Django backend: lazy, as an ordinary role; for the test runner, the queue and the command line."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from config.embedded.base import DatabaseClient, DatabaseWrapper
from config.embedded.cluster import DATABASE, PORT, ROLE, SUPERUSER
from config.embedded.server import EmbeddedServer
from config.tests.embedded.conftest import Start, alive, query

pytestmark = pytest.mark.slow

SETTINGS = """
import sys
import django
from django.conf import settings
database = {"ENGINE": "config.embedded", "NAME": "daybook", "OPTIONS": {"durable": False}}
database["OPTIONS"] |= {"data_dir": sys.argv[1]}
apps = ["django.contrib.contenttypes"]
settings.configure(DATABASES={"default": database}, USE_TZ=True, INSTALLED_APPS=apps)
django.setup()
from django.core.management import execute_from_command_line
from django.db import connection
"""

CONNECT = """
with connection.cursor() as cursor:
    cursor.execute("SELECT current_user, current_database(), '[1,2]'::vector::text")
    print(json.dumps(cursor.fetchone()))
"""

TEST_DATABASE = """
connection.creation.create_test_db(verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("SELECT current_database(), '[1,2]'::vector::text")
    print(json.dumps(cursor.fetchone()))
connection.creation.destroy_test_db("daybook", verbosity=0)
"""

QUEUE = """
import asyncio
from procrastinate import PsycopgConnector
from procrastinate.contrib.django.utils import connector_params

async def ask():
    connector = PsycopgConnector(kwargs=connector_params())
    await connector.open_async()
    print(json.dumps(await connector.execute_query_one_async("SELECT current_user, current_database()")))
    await connector.close_async()

asyncio.run(ask())
"""

SHELL = """
connection.client.runshell(["--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT current_user"])
"""

NO_DIRECTORY = """
del connection.settings_dict["OPTIONS"]["data_dir"]
try:
    connection.ensure_connection()
except django.core.exceptions.ImproperlyConfigured as error:
    print(error)
"""


def _command(*words: str) -> str:
    return f"{SETTINGS}\nexecute_from_command_line(['manage.py', *{words!r}])"


def _source(body: str) -> str:
    return f"import json\n{SETTINGS}\n{body}"


def _settings(data_dir: Path) -> dict[str, Any]:
    options = {"data_dir": data_dir, "durable": False}
    place = {"NAME": DATABASE, "USER": "", "PASSWORD": "", "HOST": "", "PORT": ""}
    return {**place, "TIME_ZONE": None, "OPTIONS": options}


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (CONNECT, [ROLE, DATABASE, "[1,2]"]),
        (TEST_DATABASE, [f"test_{DATABASE}", "[1,2]"]),
        (QUEUE, {"current_user": ROLE, "current_database": DATABASE}),
    ],
)
def test_connection_finds_the_server_and_leaves_none(data_dir: Path, start: Start, body: str, answer: object) -> None:
    assert json.loads(start(_source(body)).finish()) == answer
    assert not alive(data_dir)


@pytest.mark.usefixtures("made")
def test_database_shell_is_the_servers_own(start: Start) -> None:
    assert start(_source(SHELL)).finish() == f"{ROLE}\n"


@pytest.mark.parametrize("command", [("help",), ("makemigrations", "--help"), ("check",)])
def test_command_that_needs_no_database_starts_no_server(
    data_dir: Path, start: Start, command: tuple[str, ...]
) -> None:
    start(_command(*command)).finish()
    assert not data_dir.exists()


def test_command_reports_an_unusable_directory_without_a_traceback(data_dir: Path, start: Start) -> None:
    data_dir.touch()
    code, _, errors = start(_command("migrate")).end()
    assert code == 1
    assert f"can't use its data directory {data_dir}" in errors
    assert "Traceback" not in errors


def test_settings_without_a_data_directory_are_refused(start: Start) -> None:
    assert "needs OPTIONS['data_dir']" in start(_source(NO_DIRECTORY)).finish()


@pytest.mark.usefixtures("own_servers")
def test_parameters_name_the_server_and_keep_our_options_from_psycopg(data_dir: Path) -> None:
    wrapper = DatabaseWrapper(_settings(data_dir))
    parameters = wrapper.get_connection_params()
    assert {"host": str(data_dir / "postgres"), "port": PORT, "user": ROLE}.items() <= parameters.items()
    assert parameters["dbname"] == DATABASE
    assert not {"data_dir", "durable"} & parameters.keys()
    command, _ = DatabaseClient.settings_to_cmd_args_env(wrapper.settings_dict, ["--quiet"])
    assert command[1:] == ["-U", ROLE, "-h", str(data_dir / "postgres"), "-p", str(PORT), "--quiet", DATABASE]

    del wrapper.settings_dict["OPTIONS"]["data_dir"]
    with pytest.raises(ImproperlyConfigured, match=r"needs OPTIONS\['data_dir'\]"):
        wrapper.get_connection_params()


def test_role_of_the_application_is_ordinary(server: EmbeddedServer) -> None:
    place = server.attach()
    refused = "rolsuper, rolbypassrls, rolreplication"
    granted = "rolcanlogin, rolcreatedb, rolcreaterole"
    rights = query(place, f"SELECT {refused}, {granted} FROM pg_roles WHERE rolname = current_user")
    assert rights == [*[False] * 3, *[True] * 3]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(place, "COPY (SELECT 1) TO PROGRAM 'true'")
    assert query(place, "SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres'", user=SUPERUSER) == [True]


def test_database_is_the_roles_own_and_the_same_everywhere(server: EmbeddedServer) -> None:
    place = server.attach()
    columns = "pg_get_userbyid(datdba), datcollate, datlocale"
    database = query(place, f"SELECT {columns} FROM pg_database WHERE datname = current_database()")
    assert database == [ROLE, "C", "C.UTF-8"]
    assert query(place, "SELECT upper('é'), to_tsvector('simple', 'ÉCOLE')::text") == ["É", "'école':1"]
    assert query(place, "SHOW data_checksums") == ["on"]


def test_database_made_later_has_vectors_too(server: EmbeddedServer) -> None:
    place = server.attach()
    query(place, "CREATE DATABASE later")
    assert query(place, "SELECT '[1,2]'::vector <-> '[1,4]'", dbname="later") == [2.0]
