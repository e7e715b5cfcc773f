"""The atoms of a text: the smallest parts that a passage keeps whole, their sizes, the seams between.

An atom is a word, or what the tokenizer treats as a word of its own within one: a punctuation mark, an
ideograph. Between atoms the text can be cut without changing the word pieces on either side, so their counts
add up.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from knowledge.minilm import tokenizer
from knowledge.outline import Level, Mark, marks, sentence_starts

# Tokenising takes about 750 bytes a token while it runs, so a text is tokenised in blocks of so many
# characters, each ending before a character at which a word piece always ends.
BLOCK: Final = 1 << 16
_SEAM = re.compile(r"[ \t\r\n!-/:-@\\^-`{-~\u3001\u3002\u4e00-\u9fff]")

# The tokenizer drops these characters of Python's white space, and so joins what they stand between.
_JOINING = r"\x0b\x0c\x1c-\x1f\x85"
_WORD = re.compile(rf"\S+(?:[{_JOINING}]+\S+)*+")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Atoms:
    """The atoms of a text, in order, as arrays of one length n.

    `tokens_before` has n + 1 sums. `levels` says what begins with each atom; `closed` marks those before
    which a passage must end; `words` holds the indices of those with which a word begins.
    """

    starts: Ints
    ends: Ints
    tokens_before: Ints
    levels: npt.NDArray[np.int8]
    closed: npt.NDArray[np.bool_]
    words: Ints
    sections: Sequence[Mark]

    def heading_at(self, position: int) -> str:
        """The path of the headings above a position of the text."""
        above = bisect_right(self.sections, position, key=lambda section: section.position)
        return self.sections[above - 1].heading if above else ""


def take_apart(content: str, max_tokens: int, max_characters: int) -> Atoms:
    """Find the atoms of a text that isn't blank, none larger than the limits."""
    words = np.array([match.span() for match in _WORD.finditer(content)], dtype=np.int64)
    whole = _spans(content, words)
    spans = _cut_oversize(content, whole, max_tokens, max_characters)
    starts = spans[:, 0]
    outline = marks(content)
    levels = _levels(content, starts, words[:, 0], outline)
    return Atoms(
        starts=starts,
        ends=spans[:, 1],
        tokens_before=np.append(0, np.cumsum(spans[:, 2])),
        levels=levels,
        # The parts of a word that was cut don't meet again: together they would be tokenised in another way.
        closed=(levels == Level.SECTION) | ~np.isin(starts, whole[:, 0]),
        words=np.flatnonzero(levels >= Level.WORD),
        sections=[mark for mark in outline if mark.level is Level.SECTION],
    )


def _spans(content: str, words: Ints) -> Ints:
    """The atoms as rows of start, end and number of tokens."""
    tokens, begins = _tokenize(content)
    starts = np.union1d(words[:, 0], begins)
    word = np.searchsorted(words[:, 0], starts, side="right") - 1
    ends = np.minimum(words[word, 1], np.append(starts[1:], len(content)))
    counts = np.diff(np.append(np.searchsorted(tokens, starts), len(tokens)))
    return np.column_stack((starts, ends, counts))


def _tokenize(content: str) -> tuple[Ints, Ints]:
    """The positions of all tokens, and of those with which the tokenizer begins a word."""
    tokens, begins = [], []
    for start, end in _blocks(content):
        encoding = tokenizer.encode(content[start:end])
        positions = np.array([offset for offset, _ in encoding.offsets], dtype=np.int64) + start
        tokens.append(positions)
        begins.append(positions[np.diff(np.array(encoding.word_ids, dtype=np.int64), prepend=-1) != 0])
    return np.concatenate(tokens), np.concatenate(begins)


def _blocks(content: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(content):
        seam = _SEAM.search(content, start + BLOCK)
        end = seam.start() if seam else len(content)
        yield start, end
        start = end


def _cut_oversize(content: str, spans: Ints, max_tokens: int, max_characters: int) -> Ints:
    """Replace the atoms that exceed a limit by parts that don't."""
    oversize = (spans[:, 2] > max_tokens) | (spans[:, 1] - spans[:, 0] > max_characters)
    rows = []
    done = 0
    for index in np.flatnonzero(oversize).tolist():
        start, end, _ = spans[index].tolist()
        parts = -(-(end - start) // max_characters)
        bounds = [start + (end - start) * part // parts for part in range(parts + 1)]
        cut = [piece for pair in pairwise(bounds) for piece in _halve(content, *pair, max_tokens)]
        rows += [spans[done:index], np.array(cut, dtype=np.int64)]
        done = index + 1
    return np.concatenate([*rows, spans[done:]])


def _halve(content: str, start: int, end: int, max_tokens: int) -> Iterator[tuple[int, int, int]]:
    """Cut a part of a word at its middle tokens, until what remains is small enough; drop what is blank."""
    text = content[start:end]
    encoding = tokenizer.encode(text)
    if len(encoding) > max_tokens:
        middle = start + encoding.offsets[len(encoding) // 2][0]
        yield from _halve(content, start, middle, max_tokens)
        yield from _halve(content, middle, end, max_tokens)
    elif not text.isspace():
        yield start, end, len(encoding)


def _levels(content: str, starts: Ints, words: Ints, outline: Sequence[Mark]) -> npt.NDArray[np.int8]:
    """What begins with each atom."""
    places = {level: [mark.position for mark in outline if mark.level is level] for level in Level}
    places[Level.SENTENCE] = list(sentence_starts(content))
    levels = np.full(len(starts), Level.TOKEN, dtype=np.int8)
    levels[np.searchsorted(starts, words)] = Level.WORD
    for level in (Level.SENTENCE, Level.LINE, Level.PARAGRAPH, Level.SECTION):
        # A sentence may begin with a character that no token has, inside an atom.
        atoms = np.searchsorted(starts, np.array(places[level], dtype=np.int64))
        atoms = atoms[atoms < len(starts)]
        levels[atoms] = level
    return levels
