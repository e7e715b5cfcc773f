"""What there is of documents only: many at once, files, several searches, and contents that two people have."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, multiple, rule

from config.tests.isolation.asking import FURTHER, USERS, Asking
from config.tests.isolation.bodies import DOCUMENTS, FILE, KEY, bulk, text_of
from config.tests.isolation.people import Thing
from knowledge import indexing

BULK = f"{DOCUMENTS}/bulk"
OPERATIONS: list[dict[str, Any]] = [{"op": "update", "document": {"title": "Mine now"}}, {"op": "delete"}]
REFUSED = (401, 404)


class DocumentRules(Asking):
    """With ids of others, and words that others have, too."""

    @rule(target=Asking.objects, who=USERS)
    def keep_many(self, who: int) -> MultipleResults[Thing]:
        """One's own. One of the new ones ends in the trash."""
        person = self.people[who]
        new = [{"op": "create", "document": text_of(DOCUMENTS, person.word(), person.id)} for _ in range(2)]
        rows = self.expect(200, person, "post", BULK, bulk(*new)).data["results"]
        kept, lost = (self.kept(person, DOCUMENTS, row["id"]) for row in rows)
        changes = [{"op": "update", "id": kept.id, "document": {"tags": []}}, {"op": "delete", "id": lost.id}]
        self.expect(200, person, "post", BULK, bulk(*changes))
        person.held[DOCUMENTS].remove(lost.id)
        person.trash.add(lost.id)
        return multiple(kept, lost)

    @rule(thing=st.one_of(Asking.objects, Asking.others), further=FURTHER, deed=st.sampled_from(OPERATIONS))
    def mix_in_a_document(self, thing: Thing, further: int, deed: dict[str, Any]) -> None:
        """An operation on what is somebody else's among those on one's own: nothing is done."""
        person = self.neighbour(thing, further)
        own = [{"op": "delete", "id": key} for key in self.own_of(person, DOCUMENTS)]
        new = {"op": "create", "document": text_of(DOCUMENTS, person.word(), person.id)}
        before = self.seen_by_owner(thing) if thing.collection == DOCUMENTS else None, self.lists_of(person)
        assert self.try_id(thing, further, "post", BULK, bulk(new, *own, deed | {"id": KEY})).status in REFUSED
        assert (self.seen_by_owner(thing) if thing.collection == DOCUMENTS else None, self.lists_of(person)) == before

    @rule(who=USERS, further=FURTHER, if_exists=st.sampled_from(["refuse", "update"]))
    def store_the_same(self, who: int, further: int, if_exists: str) -> None:
        """Who stores what somebody else has stored is told nothing of that, and neither is who looks for it."""
        owner = self.people[who]
        body = {"title": "The same", "content": f"What everybody knows, but for {len(owner.words)} of {owner.name}."}
        theirs = self.expect(202, owner, "post", DOCUMENTS, body)
        thing = self.kept(owner, DOCUMENTS, theirs.data["id"])
        person = self.neighbour(thing, further)
        before = self.seen_by_owner(thing)
        found = self.ask(person, "get", f"{DOCUMENTS}?content_hash={theirs.data['content_hash']}")
        assert found.status == 401 or found.data["results"] == []
        mine = self.ask(person, "post", DOCUMENTS, body | {"if_exists": if_exists})
        assert mine.status in (401, 202), mine
        if mine.status == 202:
            self.passing(person, DOCUMENTS, mine.data["id"])
        assert self.seen_by_owner(thing) == before
        self.lose(thing)

    @rule(who=USERS, further=FURTHER)
    def upload(self, who: int, further: int) -> None:
        """A file is its owner's, and nobody else gives the document another one."""
        owner = self.people[who]
        first, second = ({FILE: f"{owner.word()} is for {owner.id}"} for _ in range(2))
        thing = self.kept(owner, DOCUMENTS, self.expect(202, owner, "post", f"{DOCUMENTS}/upload", first).data["id"])
        place = f"{DOCUMENTS}/{thing.id}/file"
        indexing.index(owner_id=UUID(owner.id), document_id=UUID(thing.id))
        assert self.expect(200, owner, "get", place).text == first[FILE]
        for verb, body in (("get", None), ("head", None), ("put", {FILE: "Mine now."})):
            assert self.try_id(thing, further, verb, f"{DOCUMENTS}/{KEY}/file", body).status in REFUSED
        assert self.expect(200, owner, "get", place).text == first[FILE]
        self.expect(200, owner, "put", place, second)
        self.lose(thing)

    @rule(who=USERS)
    def search_for_much(self, who: int) -> None:
        """Everybody's words by one request, each way, find one's own."""
        person = self.people[who]
        modes = ("hybrid", "semantic", "keyword")
        searches = [{"query": user.words[-1], "mode": mode} for user in self.people[:3] for mode in modes]
        person.asked.update(search["query"] for search in searches)
        for answer in self.expect(200, person, "post", "knowledge/search/batch", {"searches": searches}).data[
            "results"
        ]:
            assert person.searchable.issuperset(hit["document_id"] for hit in answer["results"])
