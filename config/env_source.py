"""Where the variables come from, and which environment (development, test, production) they make."""

import difflib
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from environ import Env

from config.env_values import (
    DEVELOPMENT,
    ENVIRONMENTS,
    PRODUCTION,
    TEST,
    ConfigurationError,
    Problem,
    shown,
)

RAILWAY_MARKERS = (
    "RAILWAY_ENVIRONMENT_NAME",
    "RAILWAY_ENVIRONMENT_ID",
    "RAILWAY_PROJECT_ID",
    "RAILWAY_ENVIRONMENT",
)

_DOT_ENV_LINE = re.compile(r"\s*|#.*|(?:export )?\w+=.*", re.ASCII)


def present(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that have a value; an empty one counts as absent."""
    return {name: text for name, text in environ.items() if text.strip()}


def resolved_environment(given: Mapping[str, str]) -> tuple[str, list[Problem]]:
    """Return the environment to judge the variables for, and what is wrong with an explicit `DAYBOOK_ENV`."""
    marker = next((name for name in RAILWAY_MARKERS if name in given), None)
    detected = PRODUCTION if marker else TEST if "PYTEST_VERSION" in given else DEVELOPMENT
    explicit = given.get("DAYBOOK_ENV", detected).strip().lower()
    if explicit not in ENVIRONMENTS:
        closest = [] if marker else difflib.get_close_matches(explicit, ENVIRONMENTS, n=1, cutoff=0.4)
        mend = f"set it to one of {', '.join(ENVIRONMENTS)}"
        return (closest or [detected])[0], [Problem("DAYBOOK_ENV", f"{shown(explicit)} isn't an environment", mend)]
    if marker and explicit != PRODUCTION:
        fault = f"is {explicit!r} on Railway ({marker} is present), where every instance is deployed"
        return PRODUCTION, [Problem("DAYBOOK_ENV", fault, "remove it, or set it to production")]
    return explicit, []


def environment(root: Path) -> dict[str, str]:
    """Return the variables of this process; in development also those of `<root>/.env`, which never override.

    Raises `ConfigurationError` if the file can't be read, or would end development.
    """
    given, path = present(os.environ), root / ".env"
    if resolved_environment(given)[0] != DEVELOPMENT or not path.is_file():
        return given
    source: Any = type("DotEnv", (Env,), {"ENVIRON": given})
    source.read_env(io.StringIO(_dot_env_text(path)))
    if resolved_environment(present(given))[0] != DEVELOPMENT:
        fault = "the file is read in development only, and sets DAYBOOK_ENV or a variable of Railway or pytest"
        raise ConfigurationError([Problem(".env", fault, "set that variable where the process is started")])
    return given


def _dot_env_text(path: Path) -> str:
    """Return the text of a `.env` file. A line that is no assignment, read_env would log, secret and all."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError([Problem(".env", f"can't read {path}", "make it readable UTF-8 text")]) from None
    broken = [number for number, line in enumerate(text.splitlines(), 1) if not _DOT_ENV_LINE.fullmatch(line)]
    if broken:
        mend = "write NAME=value without spaces around the equals sign, or begin the line with #"
        raise ConfigurationError([Problem(f".env, line {number}", "isn't an assignment", mend) for number in broken])
    return text
