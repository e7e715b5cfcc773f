"""The feed of changes: a copy that is kept by it holds what is its owner's, all of it, and nothing else."""

from time import monotonic

from hypothesis.stateful import rule

from config.tests.isolation.asking import LIMITS, USERS, Asking
from config.tests.isolation.people import Person

FEED = "changes"
# Seconds. The feed tells of what came before the oldest transaction of the whole cluster, another test's perhaps.
PATIENCE = 10


class FeedRules(Asking):
    """Each user keeps a copy."""

    @rule(who=USERS, limit=LIMITS)
    def follow(self, who: int, limit: int) -> None:
        """The first time it is all that there is, and then what has become of it."""
        person = self.people[who]
        there = {key for held in person.held.values() for key in held}
        end = monotonic() + PATIENCE
        self.catch_up(person, limit)
        while person.copy != there and monotonic() < end:
            self.catch_up(person, limit)
        assert person.copy == there

    def catch_up(self, person: Person, limit: int) -> None:
        """Read on from where the copy stands."""
        more = True
        while more:
            known = {"cursor": person.place} if person.place else {}
            page = self.page(person, FEED, limit=limit, **known)
            for change in page["results"]:
                (person.copy.discard if change["deleted"] else person.copy.add)(change["id"])
            person.place, more = page["next"], page["more"]
