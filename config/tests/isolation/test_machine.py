"""Nobody's data reaches anybody else: with both walls, and with the database's alone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from accounts.identity import SYSTEM, Identity
from config.tests.isolation.endpoints import endpoints
from config.tests.isolation.machine import FILTERS, GUESSED, REACHED, STRANGER, Isolation

# Committed, not rolled back: each statement is confined as in production, outside any transaction.
pytestmark = pytest.mark.django_db(transaction=True)

FAST = 50
OWNED_BY = re.compile(r'(?:"?\w+"?\.)?"?owner_id"? = (%s|%\(owner\)s)')


@pytest.fixture
def first_wall_down() -> Iterator[set[str]]:
    """The one switch: no statement is filtered by its owner, however the filter came into it. Gives what it changed."""
    changed = set()

    def remove(execute: Callable[..., Any], statement: object, *arguments: Any) -> Any:
        text, found = OWNED_BY.subn(r"(\1::uuid IS NOT NULL)", str(statement))
        if found:
            changed.add(text)
        return execute(text if found else statement, *arguments)

    with connection.execute_wrapper(remove):
        yield changed


@pytest.fixture
def second_wall_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each statement runs as the tables' owner, whoever acts."""
    monkeypatch.setattr(Identity, "prefix", SYSTEM.prefix)


def tour() -> None:
    """Every rule at least once, with everything that there is."""
    machine = Isolation()
    others, objects = machine.remember().values, machine.begin().values
    machine.work()
    for who in range(STRANGER):
        machine.search(who=who, limit=1)
        machine.browse(who=who, limit=1)
        machine.make(who=who, kind="tasks", mentioned=objects[-1])
        machine.continue_a_list(who=who, whose=(who + 1) % STRANGER)
        machine.guess_a_password(whose=who)
    for index, thing in enumerate([*objects, *others]):
        at = {"thing": thing, "further": index % 3 + 1}
        machine.borrow_a_request_id(**at)
        machine.filter(**at, name=FILTERS[index % len(FILTERS)])
        machine.smuggle(**at, name=GUESSED[index % len(GUESSED)], listed=bool(index % 2))
    for endpoint in REACHED:
        machine.reach(thing=others[0], further=1, endpoint=endpoint)
    for thing in objects:
        for further in range(1, STRANGER + 1):
            machine.intrude(thing=thing, further=further)
        machine.use(thing=thing, to_the_end=True)
        machine.intrude(thing=thing, further=1)
    machine.renew_leave_and_return(who=0)


def run() -> None:
    """50 examples, or what `--hypothesis-profile=slow` says."""
    examples = settings.default.max_examples if settings.get_current_profile_name() == "slow" else FAST
    ways = {"stateful_step_count": 12, "deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    run_state_machine_as_test(Isolation, settings=settings(max_examples=examples, **ways))


def test_a_tour_comes_by_every_endpoint_and_nothing_leaks() -> None:
    """A new endpoint is read, and tried with others' ids, of its own accord; how to write to it must be told."""
    Isolation.answered.clear()

    tour()

    for endpoint in endpoints():
        statuses = Isolation.answered[endpoint.verb, endpoint.route]
        assert statuses, f"{endpoint} was never asked"
        assert endpoint.verb == "get" or min(statuses) < 300, f"{endpoint} never did anything"


def test_a_tour_with_every_filter_gone_finds_nothing_more(first_wall_down: set[str]) -> None:
    tour()

    assert len(first_wall_down) > 20


@pytest.mark.usefixtures("first_wall_down", "second_wall_down")
def test_a_tour_with_no_wall_sees_the_leak() -> None:
    with pytest.raises(AssertionError, match="was told"):
        tour()


def test_with_both_walls_nothing_leaks() -> None:
    run()


@pytest.mark.usefixtures("first_wall_down")
def test_with_every_filter_gone_the_database_lets_nothing_through() -> None:
    run()
