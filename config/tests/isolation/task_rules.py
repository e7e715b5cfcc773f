"""What there is of tasks only: references between them, labels, many at once, files, and names that clients give."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, multiple, rule

from config.tests.isolation.asking import FURTHER, IN_TRASH, USERS, Asking
from config.tests.isolation.bodies import KEY, LABELS, TASKS, UNKNOWN, bulk, file_of, text_of
from config.tests.isolation.people import Person, Thing
from config.tests.isolation.wire import Answer

ANYTHING = st.one_of(Asking.objects, Asking.others)
# Members that refer to something.
REFERENCES: list[dict[str, Any]] = [{"parent": KEY}, {"labels": [KEY]}]
ON_THOSE_THERE = ["update", "complete", "delete"]
EXPORT, IMPORT, BULK = f"{TASKS}/export", f"{TASKS}/import", f"{TASKS}/bulk"
# How another system calls a task.
SYSTEM = "elsewhere"
EXTERNAL = f"{TASKS}/external/{SYSTEM}"
ALIKE = {"title": "Water the plants"}
REFUSED = (401, 404)

Way = tuple[str, str, dict[str, Any]]


class TaskRules(Asking):
    """With ids of others in every place that takes one."""

    @rule(thing=ANYTHING, further=FURTHER, members=st.sampled_from(REFERENCES))
    def refer(self, thing: Thing, further: int, members: dict[str, Any]) -> None:
        """No task is hung on what is somebody else's."""
        person = self.neighbour(thing, further)
        for verb, path, body in self.references(person, members):
            assert self.try_id(thing, further, verb, path, body).status in (401, 422)

    def references(self, person: Person, members: dict[str, Any]) -> Iterator[Way]:
        """All ways to say it: of a new task, and of one of this person's own."""
        body = text_of(TASKS, person.word(), person.id) | members
        yield "post", TASKS, body
        yield "put", f"{EXTERNAL}/{person.words[-1]}", body
        yield "post", BULK, bulk({"op": "create", "task": body})
        yield "post", IMPORT, file_of({"id": UNKNOWN, **body})
        for key in self.own_of(person, TASKS):
            yield "patch", f"{TASKS}/{key}", members
            yield "put", f"{TASKS}/{key}", body
            yield "post", BULK, bulk({"op": "create", "task": ALIKE}, {"op": "update", "id": key, "task": members})
            yield "post", f"{TASKS}/{key}/move", {"after": KEY}
            yield "post", f"{TASKS}/{key}/move", {"before": KEY}

    @rule(thing=Asking.objects, further=FURTHER)
    def label(self, thing: Thing, further: int) -> None:
        """A label finds its owner's tasks for its owner, and stays on them whatever others do."""
        if not self.is_live_task(thing):
            return
        label = self.made(thing.owner, LABELS, thing.owner.id)
        self.expect(200, thing.owner, "patch", f"{TASKS}/{thing.id}", {"labels": [label.id]})
        self.look_for(label, further, f"label={KEY}")
        assert self.try_id(label, further, "delete", f"{LABELS}/{KEY}").status in REFUSED
        assert [row["id"] for row in self.pages(thing.owner, TASKS, label=label.id)] == [thing.id]
        self.lose(label)
        assert self.seen_by_owner(thing)["labels"] == []

    @rule(thing=Asking.objects, further=FURTHER)
    def hang_below(self, thing: Thing, further: int) -> None:
        """A subtask goes where its owner's task goes, and nobody else finds it there or moves it."""
        if not self.is_live_task(thing):
            return
        owner, path = thing.owner, f"{TASKS}/{thing.id}"
        below = self.made(owner, TASKS, owner.id, parent=thing.id)
        self.look_for(thing, further, f"parent={KEY}")
        self.expect(204, owner, "delete", path)
        self.look_for(thing, further, f"trashed=true&parent={KEY}")
        for verb, end in [("post", "/restore"), ("delete", IN_TRASH), ("get", IN_TRASH)]:
            assert self.try_id(below, further, verb, f"{TASKS}/{KEY}{end}").status in REFUSED
            assert self.try_id(thing, further, verb, f"{TASKS}/{KEY}{end}").status in REFUSED
        self.expect(200, owner, "get", f"{TASKS}/{below.id}{IN_TRASH}")
        self.expect(200, owner, "post", f"{path}/restore")
        self.lose(below)

    @staticmethod
    def is_live_task(thing: Thing) -> bool:
        """Whether it can be labelled, and hung on."""
        return thing.collection == TASKS and thing.id in thing.owner.held[TASKS]

    def look_for(self, thing: Thing, further: int, query: str) -> None:
        """By a filter that finds something for the thing's owner."""
        for path in (TASKS, EXPORT):
            self.try_id(thing, further, "get", f"{path}?{query}")

    @rule(who=USERS, whose=USERS)
    def move_to_the_front(self, who: int, whose: int) -> None:
        """The place before all of one's own is the same, whatever is before all of somebody else's."""
        person, other = self.people[who], self.people[whose]
        task = self.made(person, TASKS, person.id)
        place = f"{TASKS}/{task.id}/move"
        first = self.expect(200, person, "post", place, {"after": None}).data["position"]
        self.expect(200, person, "post", place, {"before": None})
        for key in self.own_of(other, TASKS) * 3 if other is not person else ():
            self.expect(200, other, "post", f"{TASKS}/{key}/move", {"after": None})
        again = self.expect(200, person, "post", place, {"after": None}).data["position"]
        assert again == first
        self.lose(task)

    # Many at once

    @rule(target=Asking.objects, who=USERS)
    def do_many(self, who: int) -> MultipleResults[Thing]:
        """One's own. One of the new ones ends in the trash."""
        person = self.people[who]
        new = [{"op": "create", "task": text_of(TASKS, person.word(), person.id)} for _ in range(2)]
        rows = self.expect(200, person, "post", BULK, bulk(*new)).data["results"]
        kept, lost = (self.kept(person, TASKS, row["id"]) for row in rows)
        changes = [{"op": "complete", "id": kept.id}, {"op": "delete", "id": lost.id}]
        self.expect(200, person, "post", BULK, bulk(*changes))
        person.held[TASKS].remove(lost.id)
        person.trash.add(lost.id)
        return multiple(kept, lost)

    @rule(thing=ANYTHING, further=FURTHER, op=st.sampled_from(ON_THOSE_THERE), stale=st.booleans())
    def mix_in(self, thing: Thing, further: int, op: str, stale: bool) -> None:
        """An operation on what is somebody else's among those on one's own: nothing is done."""
        person = self.neighbour(thing, further)
        own = [{"op": "delete", "id": key} for key in self.own_of(person, TASKS)]
        foreign: dict[str, Any] = {"op": op, "id": KEY} | ({"task": ALIKE} if op == "update" else {})
        operations = bulk({"op": "create", "task": ALIKE}, *own, foreign | ({"version": 999_999} if stale else {}))
        before = self.seen_by_owner(thing) if thing.collection == TASKS else None, self.lists_of(person)
        assert self.try_id(thing, further, "post", BULK, operations).status in REFUSED
        assert (self.seen_by_owner(thing) if thing.collection == TASKS else None, self.lists_of(person)) == before

    # Files

    @rule(who=USERS, whose=USERS)
    def bring_in(self, who: int, whose: int) -> None:
        """A file has all that is its writer's. Whoever takes somebody else's gets tasks of their own, once."""
        person, writer = self.people[who], self.people[whose]
        both = [self.made_alike(each) for each in dict.fromkeys([person, writer])]
        for task in self.own_of(writer, TASKS):
            self.expect(200, writer, "patch", f"{TASKS}/{task}", {"labels": [both[-1].id]})
        file = self.expect(200, writer, "get", EXPORT)
        assert {task["id"] for task in file.data["tasks"]} == set(writer.held[TASKS])
        assert {label["id"] for label in file.data["labels"]} == set(writer.held[LABELS])
        before = self.lists_of(writer)
        with person.saying(file.text):
            report = self.take(person, file.data, 0 if person is writer else len(file.data["tasks"]))
            assert not set(writer.held[TASKS]).intersection(report) or person is writer
            labels = {row["id"] for row in self.pages(person, LABELS)} - set(person.held[LABELS])
            used = {label for row in self.pages(person, TASKS) if row["id"] in report for label in row["labels"]}
            assert used <= {both[0].id}
            self.take(person, file.data, 0)
            for key in report:
                self.passing(person, TASKS, key)
            for key in labels:
                self.passing(person, LABELS, key)
        assert person is writer or self.lists_of(writer) == before
        for label in both:
            self.lose(label)
        # The record shows them as they are.
        person.said.update(task["external_id"] for task in file.data["tasks"] if task["external_id"])

    def made_alike(self, person: Person) -> Thing:
        """A label of the same name, whoever makes it."""
        return self.kept(person, LABELS, self.expect(201, person, "post", LABELS, {"name": "Garden"}).data["id"])

    def take(self, person: Person, file: dict[str, Any], new: int) -> list[str]:
        """The ids of the tasks that an import makes, as many as there should be."""
        report = self.ask(person, "post", IMPORT, file)
        assert report.status in (200, 201), report
        made = [task["id"] for task in report.data["tasks"] if task["status"] == "created"]
        assert len(made) == new, report
        return made

    @rule(thing=ANYTHING, further=FURTHER)
    def write_a_file(self, thing: Thing, further: int) -> None:
        """What is called by somebody else's id in a file becomes one's own."""
        person = self.neighbour(thing, further)
        task = {"id": KEY, "title": KEY, "labels": [KEY], "external_source": SYSTEM, "external_id": KEY}
        body = file_of(task, labels=({"id": KEY, "name": KEY},))
        for report in self.try_both(thing, further, "post", IMPORT, body, loosely=True):
            # 422: the ids of tasks in files have the form of ours.
            assert report.status in (201, 401, 422)
            for made in report.data.get("tasks", ()):
                labels = self.expect(200, person, "get", f"{TASKS}/{made['id']}").data["labels"]
                self.passing(person, TASKS, made["id"])
                for key in labels:
                    self.passing(person, LABELS, key)

    # Names that clients give

    @rule(target=Asking.others, who=USERS, further=FURTHER)
    def call_it_alike(self, who: int, further: int) -> Thing:
        """What one user's system calls a task another one's may call one, too."""
        owner = self.people[who]
        name = self.new_key(owner, "external")
        body = text_of(TASKS, owner.word(), owner.id)
        task = self.kept(owner, TASKS, self.expect(201, owner, "put", f"{EXTERNAL}/{name.id}", body).data["id"])
        before = self.seen_by_owner(task)
        self.look_for(name, further, f"external_source={SYSTEM}&external_id={KEY}")
        named = ALIKE | {"external_source": SYSTEM, "external_id": KEY}
        self.try_new(name, further, "put", f"{EXTERNAL}/{KEY}", ALIKE)
        self.try_new(name, further, "put", f"{EXTERNAL}/{KEY}", ALIKE, **{"If-None-Match": "*"})
        self.try_new(name, further, "post", TASKS, named)
        self.try_new(name, further, "post", BULK, bulk({"op": "create", "task": named}))
        assert self.try_id(name, further, "put", f"{EXTERNAL}/{KEY}", ALIKE, **{"If-Match": '"1"'}).status in (401, 412)
        assert self.seen_by_owner(task) == before
        return name

    @rule(who=USERS, further=FURTHER)
    def send_with_a_key(self, who: int, further: int) -> None:
        """The same request with somebody else's key makes something of one's own."""
        owner = self.people[who]
        key = self.new_key(owner, "keys")
        for path, body in [(TASKS, ALIKE), (BULK, bulk({"op": "create", "task": ALIKE}))]:
            asked = ("post", f"{path}", body)
            first, again = (self.ask(owner, *asked, **{"Idempotency-Key": f"{path}{key.id}"}) for _ in range(2))
            assert first.text == again.text
            self.try_new(key, further, *asked, **{"Idempotency-Key": f"{path}{KEY}"})
            self.passing(owner, TASKS, _made_by(first))

    def try_new(self, thing: Thing, further: int, verb: str, path: str, body: object, **headers: str) -> None:
        """Somebody else makes a task with the thing's id for KEY, and it goes again."""
        for answer in self.try_both(thing, further, verb, path, body, loosely=True, **headers):
            assert answer.status in (200, 201, 401), answer
            if answer.status != 401:
                self.passing(self.neighbour(thing, further), TASKS, _made_by(answer))


def _made_by(answer: Answer) -> str:
    """The id of the one task that an answer is about."""
    made: str = answer.data["results"][0]["id"] if "results" in answer.data else answer.data["id"]
    return made
