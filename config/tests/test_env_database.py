"""`DATABASE_URL`: what is accepted agrees with libpq, what is refused is told without the password."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from config.env_database import database_faults, database_settings

printable = st.characters(min_codepoint=32, max_codepoint=126)
names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=20)


def faults(url: str, *, production: bool = False) -> list[str]:
    """What is wrong with a URL, as one text a fault."""
    return [f"{fault} | {mend}" for fault, mend in database_faults(url, production)]


def test_database_settings_are_those_of_a_pooled_postgresql() -> None:
    url = "postgres://ada:p%40ss%2Fw@ep-x-pooler.neon.tech/day?sslmode=verify-full&channel_binding=require&connect_timeout=3"
    assert faults(url, production=True) == []
    assert database_settings(url, production=True) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "day",
        "USER": "ada",
        "PASSWORD": "p@ss/w",
        "HOST": "ep-x-pooler.neon.tech",
        "PORT": "",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"sslmode": "verify-full", "channel_binding": "require", "connect_timeout": "3"},
    }


@given(
    user=names,
    password=names,
    name=names.filter(lambda name: name[0] != "/"),
    port=st.integers(1, 65535),
    application=names,
)
def test_database_settings_agree_with_libpq(user: str, password: str, name: str, port: int, application: str) -> None:
    parts = [quote(part, safe="") for part in (user, password, name, application)]
    url = "postgresql://{}:{}@db.example.com:{port}/{}?application_name={}".format(*parts, port=port)
    assert faults(url) == []
    settings: dict[str, Any] = database_settings(url, production=False)
    libpq = conninfo_to_dict(url)
    assert [settings[key] for key in ("USER", "PASSWORD", "NAME", "HOST")] == [
        libpq[key] for key in ("user", "password", "dbname", "host")
    ]
    assert str(settings["PORT"]) == libpq["port"]
    assert settings["OPTIONS"]["application_name"] == libpq["application_name"]


@given(
    password=st.text(printable, max_size=12),
    rest=st.sampled_from(["h/day", "h:1/day?sslmode=require", "[::1]/day"]),
)
def test_database_raw_password_is_refused_or_read_as_libpq_reads_it(password: str, rest: str) -> None:
    url = f"postgresql://ada:{password}@{rest}"
    if faults(url):
        return
    settings, libpq = database_settings(url, production=False), conninfo_to_dict(url)
    for key, keyword in [
        ("USER", "user"),
        ("PASSWORD", "password"),
        ("NAME", "dbname"),
        ("HOST", "host"),
        ("PORT", "port"),
    ]:
        assert str(settings[key]) == libpq.get(keyword, "")


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://localhost/day", "localhost", ""),
        ("POSTGRES://[::1]:5433/day", "::1", 5433),
        ("postgresql://u@%2Fvar%2Frun%2FPostgreSQL/day", "/var/run/PostgreSQL", ""),
        ("postgresql://%2fvar%2frun:5433/day", "/var/run", 5433),
        ("postgresql:///day?host=/var/run/postgresql", "/var/run/postgresql", ""),
        ("postgresql:///day?host=/srv/pg.d", "/srv/pg.d", ""),
    ],
)
def test_database_host_may_be_an_address_or_a_socket(url: str, host: str, port: object) -> None:
    assert faults(url, production=True) == []
    settings = database_settings(url, production=True)
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == (host, port, "day")
    assert settings["OPTIONS"] == {"connect_timeout": 10}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("hunter2", "isn't a URL"),
        ("//u:hunter2@h/day", "isn't a URL"),
        ("mysql://u:hunter2@h/day", "'mysql'"),
        ("postgresql:///day", "no host"),
        ("postgresql://u:hunter2@/day", "no host"),
        ("postgresql://u:hunter2@h", "no database"),
        ("postgresql://u:hunter2@h/", "no database"),
        ("postgresql://u:hunter2@h/%2Frun%2Fday", "begins with a slash"),
        ("postgresql://u:hunter2@h:x/day", "port"),
        ("postgresql://u:hunter2@h:65536/day", "port"),
        ("postgresql://u:hunter2@h:0/day", "port 0"),
        ("postgresql://u:hunter2@h1:1,h2:2/day", "port"),
        ("postgresql://u:hun/ter2@h/day", "percent-encode"),
        ("postgresql://u:12/hunter2@h/day", "percent-encode"),
        ("postgresql://u:12?hunter2@h/day", "percent-encode"),
        ("postgresql://u:hunter2@h/day/night", "percent-encode"),
        ("postgresql://u:hunter2#@h/day", "percent-encode"),
        ("postgresql://u:1#hunter2@h/day", "percent-encode"),
        ("postgresql://u:@hunter2@h/day", "percent-encode"),
        ("postgresql://u:[hunter2@h/day", "percent-encode"),
        ("postgresql://u:hunter2%zz@h/day", "percent-encode"),
        ("postgresql://u:hunter2%00@h/day", "percent-encode"),
        ("postgresql://u:hunter2%80@h/day", "percent-encode"),
        ("postgresql://u:hunter2 @h/day", "percent-encode"),
        ("postgresql://u:hunter2\n@h/day", "percent-encode"),
        ("postgresql://u:hunter2@h/my+day", "percent-encode"),
        ("postgresql://u:hunter2@h/day?application_name=a+b", "percent-encode"),
        ("postgresql://u:hunter2@h/day?pgbouncer=true&schema=x", "pgbouncer, schema"),
        ("postgresql://u@h/day?password=hunter2", "password"),
        ("postgresql://u:hunter2@localhost/day?host=h", "second host"),
        ("postgresql://u:hunter2@localhost/day?host=/run", "second host"),
        ("postgresql:///day?host=h", "second host"),
        ("postgresql://u:hunter2@h/day?sslmode=on", "sslmode"),
        ("postgresql://u:hunter2@h/day?sslmode=1", "sslmode"),
    ],
)
def test_database_url_malformed_is_one_clear_problem_without_the_password(url: str, told: str) -> None:
    for production in (False, True):
        (only,) = faults(url, production=production)
        assert told in only
        assert "hunter" not in only


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.1", "railway.internal.example.com", "[2001:db8::1]"])
def test_database_production_public_host_is_encrypted(host: str) -> None:
    url = f"postgresql://u@{host}/day"
    assert database_settings(url, production=True)["OPTIONS"]["sslmode"] == "require"
    assert "sslmode" not in database_settings(url, production=False)["OPTIONS"]
    for mode in ("disable", "allow", "prefer"):
        assert faults(f"{url}?sslmode={mode}") == []
        (only,) = faults(f"{url}?sslmode={mode}", production=True)
        assert "sslmode=require" in only
    assert faults(f"{url}?sslmode=require&sslmode=disable", production=True) == [only.replace("prefer", "disable")]
    for mode in ("require", "verify-ca", "verify-full"):
        assert faults(f"{url}?sslmode={mode}", production=True) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "db", "db.railway.internal"])
def test_database_production_private_host_may_be_cleartext(host: str) -> None:
    assert faults(f"postgresql://u@{host}/day?sslmode=disable", production=True) == []
    assert "sslmode" not in database_settings(f"postgresql://u@{host}/day", production=True)["OPTIONS"]
