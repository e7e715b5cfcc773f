"""Three users and a stranger do whatever the API offers, with each other's ids."""

import json
from collections import defaultdict
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

from django.urls import resolve
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, multiple, rule

from audit import sealing
from config.tests.isolation.endpoints import API, TASKS, Endpoint, endpoints, text_of
from config.tests.isolation.people import Person, Thing, leaks
from config.tests.isolation.wire import Answer, send
from knowledge import indexing

DOCUMENTS, EVENTS = "knowledge/documents", "audit/events"
# What people make, and what the record calls it.
NOUNS = {TASKS: "task", DOCUMENTS: "document"}
PASSWORD = "correct horse battery"

# What ends an object comes last.
OF_OBJECTS = sorted(filter(lambda each: each.is_of_an_object, endpoints()), key=lambda each: each.verb == "delete")
REACHED = OF_OBJECTS + [
    replace(endpoint, verb=verb) for endpoint in OF_OBJECTS if endpoint.verb == "get" for verb in ("head", "options")
]
READ = [endpoint for endpoint in endpoints() if endpoint.verb == "get" and not endpoint.is_of_an_object]
LISTS = [endpoint for endpoint in READ if endpoint.is_list]
# Names that an endpoint might take an id under, and those under which a list does.
GUESSED = ["id", "ids", "owner", "owner_id", "user_id", "document_id"]
FILTERS = sorted({name for endpoint in LISTS for name in endpoint.filters}) + GUESSED
# Stands in a request for the id that it is tried with.
KEY = "<key>"

USERS = st.integers(0, 2)
STRANGER = 3
# How many places from the owner's somebody else is.
FURTHER = st.integers(1, 3)
LIMITS = st.sampled_from([1, 2, 50])


def body_of(endpoint: Endpoint, person: Person) -> dict[str, Any] | None:
    """What a request to an object needs in its body."""
    return text_of(endpoint.collection, person.word(), person.id) if endpoint.verb == "patch" else None


class Isolation(RuleBasedStateMachine):
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

    def ask(self, person: Person, verb: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send a person's request. No answer is a failure, or tells of others."""
        answer = send(verb, f"/{API}{path}", body, person.headers | headers)
        assert answer.status < 500, answer
        leaked = leaks(answer, person, self.people)
        assert not leaked, f"{person} was told {leaked} by {answer}"
        person.learn(answer)
        self.answered[verb, resolve(urlsplit(answer.path).path).route].add(answer.status)
        return answer

    def expect(self, status: int, person: Person, verb: str, path: str, body: object = None) -> Answer:
        """The same, where only one status is right."""
        answer = self.ask(person, verb, path, body)
        assert answer.status == status, answer
        return answer

    def try_id(
        self,
        thing: Thing,
        further: int,
        verb: str,
        path: str,
        body: object = None,
        *,
        loosely: bool = False,
        **headers: str,
    ) -> Answer:
        """Somebody else asks with the thing's id for KEY: the answer is a missing id's, in all that it tells."""
        person = self.neighbour(thing, further)
        person.said.update([thing.id, thing.twin])

        def ask(key: str) -> Answer:
            filled = json.loads(json.dumps([body, headers]).replace(KEY, key))
            return self.ask(person, verb, path.replace(KEY, key), filled[0], **filled[1])

        foreign, missing = ask(thing.id), ask(thing.twin)
        assert foreign.told(thing.id, loosely=loosely) == missing.told(thing.twin, loosely=loosely)
        return foreign

    def neighbour(self, thing: Thing, further: int) -> Person:
        """Somebody else than the thing's owner."""
        return self.people[(self.people.index(thing.owner) + further) % len(self.people)]

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

    # Who comes and goes

    def sign_up(self, person: Person) -> None:
        person.email = f"{person.word()}@example.com"
        account = {"email": person.email, "password": PASSWORD}
        person.id = self.expect(201, person, "post", "auth/register", account).data["id"]
        person.secrets.add(person.id)
        self.sign_in(person)

    def sign_in(self, person: Person) -> None:
        person.headers = {}
        person.carry(self.expect(200, person, "post", "auth/token", {"email": person.email, "password": PASSWORD}))

    @rule(who=USERS)
    def renew_leave_and_return(self, who: int) -> None:
        """A refresh token is good once, and an access token until its session ends."""
        person, used = self.people[who], {"refresh": self.people[who].refresh_token}
        person.carry(self.expect(200, person, "post", "auth/token/refresh", used))
        self.expect(401, person, "post", "auth/token/refresh", used)
        self.expect(204, person, "post", "auth/logout")
        self.expect(401, person, "get", "me")
        self.sign_in(person)

    @rule(whose=USERS)
    def guess_a_password(self, whose: int) -> None:
        """Whether there is such an account makes no difference."""
        known, unknown = self.people[whose].email, f"canary{uuid4().hex[:16]}@example.com"

        def guess(email: str) -> Answer:
            return self.expect(401, self.people[STRANGER], "post", "auth/token", {"email": email, "password": "x"})

        assert guess(known).told(known) == guess(unknown).told(unknown)

    # What they make

    @initialize(target=objects)
    def begin(self) -> MultipleResults[Thing]:
        """Everybody has something of each sort, and an event."""
        users = self.people[:STRANGER]
        made = [self.made(user, kind, user.id) for user in users for kind in NOUNS]
        return multiple(*made, *(user.thing(EVENTS, self.latest_event(user)["id"]) for user in users))

    @initialize(target=others)
    def remember(self) -> MultipleResults[Thing]:
        """Everybody's own id, and that of a request."""
        users = self.people[:STRANGER]
        requests = [user.thing("requests", self.latest_event(user)["request_id"]) for user in users]
        return multiple(*requests, *(user.thing("users", user.id) for user in users))

    @rule(target=objects, who=USERS, kind=st.sampled_from(list(NOUNS)), mentioned=st.one_of(objects, others))
    def make(self, who: int, kind: str, mentioned: Thing) -> Thing:
        """Nobody else sees a difference, in a number neither."""
        person, bystander = self.people[who], self.people[(who + 1) % STRANGER]
        person.said.add(mentioned.id)
        before = self.lists_of(bystander)
        thing = self.made(person, kind, mentioned.id)
        assert self.lists_of(bystander) == before
        return thing

    def made(self, person: Person, kind: str, mentioned: str) -> Thing:
        answer = self.ask(person, "post", kind, text_of(kind, person.word(), mentioned))
        assert answer.status in (201, 202), answer
        person.held[kind].append(answer.data["id"])
        person.made[kind] += 1
        return person.thing(kind, answer.data["id"])

    def lists_of(self, person: Person) -> list[tuple[object, ...]]:
        # Of the record what was made, for that lists are read is on it, too.
        lists = [*NOUNS, *(f"{EVENTS}?action={noun}.created" for noun in NOUNS.values())]
        return [self.ask(person, "get", path).told(person.id) for path in lists]

    def latest_event(self, person: Person) -> Any:
        return self.page(person, EVENTS, limit=1)["results"][0]

    @rule()
    def work(self) -> None:
        """The worker catches up: it indexes all documents, and seals what has happened."""
        for person in self.people[:STRANGER]:
            for key in person.held[DOCUMENTS]:
                indexing.index(owner_id=UUID(person.id), document_id=UUID(key))
            person.searchable = set(person.held[DOCUMENTS])
        sealing.seal()

    @rule(thing=objects, to_the_end=st.booleans())
    def use(self, thing: Thing, to_the_end: bool) -> None:
        """What people do to what is theirs works as long as it is there."""
        there = self.seen_by_owner(thing) is not None
        for endpoint in OF_OBJECTS:
            if endpoint.collection == thing.collection and (to_the_end or endpoint.verb != "delete"):
                answer = self.ask(thing.owner, endpoint.verb, endpoint.path(thing.id), body_of(endpoint, thing.owner))
                assert (answer.status < 300) == there or thing.collection == EVENTS, answer
        if there and to_the_end and thing.collection in NOUNS:
            thing.owner.held[thing.collection].remove(thing.id)
            thing.owner.searchable.discard(thing.id)

    def seen_by_owner(self, thing: Thing) -> Any:
        """What is there for its owner; None if it is deleted."""
        if thing.collection in NOUNS and thing.id not in thing.owner.held[thing.collection]:
            return None
        return self.expect(200, thing.owner, "get", f"{thing.collection}/{thing.id}").data

    # What they reach for

    @rule(thing=objects, further=FURTHER)
    def intrude(self, thing: Thing, further: int) -> None:
        """What others do to it finds nothing, and changes nothing."""
        before = self.seen_by_owner(thing)
        for endpoint in REACHED:
            if endpoint.collection == thing.collection:
                self.reach(thing, further, endpoint)
        assert self.seen_by_owner(thing) == before

    @rule(thing=others, further=FURTHER, endpoint=st.sampled_from(REACHED))
    def reach(self, thing: Thing, further: int, endpoint: Endpoint) -> None:
        """Any id of somebody else's, in any path."""
        body = body_of(endpoint, self.neighbour(thing, further))
        answer = self.try_id(thing, further, endpoint.verb, endpoint.path(KEY), body)
        assert answer.status in (401, 404) or endpoint.verb == "options", answer

    @rule(thing=st.one_of(objects, others), further=FURTHER, name=st.sampled_from(FILTERS))
    def filter(self, thing: Thing, further: int, name: str) -> None:
        """Lists by an id, in parameters that there are and in others."""
        for endpoint in LISTS:
            self.try_id(thing, further, "get", f"{endpoint.collection}?{name}={KEY}", loosely=True)

    @rule(thing=st.one_of(objects, others), further=FURTHER, name=st.sampled_from(GUESSED), listed=st.booleans())
    def smuggle(self, thing: Thing, further: int, name: str, listed: bool) -> None:
        """Bodies with an id, or a list of them, in a member that isn't the client's to write."""
        person = self.neighbour(thing, further)
        for kind in NOUNS:
            body = text_of(kind, person.word(), person.id) | {name: [KEY] if listed else KEY}
            own = [("patch", f"{kind}/{key}") for key in person.held.get(kind, ())[-1:]]
            for verb, path in [("post", kind), *own]:
                assert self.try_id(thing, further, verb, path, body).status in (401, 422)

    @rule(thing=st.one_of(objects, others), further=FURTHER)
    def borrow_a_request_id(self, thing: Thing, further: int) -> None:
        """A client may name its request as it likes, after somebody else's, too."""
        self.try_id(thing, further, "get", "me", **{"X-Request-ID": KEY})

    @rule(who=USERS, whose=USERS)
    def continue_a_list(self, who: int, whose: int) -> None:
        """Anybody's cursor gives one's own rows, or none."""
        person = self.people[who]
        for endpoint in LISTS:
            cursor = self.page(self.people[whose], endpoint.collection, limit=1)["next"] or ""
            answer = self.ask(person, "get", f"{endpoint.collection}?{urlencode({'cursor': cursor})}")
            assert answer.status in (200, 422), answer
            rows = answer.data.get("results", ())
            assert endpoint.collection not in NOUNS or {row["id"] for row in rows} <= set(
                person.held[endpoint.collection]
            )

    # What they look through

    @rule(who=USERS, limit=LIMITS)
    def search(self, who: int, limit: int) -> None:
        """Everybody finds as much of their own as there is, and nothing else, whosever words they look for."""
        person = self.people[who]
        for word in [user.words[-1] for user in self.people[:STRANGER]]:
            hits = self.expect(200, person, "post", "knowledge/search", {"query": word, "max_num_results": limit})
            person.asked.add(word)
            found = [hit["document_id"] for hit in hits.data["results"]]
            assert len(found) == min(limit, len(person.searchable)), hits
            assert person.searchable.issuperset(found), hits

    @rule(target=objects, who=USERS, limit=LIMITS)
    def browse(self, who: int, limit: int) -> MultipleResults[Thing]:
        """All that is to be read. Of what people make there is as much as they made, and on record, too."""
        person = self.people[who]
        for endpoint in READ:
            self.ask(person, "get", endpoint.path(limit))
        for kind, held in person.held.items():
            assert [row["id"] for row in self.pages(person, kind, limit=limit)] == held[::-1]
            created = self.pages(person, EVENTS, action=f"{NOUNS[kind]}.created")
            assert len(created) == person.made[kind]
        return multiple(person.thing(EVENTS, self.latest_event(person)["id"]))
