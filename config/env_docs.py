"""`.env.example` and `docs/configuration.md`, generated: `python -m config.env_docs` writes both."""

import textwrap
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from config.env import DECLARED, PROJECT_ROOT, Environment
from config.env_audit import SIGNING_KEY_MEND
from config.env_secrets import GENERATED, SECRET_MEND
from config.env_values import ConfigurationError, Variable

_TYPES: dict[object, str] = {
    str: "text",
    str | None: "text",
    int: "whole number",
    Path: "path",
    Path | None: "path",
    tuple[str, ...]: "list, separated by commas",
}
_KINDS = {each.name: _TYPES[each.type] for each in fields(Environment)}
_OURS = {name: declared for name, declared in DECLARED.items() if not declared.set_by}
_THEIRS = {name: declared for name, declared in DECLARED.items() if declared.set_by}

_FAULTY = {
    "RAILWAY_PROJECT_ID": "7f3c",
    "DJANGO_SECRET_KEY": "changeme",  # pragma: allowlist secret
    "DATABASE_URL": "mysql://db.example.com/daybook",
    "ALLOWED_HOSTS": "https://api.example.com",
    "DAYBOOK_DATADIR": "/data",
}

_EXAMPLE_HEAD = """\
# Every variable Daybook reads. Generated from config/env.py by: python -m config.env_docs
#
# In development, copy this file to .env and change what you need; nothing is required there.
# The real environment wins over .env, and an empty value counts as absent.
# What production requires is not commented out. docs/configuration.md tells more.
"""

_PAGE = """\
# Configuration

<!-- Generated from config/env.py by `python -m config.env_docs`; a test fails if it differs. -->

Daybook is configured by environment variables and by nothing else. Each is declared once, in
`config/env.py`; the settings, `.env.example` and the table on this page come from that declaration. An
empty value counts as absent, and white space around a value is dropped, except in a secret, where it is
a problem. A variable that begins with `DAYBOOK_` and isn't in the table is reported, with the name it
resembles. Everything is validated at start-up, before a connection is opened or a request answered.

## Variables

{table}

These are set by the platform, never by hand:

{platform_table}

## The three environments

`DAYBOOK_ENV` says which one this is. Without it, the environment is `production` if one of Railway's own
variables is present, `test` under pytest, and `development` in all other cases.

- **development**: needs no variable at all. A file `.env` at the project's root is read, as
  django-environ does: one `NAME=value` a line, and the real environment wins. Without `DATABASE_URL` the
  embedded PostgreSQL is used.
- **test**: like development, but with a data directory of its own and without `.env`, so that a
  developer's file can't change the outcome of the suite.
- **production**: what the table marks as required has no default. Weak secrets, wildcard hosts, origins
  without TLS and a cleartext connection to a public database host are refused. `.env` isn't read.

On Railway `DAYBOOK_ENV` may be absent or `production`; `development` and `test` are refused there. The
same holds for a command run on your own machine by `railway run`, because it brings Railway's variables
along.

## When something is wrong

The process doesn't start. All problems are told at once, each with the variable and the mend; secrets
and passwords are never part of the message. With the secret key `changeme`, a MySQL URL, a host with a
scheme and a misspelt name, a process on Railway says:

```text
{faulty}
```

## Secrets

Production requires {generated}. There each
secret must have at least 32 bytes (HS256, RFC 7518, section 3.2), must not look like a placeholder,
consist of words or digits, or follow a pattern, and must differ from every other. The audit key is
described below; this makes a good one of the others:

```sh
{command}
```

In development and test those three are generated at the first start if they are absent, and kept in
`secrets.json` in `DAYBOOK_DATA_DIR` (mode 0600), so that sessions, tokens and seals outlive a restart. No
default value exists anywhere. Delete the file to have new ones, but keep the audit key's public half: what
it sealed is checked by that.

### The audit key

`AUDIT_SIGNING_KEY` seals the audit record: it signs each checkpoint, in the name `AUDIT_ORIGIN`. It is the
seed of an Ed25519 key (RFC 8032), 32 random bytes in base64url without padding. This makes one:

```sh
{audit_command}
```

This prints its public key, one line of the form `<name>+<key id>+<public key>`:

```sh
.venv/bin/python manage.py audit_key
```

Hand that line to whoever checks the record, and keep it outside the server: with it a checkpoint is
checked without trusting the server or its database. It can't be computed from what was signed.

To change the key:

1. Run `manage.py audit_key` while the former key is in use, and add the line to `AUDIT_TRUSTED_KEYS`.
2. Set `AUDIT_SIGNING_KEY` to a new one, and restart the web process and the worker.
3. Hand out the new public key.

What the former key sealed stays valid; without its line in `AUDIT_TRUSTED_KEYS` it would count as signed by
a stranger. If the private key is lost, use the line that was kept: a new key makes the new seals, and the
old ones can still be checked. If it leaked, whoever has it can sign a record of their own; then only the
checkpoints that had left the server before tell the two apart.
"""


def env_example() -> str:
    """Return the text of `.env.example`."""
    theirs = "\n".join(f"#   {name} (by {declared.set_by})" for name, declared in _THEIRS.items())
    entries = [_entry(name, declared) for name, declared in _OURS.items()]
    return "\n".join([_EXAMPLE_HEAD, *entries, f"# Set by the platform, never by hand:\n{theirs}\n"])


def configuration_page() -> str:
    """Return the text of `docs/configuration.md`."""
    return _PAGE.format(
        table="\n".join(_table()),
        platform_table="\n".join(_platform_table()),
        faulty=_faulty_start(),
        generated=", ".join(f"`{name}`" for name in GENERATED),
        command=_command(SECRET_MEND),
        audit_command=_command(SIGNING_KEY_MEND),
    )


GENERATED_FILES = {
    PROJECT_ROOT / ".env.example": env_example,
    PROJECT_ROOT / "docs" / "configuration.md": configuration_page,
}


def _entry(name: str, declared: Variable) -> str:
    facts = [f"Type: {_type(name, declared)}.", f"Default: {_default(declared)}."]
    if declared.required_in_production:
        facts.append("Required in production.")
    if declared.without:
        facts.append(f"Without it: {declared.without}.")
    if declared.example:
        facts.append(f"Example: {declared.example}")
    comments = [line for text in (declared.meaning, *facts) for line in textwrap.wrap(text, 100)]
    value = "" if declared.default is None else _plain(declared.default)
    assignment = f"{name}=" if declared.required_in_production else f"#{name}={value}"
    return "\n".join([*(f"# {line}" for line in comments), assignment, ""])


def _table() -> Iterator[str]:
    yield "| Variable | Type | Default | Required in production | Meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for name, declared in _OURS.items():
        without = f" Without it: {declared.without}." if declared.without else ""
        required = "yes" if declared.required_in_production else "no"
        default = _default(declared, "`")
        yield f"| `{name}` | {_type(name, declared)} | {default} | {required} | {declared.meaning}{without} |"


def _platform_table() -> Iterator[str]:
    yield "| Variable | Set by | Meaning |"
    yield "| --- | --- | --- |"
    for name, declared in _THEIRS.items():
        yield f"| `{name}` | {declared.set_by} | {declared.meaning} |"


def _type(name: str, declared: Variable) -> str:
    if declared.choices:
        return f"one of {', '.join(declared.choices)}"
    if declared.between:
        return f"whole number from {declared.between[0]} to {declared.between[1]}"
    return "secret" if declared.secret else _KINDS[name]


def _default(declared: Variable, quote: str = "") -> str:
    if not declared.default:
        return "empty" if declared.default == () else "none"
    default = f"{quote}{_plain(declared.default)}{quote}"
    if declared.test_default:
        return f"{default} (in test {quote}{_plain(declared.test_default)}{quote})"
    return f"{default} (not in production)" if declared.required_in_production else default


def _command(mend: str) -> str:
    return mend.partition(": ")[2]


def _plain(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _faulty_start() -> str:
    try:
        Environment.load(_FAULTY)
    except ConfigurationError as error:
        return str(error)
    raise AssertionError("the faulty example was accepted")


def main() -> None:
    """Write the generated files."""
    for path, text in GENERATED_FILES.items():
        path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
