"""Splitting a text into passages that the embedding model can read in whole.

Passages end where the text has its own seams: before a heading, else between paragraphs, lines, sentences,
words, in this order. Sizes are counted in the model's own word pieces. The text is tokenised once, in blocks,
and the work is linear in its length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from knowledge.atoms import Atoms, Ints, take_apart
from knowledge.minilm.tokenizer import MAX_TOKENS as MODEL_TOKENS
from knowledge.minilm.tokenizer import SPECIAL_TOKENS
from knowledge.outline import Level

MAX_TOKENS: Final = MODEL_TOKENS - SPECIAL_TOKENS
MIN_TOKENS: Final = 16
DEFAULT_OVERLAP: Final = 32

# Prose has 4 to 5 characters for a token. The bound is for what hardly has tokens: wide white space, and
# words of more than 100 characters, which the model reads as one unknown token each.
CHARACTERS_PER_TOKEN: Final = 16


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage, `content[char_start:char_end]`, and the path of its headings ("Guide > Install" or "")."""

    ordinal: int
    text: str
    char_start: int
    char_end: int
    heading: str
    token_count: int


def split(content: str, *, max_tokens: int = MAX_TOKENS, overlap: int = DEFAULT_OVERLAP) -> list[Chunk]:
    """Split a text into passages of at most `max_tokens` word pieces and 16 times as many characters.

    Together the passages hold every character of the text that isn't white space, in order. One that
    continues another within a section repeats up to `overlap` of its word pieces, from the beginning of a
    sentence or word. No word is cut but one that exceeds a passage by itself. The special tokens aren't
    counted: the default fills the 256 that the model reads. Raises ValueError unless 16 <= max_tokens <= 254
    and 0 <= overlap < max_tokens / 2, and EmbeddingError if the tokenizer isn't installed.
    """
    if not MIN_TOKENS <= max_tokens <= MAX_TOKENS:
        raise ValueError(f"max_tokens must be between {MIN_TOKENS} and {MAX_TOKENS}, not {max_tokens}.")
    if not 0 <= overlap * 2 < max_tokens:
        raise ValueError(f"overlap must be at least 0 and less than half of max_tokens, not {overlap}.")
    if not content or content.isspace():
        return []
    atoms = take_apart(content, max_tokens, max_tokens * CHARACTERS_PER_TOKEN)
    return list(_chunks(content, atoms, _Packer(atoms, max_tokens, overlap)))


def _chunks(content: str, atoms: Atoms, packer: "_Packer") -> Iterator[Chunk]:
    for ordinal, (first, last) in enumerate(packer.pack()):
        start, end = int(atoms.starts[first]), int(atoms.ends[last - 1])
        tokens = int(atoms.tokens_before[last] - atoms.tokens_before[first])
        yield Chunk(ordinal, content[start:end], start, end, atoms.heading_at(start), tokens)


@dataclass(frozen=True, slots=True)
class _Packer:
    """Groups atoms into passages; all methods speak in indices of atoms."""

    atoms: Atoms
    max_tokens: int
    overlap: int

    @property
    def _max_characters(self) -> int:
        return self.max_tokens * CHARACTERS_PER_TOKEN

    def pack(self) -> Iterator[tuple[int, int]]:
        """Yield the first atom of each passage and the one behind its last."""
        first = 0
        for last in (*np.flatnonzero(self.atoms.closed[1:]) + 1, len(self.atoms.starts)):
            yield from self._pack_between(first, int(last))
            first = int(last)

    def _pack_between(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Group a run of atoms that no passage may leave."""
        cut = first
        while cut < last:
            reach = self._reach(first, last)
            cut = last if reach == last else self._cut(first, reach, last)
            yield first, cut
            first = self._restart(cut, last) if cut < last else cut

    def _reach(self, first: int, last: int) -> int:
        """How far a passage from `first` can go."""
        atoms = self.atoms
        by_tokens = _index(atoms.tokens_before, atoms.tokens_before[first] + self.max_tokens, "right") - 1
        by_characters = _index(atoms.ends, atoms.starts[first] + self._max_characters, "right")
        return min(by_tokens, by_characters, last)

    def _cut(self, first: int, reach: int, last: int) -> int:
        """Choose where a passage ends: at the last of the best seams in its second half."""
        atoms = self.atoms
        # An overlap is shorter than this half, rounded up, so all the seams looked at lie past the previous
        # cut.
        low = min(
            _index(atoms.tokens_before, atoms.tokens_before[first] + (self.max_tokens + 1) // 2),
            _index(atoms.starts, atoms.starts[first] + self._max_characters // 2),
            reach,
        )
        best = reach - int(np.argmax(atoms.levels[low : reach + 1][::-1]))
        if atoms.levels[best] >= Level.WORD:
            return best
        # The second half is all one word: it goes to the next passage, unless it is too long for any.
        word, following = self._word_at(reach)
        return word if self._reach(word, last) >= following else best

    def _restart(self, cut: int, last: int) -> int:
        """Choose where the passage behind a cut begins: the cut, or a sentence or word so much before it.

        The overlap leaves room for the word at the cut, so that the passage brings the text forward and cuts
        no word. It begins past the beginning of the passage before: that one is half full, and longer than
        any overlap, or ends where the next word didn't fit.
        """
        atoms = self.atoms
        _, following = self._word_at(cut)
        need = following if self._reach(cut, last) >= following else cut + 1
        low = max(
            _index(atoms.tokens_before, atoms.tokens_before[cut] - self.overlap),
            _index(atoms.starts, atoms.starts[cut] - self.overlap * CHARACTERS_PER_TOKEN),
            _index(atoms.tokens_before, atoms.tokens_before[need] - self.max_tokens),
            _index(atoms.starts, atoms.ends[need - 1] - self._max_characters),
        )
        levels = atoms.levels[low:cut]
        for level in (Level.SENTENCE, Level.WORD):
            if (levels >= level).any():
                return low + int(np.argmax(levels >= level))
        return cut

    def _word_at(self, index: int) -> tuple[int, int]:
        """The first atom of the word that holds an atom, and the one behind its last."""
        words = self.atoms.words
        position = _index(words, index, "right")
        following = words[position] if position < len(words) else len(self.atoms.starts)
        return int(words[position - 1]), int(following)


def _index(ordered: Ints, value: int, side: Literal["left", "right"] = "left") -> int:
    """Find a value's place in an ordered array."""
    return int(np.searchsorted(ordered, value, side=side))
