"""`DATABASE_URL`: what is wrong with one, and Django's `DATABASES["default"]` made of it.

The accepted form is libpq's connection URI (PostgreSQL documentation, "Connection URIs"), with one host. No
message repeats any part of the URL but its scheme, the names of its query parameters and its `sslmode`.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from environ import Env
from psycopg import pq

from config.env_values import Fault

DATABASE_MEND = "set it to postgresql://<user>:<password>@<host>:<port>/<database>"

_SETTINGS = {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": 600,
    "CONN_HEALTH_CHECKS": True,
    # A transaction-mode pooler hands the next statement to another session, which has no such cursor.
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
_OPTIONS = {"connect_timeout": 10}

_ENCRYPTED = ("require", "verify-ca", "verify-full")
_SSL_MODES = ("disable", "allow", "prefer", *_ENCRYPTED)
_GIVEN_BY_THE_URL = {"user", "password", "hostaddr", "port", "dbname", "service", "servicefile"}
_PARAMETERS = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} - _GIVEN_BY_THE_URL

_NEVER_RAW = re.compile(r"%(?![0-9a-f]{2})|%00|[\s#]", re.IGNORECASE)
_ENCODE = (
    "percent-encode the user name, password and database name; "
    "this does it: python -c 'from urllib.parse import quote; print(quote(input(), safe=\"\"))'"
)


def database_faults(url: str, production: bool) -> Iterator[Fault]:
    """Yield the first fault of a database URL, if it has one."""
    faults = [_scheme_fault, _authority_fault, _host_or_name_fault, _parameter_fault, _ssl_mode_fault]
    found = next(filter(None, (fault(url) for fault in faults)), None) or (production and _cleartext_fault(url))
    if found:
        yield found


def database_settings(url: str, production: bool) -> dict[str, Any]:
    """Return Django's settings for a faultless URL; in production the way to a public host is encrypted."""
    parsed = _parsed(url)
    options = {**_OPTIONS, **parsed.pop("OPTIONS")}
    if production and not _is_private(parsed["HOST"]):
        options.setdefault("sslmode", "require")
    return {**parsed, **_SETTINGS, "OPTIONS": options}


def _parsed(url: str) -> dict[str, Any]:
    """Return django-environ's reading of the URL, with the host also where it is the path of a socket.

    The query is read here, as text: the parser makes numbers of what looks like one ("007"), and fails at
    "²". Of a parameter that is given twice the last counts, as for libpq.
    """
    address, _, query = url.partition("?")
    parsed: dict[str, Any] = Env.db_url_config(address)
    options: dict[str, Any] = dict(parse_qsl(query))
    # Taken from the URL again: the parser leaves the host of a socket percent-encoded and in lower case.
    host = re.sub(r":\d*$", "", urlsplit(url).netloc.rpartition("@")[2])
    if host.lower().startswith("%2f"):
        parsed["HOST"] = unquote(host)
    return {**parsed, "HOST": parsed["HOST"] or options.pop("host", ""), "OPTIONS": options}


def _scheme_fault(url: str) -> Fault | None:
    scheme = re.match(r"([a-z][a-z0-9+.-]*)://", url, re.IGNORECASE)
    if scheme is None:
        return "isn't a URL", DATABASE_MEND
    if scheme[1].lower() not in ("postgres", "postgresql"):
        return f"has the scheme {scheme[1]!r}; Daybook runs on PostgreSQL only", DATABASE_MEND
    return None


def _authority_fault(url: str) -> Fault | None:
    try:
        split = urlsplit(url)
        port = split.port
        unquote(url, errors="strict")
    except ValueError:
        return "has a port that isn't a number, or an unescaped character in its password", _ENCODE
    if port == 0:
        return "has the port 0", DATABASE_MEND
    if _NEVER_RAW.search(url) or _is_torn(split):
        return "holds a character that has a meaning of its own in a URL, most often in the password", _ENCODE
    return None


def _is_torn(split: SplitResult) -> bool:
    """Tell whether a character of the password or the name has split the URL at the wrong place."""
    return split.netloc.count("@") > 1 or bool(re.search(r"[@/+]", split.path[1:]) or re.search(r"[@+]", split.query))


def _host_or_name_fault(url: str) -> Fault | None:
    # The parser would take such a name for the path of a socket, and another host than the URL's.
    if urlsplit(url).path.lower().startswith("/%2f"):
        return "names a database that begins with a slash", DATABASE_MEND
    parsed = _parsed(url)
    if not parsed["HOST"]:
        return "names no host", f"{DATABASE_MEND}; a socket's directory can stand in ?host=/directory"
    if not parsed["NAME"]:
        return "names no database", DATABASE_MEND
    return None


def _parameter_fault(url: str) -> Fault | None:
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    unknown = sorted(query.keys() - _PARAMETERS)
    if unknown:
        return (
            f"has query parameters PostgreSQL doesn't take here: {', '.join(unknown)}",
            "remove them from the URL",
        )
    if "host" in query and not (query["host"].startswith("/") and not urlsplit(url).hostname):
        return "names a second host in its query", "name the host once, before the path"
    return None


def _ssl_mode_fault(url: str) -> Fault | None:
    mode = _parsed(url)["OPTIONS"].get("sslmode", "require")
    if mode not in _SSL_MODES:
        return "has an sslmode PostgreSQL doesn't know", f"set sslmode to one of {', '.join(_SSL_MODES)}"
    return None


def _cleartext_fault(url: str) -> Fault | None:
    parsed = _parsed(url)
    mode = parsed["OPTIONS"].get("sslmode", "require")
    if mode in _ENCRYPTED or _is_private(parsed["HOST"]):
        return None
    return (
        f"lets the connection to a public host go unencrypted (sslmode={mode})",
        "set sslmode=require in the URL",
    )


def _is_private(host: str) -> bool:
    """Tell whether the way to the host stays on the machine or a private network (a name without a dot)."""
    if host.startswith("/") or host.endswith(".railway.internal"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return "." not in host
