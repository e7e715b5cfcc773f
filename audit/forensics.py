"""What was changed in an event whose leaf doesn't hold any more. Guesses that the hash confirms, and no others."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from audit.ids import made_at
from audit.leaves import ACTOR, ID, TIME, Values, hash_of, instant_text

# An id is made within the same statement as its event's time: microseconds apart, on a busy machine some thousand.
AROUND = range(-1_000, 20_000)


def original_actor(values: Values, leaf: bytes, actors: Iterable[str]) -> str | None:
    """The actor with whom the leaf would hold."""
    return next((actor for actor in actors if hash_of(_with(values, ACTOR, actor)) == leaf), None)


def original_time(values: Values, leaf: bytes) -> str | None:
    """The time with which the leaf would hold, looked for around the instant in the event's id."""
    instant = made_at(str(values[ID]))
    times = (instant_text(instant + timedelta(microseconds=offset)) for offset in AROUND)
    return next((time for time in times if hash_of(_with(values, TIME, time)) == leaf), None)


def swapped(events: Sequence[tuple[Values, bytes]]) -> Iterator[tuple[str, str]]:
    """The ids of events each of which holds the other's leaf but for the id: their contents were exchanged."""
    for place, (first, leaf) in enumerate(events):
        for second, other in events[place + 1 :]:
            crossed = hash_of(_with(second, ID, first[ID])) == leaf
            if crossed and hash_of(_with(first, ID, second[ID])) == other:
                yield str(first[ID]), str(second[ID])


def _with(values: Values, place: int, value: str | None) -> list[str | None]:
    return [*values[:place], value, *values[place + 1 :]]
