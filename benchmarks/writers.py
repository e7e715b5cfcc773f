"""Load for the database: connections that write in transactions of all lengths, in a process of its own."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import LiteralString

import psycopg

INSERT: LiteralString = """
    INSERT INTO tasks_task (owner_id, title, description, completed)
    VALUES (%s, 'Water the plants', 'Those on the balcony, too.', false)
"""
# Now and then a transaction pauses before its end, and others that began later commit before it.
PAUSES, PAUSE_SECONDS = 0.02, 0.5
ROLLBACKS = 0.1
MOST_ROWS = 3


def write(owner: str, writers: int, seconds: float) -> int:
    """Create tasks until the time is up, over as many connections at once; how many were committed."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(writers) as pool:
        return sum(pool.map(partial(_write, owner, until), range(writers)))


def _write(owner: str, until: float, number: int) -> int:
    random = Random(number)  # noqa: S311 - repeatable is what it has to be
    with psycopg.connect(os.environ["DATABASE_URL"], application_name="daybook:benchmark") as connection:
        return sum(_transactions(connection, owner, random, until))


def _transactions(connection: psycopg.Connection, owner: str, random: Random, until: float) -> Iterator[int]:
    """The rows that each transaction committed."""
    while time.monotonic() < until:
        rows = random.randint(1, MOST_ROWS)
        for _ in range(rows):
            connection.execute(INSERT, [owner])
        if random.random() < PAUSES:
            time.sleep(random.random() * PAUSE_SECONDS)
        if random.random() < ROLLBACKS:
            connection.rollback()
        else:
            connection.commit()
            yield rows
