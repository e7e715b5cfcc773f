"""Who takes part, and what each of them may know."""

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from uuid import UUID, uuid4

from config.tests.isolation import wire
from config.tests.isolation.wire import Answer

WORD = re.compile(r"canary[0-9a-f]{16}")
# What may be base64url of 16 bytes or more: cursors, tokens.
CLOSED = re.compile(r"[A-Za-z0-9_-]{22,}")
# Wherever an id's digits begin, within others too.
DIGITS = re.compile(r"(?=([0-9a-f]{32}))")


@dataclass(frozen=True)
class Thing:
    """Something with an id that is one person's, or was: an object, an event, a request, the person.

    twin: the id, a few bits from this one, of what doesn't exist.
    """

    owner: "Person"
    collection: str
    id: str
    twin: str

    def __repr__(self) -> str:
        return f"{self.owner}'s {self.collection} {self.id}"


@dataclass(eq=False)
class Person:
    """A user, or a stranger who isn't one.

    held: collection → ids of what is there now, oldest first. trash: ids of what is in it.
    made: collection → how many ever were. indexed: ids of the documents that have passages.
    copy: ids of what is there as the feed of changes tells it, up to the cursor `place`.
    secrets: ids that nobody else may be told of.
    said: ids and words of others that this person sent, and may be told again.
    words: what stands in this person's texts only, the latest last. asked: others' words that this person searched for.
    """

    name: str
    id: str = ""
    email: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    refresh_token: str = ""
    held: dict[str, list[str]] = field(default_factory=dict)
    trash: set[str] = field(default_factory=set)
    made: Counter[str] = field(default_factory=Counter)
    copy: set[str] = field(default_factory=set)
    place: str | None = None
    indexed: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        return self.name

    @property
    def searchable(self) -> set[str]:
        """The ids of the documents that can be found."""
        return self.indexed.intersection(self.held["knowledge/documents"])

    def word(self) -> str:
        """A new word for this person's texts."""
        self.words.append(f"canary{uuid4().hex[:16]}")
        return self.words[-1]

    def thing(self, collection: str, key: str) -> Thing:
        """What is this person's from now on."""
        self.secrets.add(key)
        return Thing(self, collection, key, str(UUID(int=UUID(key).int ^ (uuid4().int % 2**48))))

    def carry(self, tokens: Answer) -> None:
        """Use these tokens from now on."""
        self.refresh_token = tokens.data["refresh"]
        self.headers = {"Authorization": f"Bearer {tokens.data['access']}"}

    def learn(self, answer: Answer) -> None:
        """What an answer to a user calls by an id is this user's; the request is, too. A stranger's isn't a secret."""
        if self.id:
            self.secrets.update([answer.request_id, *(_ids(answer.data) if answer.status < 300 else ())])

    @contextmanager
    def saying(self, text: str) -> Iterator[None]:
        """Inside this person may be told again what stands in a text of somebody else's."""
        before = self.said
        self.said = before | set(WORD.findall(text)) | {found.group() for found in wire.UUID.finditer(text)}
        yield
        self.said = before

    def may_know(self, secret: str) -> bool:
        """Whether it is this person's own, or comes from this person."""
        return secret in self.secrets or secret in self.said


def leaks(answer: Answer, person: Person, people: Iterable[Person]) -> set[str]:
    """What the answer to `person` tells of the others among `people`."""
    text = answer.everything
    told = set(_digits(text))
    secrets = set[str]().union(*(other.secrets for other in people if other is not person))
    words = set(WORD.findall(text)).difference(person.words, person.said)
    # What somebody searched for may stand in their own part of the record.
    words = words - person.asked if "/audit/" in answer.path else words
    return words | {key for key in secrets if key.replace("-", "") in told and not person.may_know(key)}


def _digits(text: str) -> Iterator[str]:
    """The 32 digits of each id in a text: as it is, or in base64 of its bytes, or of a text that it stands in."""
    opened = [base64.urlsafe_b64decode(_padded(run)) for run in CLOSED.findall(text)]
    for part in [text, *(raw.hex() for raw in opened), *(raw.decode("latin-1") for raw in opened)]:
        yield from DIGITS.findall(part.replace("-", "").lower())


def _padded(run: str) -> str:
    # One character beyond a multiple of four is none of base64's.
    whole = run[: len(run) - (len(run) % 4 == 1)]
    return whole + "=" * (-len(whole) % 4)


def _ids(data: Any) -> Iterator[str]:
    match data:
        case dict():
            yield from (data[name] for name in ("id", "chunk_id") if isinstance(data.get(name), str))
            yield from chain.from_iterable(map(_ids, data.values()))
        case list():
            yield from chain.from_iterable(map(_ids, data))
