"""Several transactions at once, begun and ended in any order, while a client keeps its copy up to date."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from audit.tests.tampering import another_connection
from resources.cursors import Cursor
from resources.tests.feed import page, settle

TABLES = {"task": ("tasks_task", "title"), "label": ("tasks_label", "name")}
WRITERS = 3
ACTIONS = ["insert task", "insert label", "update", "trash", "delete", "commit", "commit", "roll back", "poll", "poll"]
# Which writer does what; a number picks the row, or says how many changes are on a page.
STEPS = st.lists(
    st.tuples(st.integers(0, WRITERS - 1), st.sampled_from(ACTIONS), st.integers(0, 99)), min_size=40, max_size=80
)


class State(NamedTuple):
    """What a row is."""

    noun: str
    text: str
    trashed: bool = False


@dataclass(eq=False)
class Transaction:
    """A writer's: when it wrote first and when it ended, and what each row is that it wrote; None if it is gone."""

    began: int
    ended: int = 0
    written: dict[str, State | None] = field(default_factory=dict)


class Interleaving:
    """Nothing is told twice, or before something that had ended when it began; the copy is in the end what is there."""

    def __init__(self, owner: User, client: APIClient, connections: ExitStack) -> None:
        self.owner = owner
        self.client = client
        self.writers = [connections.enter_context(another_connection()) for _ in range(WRITERS)]
        for writer in self.writers:
            # What the model takes for nobody's and isn't fails, instead of waiting for ever.
            writer.execute("SET lock_timeout = '5s'")
            writer.commit()
        self.open: dict[int, Transaction] = {}
        self.clock = 0
        # What is there, and whose doing that is.
        self.rows: dict[str, State] = {}
        self.last: dict[str, Transaction] = {}
        # What the client knows.
        self.copy: dict[str, tuple[str, str]] = {}
        self.cursor: dict[str, str] = {}
        self.more = self.for_the_first_time = True
        self.told: list[tuple[str, Transaction]] = []

    def run(self, steps: list[tuple[int, str, int]]) -> None:
        """From a few rows to the end of everybody, after which the client reads what there is to read."""
        for noun in [*TABLES] * 3:
            self.insert(0, noun)
        self.end(0, commits=True)
        for writer, action, number in steps:
            match action.split():
                case ["insert", noun]:
                    self.insert(writer, noun)
                case ["commit"] | ["roll", "back"]:
                    self.end(writer, commits=action == "commit")
                case ["poll"]:
                    self.poll(1 + number % 3)
                case _:
                    self.change(writer, action, number)
        for writer in range(WRITERS):
            self.end(writer, commits=bool(writer % 2))
        settle()
        self.more = True
        while self.more:
            self.poll(2)
        assert self.copy == {pk: (row.noun, row.text) for pk, row in self.rows.items() if not row.trashed}

    def write(self, writer: int, state: State | None, sql: str, *params: Any) -> None:
        """Let a writer write a row, in its transaction."""
        found: Any = self.writers[writer].execute(f"{sql} RETURNING id", params).fetchone()
        self.clock += 1
        transaction = self.open.setdefault(writer, Transaction(self.clock))
        transaction.written[str(found[0])] = state

    def reachable(self, writer: int) -> dict[str, State]:
        """What a writer sees, but for what it would have to wait for."""
        own = self.open[writer].written if writer in self.open else {}
        others = {pk for other, transaction in self.open.items() if other != writer for pk in transaction.written}
        return {pk: state for pk, state in {**self.rows, **own}.items() if state and pk not in others}

    def insert(self, writer: int, noun: str) -> None:
        table, column = TABLES[noun]
        text = str(uuid4())
        sql = f"INSERT INTO {table} (owner_id, {column}) VALUES (%s, %s)"
        self.write(writer, State(noun, text), sql, self.owner.pk, text)

    def change(self, writer: int, action: str, number: int) -> None:
        """Tasks are thrown away and taken back by turns; labels know no trash."""
        rows = self.reachable(writer)
        if not rows:
            return
        pk, state = sorted(rows.items())[number % len(rows)]
        table, column = TABLES[state.noun]
        if action == "delete":
            self.write(writer, None, f"DELETE FROM {table} WHERE id = %s", pk)
        elif action == "trash" and state.noun == "task":
            moment = "NULL" if state.trashed else "now()"
            changed = state._replace(trashed=not state.trashed)
            self.write(writer, changed, f"UPDATE {table} SET trashed_at = {moment} WHERE id = %s", pk)
        else:
            changed = state._replace(text=str(uuid4()))
            self.write(writer, changed, f"UPDATE {table} SET {column} = %s WHERE id = %s", changed.text, pk)

    def end(self, writer: int, *, commits: bool) -> None:
        transaction = self.open.pop(writer, None)
        if transaction is None:
            return
        if not commits:
            self.writers[writer].rollback()
            return
        self.writers[writer].commit()
        self.clock += 1
        transaction.ended = self.clock
        for pk, state in transaction.written.items():
            self.last[pk] = transaction
            self.rows.pop(pk, None)
            if state:
                self.rows[pk] = state

    def poll(self, limit: int) -> None:
        """Read one page."""
        told = page(self.client, limit=limit, **self.cursor)
        for change in told["results"]:
            self.learn(change)
        self.cursor, self.more = {"cursor": told["next"]}, told["more"]
        self.for_the_first_time = Cursor.parse(told["next"]).resume > 0

    def learn(self, change: dict[str, Any]) -> None:
        pk = change["id"]
        self.copy.pop(pk, None)
        if not change["deleted"]:
            self.copy[pk] = (change["type"], change["object"][TABLES[change["type"]][1]])
        if not self.for_the_first_time:
            told = (pk, self.last[pk])
            assert told not in self.told
            self.told.append(told)
            assert all(earlier.began < self.last[pk].ended for _, earlier in self.told)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("examples", [50, pytest.param(1_000, marks=pytest.mark.exhaustive)])
def test_a_client_that_polls_misses_nothing(examples: int, sign_in: Callable[[User], APIClient]) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=STEPS)
    def hold(steps: list[tuple[int, str, int]]) -> None:
        owner = User.objects.create(email=f"{uuid4()}@example.com")
        with ExitStack() as connections:
            Interleaving(owner, sign_in(owner), connections).run(steps)

    hold()
