"""Three users and a stranger do whatever the API offers, with each other's ids."""

from dataclasses import replace
from urllib.parse import urlencode
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, initialize, multiple, rule

from audit import sealing
from config.tests.isolation.asking import (
    EVENTS,
    FURTHER,
    LIMITS,
    NOUNS,
    OF_OBJECTS,
    STRANGER,
    TRASHES,
    USERS,
    Asking,
)
from config.tests.isolation.bodies import DOCUMENTS, KEY, TASKS, body_of, text_of
from config.tests.isolation.document_rules import DocumentRules
from config.tests.isolation.endpoints import Endpoint, endpoints
from config.tests.isolation.feed_rules import FEED, FeedRules
from config.tests.isolation.people import Thing
from config.tests.isolation.task_rules import TaskRules
from config.tests.isolation.wire import Answer
from knowledge import indexing

REACHED = OF_OBJECTS + [
    replace(endpoint, verb=verb) for endpoint in OF_OBJECTS if endpoint.verb == "get" for verb in ("head", "options")
]
READ = [endpoint for endpoint in endpoints() if endpoint.verb == "get" and not endpoint.is_of_an_object]
LISTS = [endpoint for endpoint in READ if endpoint.is_list]
# An export of the record is on record, and so in the next one.
ASKABLE = [endpoint for endpoint in READ if endpoint.parameters and endpoint.collection != f"{EVENTS}/export"]
# The lists that say how long they are.
COUNTED = {endpoint.collection for endpoint in LISTS if hasattr(endpoint.view.cls, "listing")}
# Names that an endpoint might take an id under, and those under which one does. Of words there is a rule of its own.
GUESSED = ["id", "ids", "owner", "owner_id", "user_id", "document_id"]
FILTERS = sorted(set[str]().union(*(endpoint.parameters for endpoint in ASKABLE)) - {"search"}) + GUESSED
# A version that nothing has.
STALE = {"If-Match": '"999999"'}


class Isolation(FeedRules, TaskRules, DocumentRules, Asking):
    """What there are rules for, in all collections."""

    # Who comes and goes

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

    @initialize(target=Asking.objects)
    def begin(self) -> MultipleResults[Thing]:
        """Everybody has something of each sort, and an event."""
        users = self.people[:STRANGER]
        made = [self.made(user, kind, user.id) for user in users for kind in NOUNS]
        return multiple(*made, *(user.thing(EVENTS, self.latest_event(user)["id"]) for user in users))

    @initialize(target=Asking.others)
    def remember(self) -> MultipleResults[Thing]:
        """Everybody's own id, and that of a request."""
        users = self.people[:STRANGER]
        requests = [user.thing("requests", self.latest_event(user)["request_id"]) for user in users]
        return multiple(*requests, *(user.thing("users", user.id) for user in users))

    @rule(
        target=Asking.objects,
        who=USERS,
        kind=st.sampled_from(list(NOUNS)),
        mentioned=st.one_of(Asking.objects, Asking.others),
    )
    def make(self, who: int, kind: str, mentioned: Thing) -> Thing:
        """Nobody else sees a difference, in a number neither."""
        person, bystander = self.people[who], self.people[(who + 1) % STRANGER]
        person.said.add(mentioned.id)
        before = self.lists_of(bystander)
        thing = self.made(person, kind, mentioned.id)
        assert self.lists_of(bystander) == before
        return thing

    @rule()
    def work(self) -> None:
        """The worker catches up: it indexes all documents, and seals what has happened."""
        for person in self.people[:STRANGER]:
            for key in person.held[DOCUMENTS]:
                indexing.index(owner_id=UUID(person.id), document_id=UUID(key))
            person.indexed.update(person.held[DOCUMENTS])
        sealing.seal()

    @rule(thing=Asking.objects, deletions=st.integers(0, 2))
    def use(self, thing: Thing, deletions: int) -> None:
        """What people do to what is theirs works as long as it is there. The second deletion is out of the trash."""
        own = [endpoint for endpoint in OF_OBJECTS if endpoint.collection == thing.collection]
        # A document of a file is another thing: `upload`.
        own = [endpoint for endpoint in own if not endpoint.route.endswith("/file")]
        ends = [endpoint for endpoint in own if endpoint.verb == "delete"]
        for endpoint in [endpoint for endpoint in own if endpoint not in ends] + ends[:deletions]:
            body = body_of(endpoint, thing.owner.word(), thing.owner.id)
            answer = self.ask(thing.owner, endpoint.verb, endpoint.path(thing.id), body)
            if thing.collection in NOUNS:
                assert (answer.status < 300) == self.is_for(endpoint, thing), answer
                self.follow_up(endpoint, thing)

    @staticmethod
    def is_for(endpoint: Endpoint, thing: Thing) -> bool:
        """Whether an endpoint has what its owner asks for."""
        if thing.id in thing.owner.trash:
            return bool(endpoint.query) or endpoint.action == "restore"
        return thing.id in thing.owner.held[thing.collection] and not endpoint.query

    @staticmethod
    def follow_up(endpoint: Endpoint, thing: Thing) -> None:
        """Note where the thing is after its owner asked."""
        held, trash = thing.owner.held[thing.collection], thing.owner.trash
        if endpoint.verb == "delete" and thing.id in held:
            held.remove(thing.id)
            trash.update([thing.id] if endpoint.collection in TRASHES else [])
        elif endpoint.verb == "delete" and endpoint.query:
            trash.discard(thing.id)
        elif endpoint.action == "restore" and thing.id in trash:
            trash.remove(thing.id)
            held.append(thing.id)
        elif endpoint.verb == "put" and endpoint.route.endswith("/chunks") and thing.id in held:
            thing.owner.indexed.add(thing.id)

    # What they reach for

    @rule(thing=Asking.objects, further=FURTHER, stale=st.booleans())
    def intrude(self, thing: Thing, further: int, stale: bool) -> None:
        """What others do to it finds nothing, and changes nothing."""
        before = self.seen_by_owner(thing)
        for endpoint in REACHED:
            if endpoint.collection == thing.collection:
                self.reach(thing, further, endpoint, stale)
        assert self.seen_by_owner(thing) == before

    @rule(thing=Asking.others, further=FURTHER, endpoint=st.sampled_from(REACHED), stale=st.booleans())
    def reach(self, thing: Thing, further: int, endpoint: Endpoint, stale: bool) -> None:
        """Any id of somebody else's, in any path. Of a version nothing is told either."""
        person = self.neighbour(thing, further)
        body = body_of(endpoint, person.word(), person.id)
        answer = self.try_id(thing, further, endpoint.verb, endpoint.path(KEY), body, **(STALE if stale else {}))
        assert answer.status in (401, 404) or endpoint.verb == "options", answer

    @rule(thing=st.one_of(Asking.objects, Asking.others), further=FURTHER, name=st.sampled_from(FILTERS))
    def filter(self, thing: Thing, further: int, name: str) -> None:
        """Lists and files by an id, in parameters that there are and in others."""
        for endpoint in [endpoint for endpoint in ASKABLE if name in endpoint.parameters] or ASKABLE:
            self.try_id(thing, further, "get", f"{endpoint.path(0)}?{name}={KEY}", loosely=True)

    @rule(
        thing=st.one_of(Asking.objects, Asking.others),
        further=FURTHER,
        name=st.sampled_from(GUESSED),
        listed=st.booleans(),
    )
    def smuggle(self, thing: Thing, further: int, name: str, listed: bool) -> None:
        """Bodies with an id, or a list of them, in a member that isn't the client's to write."""
        person = self.neighbour(thing, further)
        for kind in NOUNS:
            body = text_of(kind, person.word(), person.id) | {name: [KEY] if listed else KEY}
            own = [("patch", f"{kind}/{key}") for key in self.own_of(person, kind)]
            for verb, path in [("post", kind), *own]:
                assert self.try_id(thing, further, verb, path, body).status in (401, 422)

    @rule(thing=st.one_of(Asking.objects, Asking.others), further=FURTHER)
    def borrow_a_request_id(self, thing: Thing, further: int) -> None:
        """A client may name its request as it likes, after somebody else's, too."""
        self.try_id(thing, further, "get", "me", **{"X-Request-ID": KEY})

    @rule(who=USERS, whose=USERS)
    def continue_a_list(self, who: int, whose: int) -> None:
        """Anybody's cursor gives one's own rows, or none."""
        person = self.people[who]
        for path in [*(endpoint.collection for endpoint in LISTS), FEED]:
            cursor = self.page(self.people[whose], path, limit=1)["next"] or "none"
            answer = self.ask(person, "get", f"{path}?{urlencode({'cursor': cursor})}")
            assert answer.status in (200, 422), answer
            rows = (answer.data or {}).get("results", ())
            assert path not in NOUNS or {row["id"] for row in rows} <= set(person.held[path])

    # What they look through

    @rule(who=USERS, limit=LIMITS)
    def search(self, who: int, limit: int) -> None:
        """Everybody finds as much of their own as there is, and nothing else, whosever words they look for."""
        person = self.people[who]
        for user in self.people[:STRANGER]:
            word = user.words[-1]
            hits = self.expect(200, person, "post", "knowledge/search", {"query": word, "max_num_results": limit})
            person.asked.add(word)
            found = [hit["document_id"] for hit in hits.data["results"]]
            # Of one with passages of its owner's own there may be several.
            assert min(limit, len(person.searchable)) <= len(found) <= limit, hits
            assert person.searchable.issuperset(found), hits
            assert limit < len(person.searchable) * 2 or person.searchable == set(found), hits
            assert user is person or not self.pages(person, TASKS, search=word, limit=limit)

    @rule(who=USERS)
    def ask_for_options(self, who: int) -> None:
        """Of whatever there is."""
        for path in sorted({endpoint.path(UUID(int=0)) for endpoint in endpoints() if "<int:" not in endpoint.route}):
            self.ask(self.people[who], "options", path)

    @rule(target=Asking.objects, who=USERS, limit=LIMITS)
    def browse(self, who: int, limit: int) -> MultipleResults[Thing]:
        """All that is to be read. Of what people make there is as much as they made, and on record, too."""
        person = self.people[who]
        for endpoint in READ:
            self.ask(person, "get", endpoint.path(limit))
        for kind, held in person.held.items():
            assert sorted(row["id"] for row in self.pages(person, kind, limit=limit)) == sorted(held)
            if kind in COUNTED:
                page = self.expect(200, person, "get", f"{kind}?limit={limit}", Prefer="count=exact").data
                assert page["count"] == len(held)
            created = self.pages(person, EVENTS, action=f"{NOUNS[kind]}.created")
            assert len(created) == person.made[kind]
        trash = [row["id"] for kind in TRASHES for row in self.pages(person, kind, limit=limit, trashed="true")]
        assert sorted(trash) == sorted(person.trash)
        return multiple(person.thing(EVENTS, self.latest_event(person)["id"]))
