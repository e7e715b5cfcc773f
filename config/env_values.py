"""What an environment variable is: its declaration, how its text becomes a value, how faults are told."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environ import Env

DEVELOPMENT, TEST, PRODUCTION = ENVIRONMENTS = ("development", "test", "production")

Fault = tuple[str, str]
"""What is wrong with a value, and the mend."""

Check = Callable[[Any, bool], Iterator[Fault]]
"""Yields the faults of a value; the flag says whether it is judged for production."""

_CASTS: dict[object, Any] = {
    str: str,
    str | None: str,
    int: int,
    Path: Path,
    Path | None: Path,
    tuple[str, ...]: (str.strip,),
}


@dataclass(frozen=True)
class Problem:
    """One fault of the configuration: the variable, what is wrong with it, and what mends it."""

    variable: str
    problem: str
    mend: str

    def __str__(self) -> str:
        return f"{self.variable}\n    problem: {self.problem}\n    mend:    {self.mend}"


class ConfigurationError(ImproperlyConfigured):
    """Every problem of the configuration at once. Its text never holds a secret or a password."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        heading = f"Daybook can't start: {count} in its configuration."
        super().__init__("\n\n".join([heading, *map(str, self.problems)]))


@dataclass(frozen=True, kw_only=True)
class Variable:
    """The declaration of one variable, but for name and type: those are of the field that carries it."""

    meaning: str
    default: Any = None
    test_default: Any = None
    required_in_production: bool = False
    stand_in: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()
    between: tuple[int, int] | None = None
    check: Check | None = None
    example: str = ""
    mend: str = ""
    without: str = ""
    set_by: str = ""

    def value(self, name: str, kind: object, given: Mapping[str, str]) -> tuple[Any, list[Fault]]:
        """Return the value this variable has by what is given (`DAYBOOK_ENV` included), and its faults."""
        environment = given["DAYBOOK_ENV"]
        if name in given:
            return self._read(kind, given[name], environment == PRODUCTION)
        if self.required_in_production and environment == PRODUCTION:
            fault = ("is missing; production requires it and has no default for it", self.mend)
            return (() if kind == tuple[str, ...] else None), [] if self.stand_in in given else [fault]
        return (self.test_default or self.default) if environment == TEST else self.default, []

    def _read(self, kind: object, text: str, production: bool) -> tuple[Any, list[Fault]]:
        """Cast and judge a text. White space around it is no part of it, except of a secret."""
        text = text if self.secret else text.strip()
        # Not Env.get_value(): it takes a leading "$" for the name of a variable, and repeats it in its error.
        try:
            value = self._canonical(Env.parse_value(text, _CASTS[kind]))
        except ValueError:
            return None, [(f"{shown(text)} isn't a whole number", self._allowed())]
        return value, list(self._faults(value, production))

    def _canonical(self, value: Any) -> Any:
        """Return the choice that differs from the value in case only, else the value."""
        return next((choice for choice in self.choices if choice.lower() == str(value).lower()), value)

    def _faults(self, value: Any, production: bool) -> Iterator[Fault]:
        outside = self.between and not self.between[0] <= value <= self.between[1]
        if outside or (self.choices and value not in self.choices):
            yield f"{shown(str(value))} isn't allowed", self._allowed()
        if self.check:
            yield from self.check(value, production)

    def _allowed(self) -> str:
        if self.between:
            return f"set it to a whole number from {self.between[0]} to {self.between[1]}"
        return f"set it to one of {', '.join(self.choices)}"


def variable(meaning: str, *, hidden: bool = False, **declaration: Any) -> Any:
    """Declare a variable as the field of a dataclass. Secrets and hidden values stay out of its `repr`."""
    declared = Variable(meaning=meaning, **declaration)
    return field(repr=not (hidden or declared.secret), metadata={"variable": declared})


def shown(text: str) -> str:
    """Quote a value for a message, without what may be a password before an `@`, and not endlessly."""
    _, at, rest = text.rpartition("@")
    visible = f"...@{rest}" if at else text
    return repr(visible if len(visible) <= 60 else f"{visible[:57]}...")


_HOST = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]"
_ALLOWED_HOST = re.compile(rf"\.?(?:{_HOST})", re.IGNORECASE)
_ORIGIN = re.compile(rf"(?P<scheme>https?)://(?:{_HOST})(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_MEND = (
    "give the bare name, such as api.example.com: no scheme, port, path or '*' "
    "(.example.com stands for a domain and its subdomains)"
)
_ORIGIN_MEND = (
    "write it as browsers send it, such as https://app.example.com: lower case, no path, no trailing slash, "
    "no '*', and a port only where it isn't the scheme's own"
)


def host_faults(hosts: tuple[str, ...], production: bool) -> Iterator[Fault]:
    """Yield the entries that Django's `ALLOWED_HOSTS` would never match, and in production the wildcard."""
    for host in hosts:
        if host == "*" and production:
            yield "'*' would accept any host name", "list the exact host names the instance is reached by"
        elif host != "*" and not _ALLOWED_HOST.fullmatch(host):
            yield f"{shown(host)} isn't a host name", _HOST_MEND


def origin_faults(origins: tuple[str, ...], production: bool) -> Iterator[Fault]:
    """Yield what no browser would send as `Origin` (RFC 6454, section 6), and in production plain HTTP."""
    for origin in origins:
        match = _ORIGIN.fullmatch(origin)
        if not match or not _is_origin_port(match["scheme"], match["port"]):
            yield f"{shown(origin)} isn't an exact origin", _ORIGIN_MEND
        elif production and match["scheme"] != "https":
            yield f"{shown(origin)} isn't encrypted", "use an https:// origin; production accepts no other"


def _is_origin_port(scheme: str, port: str | None) -> bool:
    return port is None or (int(port) <= 65535 and int(port) != _DEFAULT_PORTS[scheme])
