"""Nobody's data reaches anybody else: with both walls, and with the database's alone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from accounts.identity import SYSTEM, Identity
from config.tests.isolation.asking import NOUNS, STRANGER
from config.tests.isolation.document_rules import OPERATIONS
from config.tests.isolation.endpoints import endpoints
from config.tests.isolation.machine import FILTERS, GUESSED, REACHED, Isolation
from config.tests.isolation.people import Thing
from config.tests.isolation.task_rules import ON_THOSE_THERE, REFERENCES

# Committed, not rolled back: each statement is confined as in production, outside any transaction.
pytestmark = pytest.mark.django_db(transaction=True)

FAST = 30
# From each user how many places to another user: not to the stranger, who is refused whatever is asked.
ANOTHER_USER = (1, 3, 2)
OWNED_BY = re.compile(r'(?:"?\w+"?\.)?"?owner_id"? = (%s|%\(owner\)s)')
# How a filter by the owner might be written otherwise.
STILL_OWNED_BY = re.compile(r'owner_id"?\s*(?:=|IN|IS|\))\s*\(?(?:%|SELECT|ANY)', re.IGNORECASE)


@pytest.fixture
def first_wall_down() -> Iterator[set[str]]:
    """The one switch: no statement is filtered by its owner, however the filter came into it. Gives what it changed."""
    changed = set()

    def remove(execute: Callable[..., Any], statement: object, *arguments: Any) -> Any:
        text, found = OWNED_BY.subn(r"(\1::uuid IS NOT NULL)", str(statement))
        assert not STILL_OWNED_BY.search(text), f"this filter by the owner isn't known: {text}"
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
        by_themselves(machine, who)
        machine.make(who=who, kind="tasks", mentioned=objects[-1])
    for index, thing in enumerate([*objects, *others]):
        machine.borrow_a_request_id(thing=thing, further=index % 3 + 1)
        machine.smuggle(thing=thing, further=index % 3 + 1, name=GUESSED[index % len(GUESSED)], listed=bool(index % 2))
        with_its_id(machine, index, thing)
    for index, name in enumerate(FILTERS):
        machine.filter(thing=objects[index % len(objects)], further=index % 2 + 1, name=name)
    for index, endpoint in enumerate(REACHED):
        machine.reach(thing=others[0], further=1, endpoint=endpoint, stale=bool(index % 2))
    for thing in objects:
        to_the_end(machine, thing)
    for who in range(STRANGER):
        machine.follow(who=who, limit=2)
        machine.browse(who=who, limit=50)
    machine.ask_for_options(who=0)
    machine.renew_leave_and_return(who=0)


def by_themselves(machine: Isolation, who: int) -> None:
    """What takes nobody's id."""
    machine.search(who=who, limit=1)
    machine.browse(who=who, limit=1)
    machine.continue_a_list(who=who, whose=(who + 1) % STRANGER)
    machine.guess_a_password(whose=who)
    machine.follow(who=who, limit=1)
    machine.do_many(who=who)
    machine.keep_many(who=who)
    machine.upload(who=who, further=ANOTHER_USER[who])
    machine.search_for_much(who=who)
    machine.store_the_same(who=who, further=ANOTHER_USER[who], if_exists=("refuse", "update")[who % 2])
    machine.call_it_alike(who=who, further=ANOTHER_USER[who])
    machine.send_with_a_key(who=who, further=ANOTHER_USER[who])
    machine.move_to_the_front(who=who, whose=(who + 1) % STRANGER)
    machine.bring_in(who=who, whose=(who + 1) % STRANGER)


def with_its_id(machine: Isolation, index: int, thing: Thing) -> None:
    """One of three rules, and each of them with something of each sort."""
    at = {"thing": thing, "further": ANOTHER_USER[machine.people.index(thing.owner)]}
    machine.mix_in_a_document(**at, deed=OPERATIONS[index % len(OPERATIONS)])
    match (index + index // len(NOUNS)) % 3:
        case 0:
            machine.refer(**at, members=REFERENCES[index % len(REFERENCES)])
        case 1:
            machine.mix_in(**at, op=ON_THOSE_THERE[index % len(ON_THOSE_THERE)], stale=bool(index % 2))
        case 2:
            machine.write_a_file(**at)


def to_the_end(machine: Isolation, thing: Thing) -> None:
    """Live, in the trash, and gone."""
    another = ANOTHER_USER[machine.people.index(thing.owner)]
    machine.label(thing=thing, further=another)
    machine.hang_below(thing=thing, further=another)
    for further in range(1, STRANGER + 1):
        machine.intrude(thing=thing, further=further, stale=further == another)
    machine.use(thing=thing, deletions=0)
    for deletions in (1, 2):
        machine.use(thing=thing, deletions=deletions)
        machine.intrude(thing=thing, further=another, stale=False)


def run() -> None:
    """30 examples, or what `--hypothesis-profile=slow` says."""
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
