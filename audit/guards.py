"""What guards the record in the database: its tables' shape, triggers, policies, grants and functions.

Whoever owns the tables can take a guard away, change what it guarded, and put it back or something like it. What the
migrations make of PostgreSQL 18 is listed in `guards.txt`, a line for each guard, and whatever differs from it is
named. A table, a trigger or a function that isn't ours is a difference, too: it can step between a write and its event.

`manage.py audit_guards` prints the listing of a database that is just migrated.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection, transaction

from audit.ids import first_id

LISTING = Path(__file__).with_suffix(".txt")
GUARDS = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
# What isn't listed comes first: pg_catalog. So the query's names and operators are its own, whatever the settings of a
# role or of the database put before it; and a name is written with its schema if that isn't `public`.
SEARCH_PATH = "SET LOCAL search_path = public, pg_temp"

# How the listing writes a month's partition and its bounds, so that one month stands for all.
MONTH, FIRST, NEXT = "audit_event_YYYY_MM", "<first id of the month>", "<first id of the next>"
PARTITION = re.compile(r"\baudit_event_(19[7-9]\d|2\d{3})_(0[1-9]|1[0-2])\b")

# Without these as they were the record can't be read.
SHAPE = ("table audit_", "column ")


@dataclass(frozen=True)
class Difference:
    """One guard that isn't as the migrations make it; `fatal` if the record can't be read because of it."""

    message: str
    fatal: bool


def differences() -> list[Difference]:
    """Everything in which the guards of this database differ from `guards.txt`.

    From here to the end of the transaction an unqualified name means what it means in `public`, where the record is.
    """
    live = guards()
    expected = _expected({match[0] for guard in live if (match := PARTITION.search(guard))})
    changed = sorted(guard for guard in live.keys() | expected if live.get(guard) != expected.get(guard))
    return [_difference(guard, expected.get(guard), live.get(guard)) for guard in changed]


def guards() -> dict[str, str]:
    """What guards the record in this database: `<what it is> <which>` → how it is."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SEARCH_PATH)
        cursor.execute(GUARDS)
        return dict(cursor.fetchall())


def listing() -> str:
    """What `guards.txt` holds, made of this database: sorted lines, one for what is alike in each month."""
    lines = set()
    for guard, state in guards().items():
        match = PARTITION.search(guard)
        names = _names(match[0]) if match else {}
        lines.add(_translated(f"{guard}: {state}\n", {real: shown for shown, real in names.items()}))
    return "".join(sorted(lines))


def _expected(partitions: Iterable[str]) -> dict[str, str]:
    """As `guards()`, of `guards.txt`, with the partitions that are there for the one that stands for all."""
    lines = LISTING.read_text(encoding="utf-8").splitlines()
    common = [line for line in lines if MONTH not in line]
    monthly = [_translated(line, names) for names in map(_names, partitions) for line in lines if MONTH in line]
    return dict(line.split(": ", 1) for line in common + monthly)


def _names(partition: str) -> dict[str, str]:
    """What the listing writes → what it means for one partition."""
    year, month = int(partition[-7:-3]), int(partition[-2:])
    first = datetime(year, month, 1, tzinfo=UTC)
    beyond = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return {MONTH: partition, FIRST: str(first_id(first)), NEXT: str(first_id(beyond))}


def _translated(line: str, names: dict[str, str]) -> str:
    for name, other in names.items():
        line = line.replace(name, other)
    return line


def _difference(guard: str, expected: str | None, live: str | None) -> Difference:
    if live is None:
        message = f"The {guard} is missing."
    elif expected is None:
        message = f"The {guard} isn't one of Daybook's: {live}"
    else:
        message = f"The {guard} was changed. It is: {live}; it should be: {expected}"
    return Difference(message, fatal=expected is not None and guard.startswith(SHAPE))
