"""How the machine's people ask, and what is held of them after each answer."""

import json
from collections import defaultdict
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from django.urls import resolve
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine

from config.tests.isolation.bodies import DOCUMENTS, KEY, LABELS, TASKS, text_of
from config.tests.isolation.endpoints import API, Endpoint, endpoints
from config.tests.isolation.people import Person, Thing, leaks
from config.tests.isolation.wire import Answer, send

EVENTS = "audit/events"
# What people make, and what the record calls it.
NOUNS = {TASKS: "task", LABELS: "label", DOCUMENTS: "document"}
PASSWORD = "correct horse battery"
IN_TRASH = "?trashed=true"

USERS = st.integers(0, 2)
STRANGER = 3
# How many places from the owner's somebody else is.
FURTHER = st.integers(1, 3)
LIMITS = st.sampled_from([1, 2, 50])


def _of_objects() -> list[Endpoint]:
    """The endpoints of one object, also of one in the trash. What ends an object comes last."""
    known = [endpoint for endpoint in endpoints() if endpoint.is_of_an_object]
    known += [replace(endpoint, query=IN_TRASH) for endpoint in known if "trashed" in endpoint.parameters]
    return sorted(known, key=_turn)


def _turn(endpoint: Endpoint) -> tuple[object, ...]:
    # Passages of one's own before more of them, and both after what only the server's can be asked for.
    is_of_passages = endpoint.verb != "get" and endpoint.route.endswith("/chunks")
    return endpoint.verb == "delete", is_of_passages, is_of_passages and endpoint.verb == "post", endpoint.verb


OF_OBJECTS = _of_objects()
# The collections that have a trash.
TRASHES = {endpoint.collection for endpoint in OF_OBJECTS if endpoint.query}


class Asking(RuleBasedStateMachine):
    """After each step: nobody was told of what is somebody else's, and a foreign id was as good as a missing one."""

    objects: Bundle[Thing] = Bundle("objects")
    others: Bundle[Thing] = Bundle("others")
    # Verb and route → the statuses it was answered with, over all runs of the machine.
    answered: ClassVar[dict[tuple[str, str], set[int]]] = defaultdict(set)

    def __init__(self) -> None:
        super().__init__()
        users = [Person(name, held={kind: [] for kind in NOUNS}) for name in ("Ada", "Bea", "Cleo")]
        self.people = [*users, Person("the stranger")]
        for user in users:
            self.sign_up(user)

    def sign_up(self, person: Person) -> None:
        person.email = f"{person.word()}@example.com"
        account = {"email": person.email, "password": PASSWORD}
        person.id = self.expect(201, person, "post", "auth/register", account).data["id"]
        person.secrets.add(person.id)
        self.sign_in(person)

    def sign_in(self, person: Person) -> None:
        person.headers = {}
        person.carry(self.expect(200, person, "post", "auth/token", {"email": person.email, "password": PASSWORD}))

    # What they ask

    def ask(self, person: Person, verb: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send a person's request. No answer is a failure, or tells of others."""
        answer = send(verb, f"/{API}{path}", body, person.headers | headers)
        assert answer.status < 500, answer
        leaked = leaks(answer, person, self.people)
        assert not leaked, f"{person} was told {leaked} by {answer}"
        person.learn(answer)
        self.answered[verb, resolve(urlsplit(answer.path).path).route].add(answer.status)
        return answer

    def expect(self, status: int, person: Person, verb: str, path: str, body: object = None, **headers: str) -> Answer:
        """The same, where only one status is right."""
        answer = self.ask(person, verb, path, body, **headers)
        assert answer.status == status, answer
        return answer

    def try_both(
        self,
        thing: Thing,
        further: int,
        verb: str,
        path: str,
        body: object = None,
        *,
        loosely: bool = False,
        **headers: str,
    ) -> tuple[Answer, Answer]:
        """Somebody else asks with the thing's id for KEY, and with a missing one: the answers tell the same."""
        person = self.neighbour(thing, further)
        person.said.update([thing.id, thing.twin])

        def ask(key: str) -> Answer:
            filled = json.loads(json.dumps([body, headers]).replace(KEY, key))
            return self.ask(person, verb, path.replace(KEY, key), filled[0], **filled[1])

        foreign, missing = ask(thing.id), ask(thing.twin)
        assert foreign.told(thing.id, loosely=loosely) == missing.told(thing.twin, loosely=loosely)
        return foreign, missing

    def try_id(self, thing: Thing, further: int, verb: str, path: str, body: object = None, **options: Any) -> Answer:
        """The same; the answer to the id that is there."""
        return self.try_both(thing, further, verb, path, body, **options)[0]

    def neighbour(self, thing: Thing, further: int) -> Person:
        """Somebody else than the thing's owner."""
        return self.people[(self.people.index(thing.owner) + further) % len(self.people)]

    # What there is

    def pages(self, person: Person, collection: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.page(person, collection, **query)
            rows += page["results"]
            if page["next"] is None:
                return rows
            query["cursor"] = page["next"]

    def page(self, person: Person, collection: str, **query: Any) -> Any:
        """One page of a list."""
        return self.expect(200, person, "get", f"{collection}?{urlencode(query)}").data

    def lists_of(self, person: Person) -> list[tuple[object, ...]]:
        """What a person sees of what there is, in a number too."""
        # Of the record what was made, for that lists are read is on it, too.
        lists = [
            *NOUNS,
            *(f"{kind}{IN_TRASH}" for kind in sorted(TRASHES)),
            *(f"{EVENTS}?action={noun}.created" for noun in NOUNS.values()),
        ]
        return [self.ask(person, "get", path).told(person.id or KEY) for path in lists]

    def latest_event(self, person: Person) -> Any:
        return self.page(person, EVENTS, limit=1)["results"][0]

    def seen_by_owner(self, thing: Thing) -> Any:
        """What is there for its owner; None if it is deleted."""
        if thing.collection not in NOUNS or thing.id in thing.owner.held[thing.collection]:
            return self.expect(200, thing.owner, "get", f"{thing.collection}/{thing.id}").data
        if thing.id in thing.owner.trash:
            return self.expect(200, thing.owner, "get", f"{thing.collection}/{thing.id}{IN_TRASH}").data
        return None

    # What they make, and lose

    def made(self, person: Person, kind: str, mentioned: str, **members: Any) -> Thing:
        answer = self.ask(person, "post", kind, text_of(kind, person.word(), mentioned) | members)
        assert answer.status in (201, 202), answer
        return self.kept(person, kind, answer.data["id"])

    def kept(self, person: Person, kind: str, key: str) -> Thing:
        """A thing that was made by whatever way."""
        person.held[kind].append(key)
        person.made[kind] += 1
        return person.thing(kind, key)

    def passing(self, person: Person, kind: str, key: str) -> None:
        """The same of one that leaves again."""
        self.lose(self.kept(person, kind, key))

    def lose(self, thing: Thing) -> None:
        """Delete it for good."""
        for query in ("", IN_TRASH) if thing.collection in TRASHES else ("",):
            self.expect(204, thing.owner, "delete", f"{thing.collection}/{thing.id}{query}")
        thing.owner.held[thing.collection].remove(thing.id)

    def own_of(self, person: Person, kind: str) -> list[str]:
        """The id of what this person made last, if there is any."""
        return person.held.get(kind, [])[-1:]

    def new_key(self, owner: Person, collection: str) -> Thing:
        """A name of the owner's own making."""
        return owner.thing(collection, str(uuid4()))
