"""Splitting texts into passages: what holds for every text."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from knowledge import atoms
from knowledge.chunking import CHARACTERS_PER_TOKEN, MIN_TOKENS, Chunk, split
from knowledge.minilm.tokenizer import count

PIECES = [
    "word",
    "antidisestablishmentarianism",
    "don't",
    "https://example.org/a?b=1",
    "Done. ",
    "Really?! ",
    "\n",
    "\n\n",
    "\r\n",
    "\n# Title\n",
    "\n## Deeper ##\n",
    "\nUnderlined\n=====\n",
    "\n```\n",
    "~~~",
    "    ",
    "\t",
    "\x0c",
    "\x85",
    "\u2028",
    "\u00a0",
    "\u200b",
    "\x00",
    "\ufffd",
    "\ud800",
    "[SEP]",
    "[",
    "中文字符",
    "猫は暖かい。",
    "한국어",
    "แมวนอนบนเตาอุ่น",
    "e\u0301\u0323",
    "\u0301",
    "👩‍👩‍👧",
    "x" * 101,
    "9z" * 200,
    "ﬁ",
    "İ",
    " ",
]
TEXTS = st.one_of(
    st.text(max_size=400),
    st.lists(st.sampled_from(PIECES), max_size=120).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=120).map(" ".join),
    st.tuples(st.sampled_from(PIECES), st.integers(1, 1500)).map(lambda pair: (pair[0] * pair[1])[:3000]),
)
# Small limits meet all the cases in short texts; the second number is the overlap.
SIZES = st.integers(MIN_TOKENS, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, (size - 1) // 2)))
# The machines that run this are shared.
UNTIMED = settings(deadline=None)


def uncovered(content: str, chunks: list[Chunk]) -> str:
    """What of a text no passage holds."""
    held = [False] * len(content)
    for chunk in chunks:
        held[chunk.char_start : chunk.char_end] = [True] * len(chunk.text)
    return "".join(character for character, is_held in zip(content, held, strict=True) if not is_held)


@UNTIMED
@given(TEXTS, SIZES)
def test_passages_are_slices_of_the_text_and_leave_only_white_space(content: str, size: tuple[int, int]) -> None:
    chunks = split(content, max_tokens=size[0], overlap=size[1])
    assert [chunk.text for chunk in chunks] == [content[c.char_start : c.char_end] for c in chunks]
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert not uncovered(content, chunks).strip()
    assert all(chunk.text.strip() for chunk in chunks)


@UNTIMED
@given(TEXTS, SIZES)
def test_passages_count_their_own_word_pieces_and_keep_the_limits(content: str, size: tuple[int, int]) -> None:
    for chunk in split(content, max_tokens=size[0], overlap=size[1]):
        assert chunk.token_count == count(chunk.text) <= size[0]
        assert len(chunk.text) <= size[0] * CHARACTERS_PER_TOKEN


@UNTIMED
@given(TEXTS, SIZES)
@example("002:0:0:0::0:0\n0:0:0:0:0\u104a0\n010:0:0102:0:0:0:0:0:0A00000", (23, 11))
def test_passages_move_forward_and_overlap_no_more_than_asked(content: str, size: tuple[int, int]) -> None:
    for before, after in pairwise(split(content, max_tokens=size[0], overlap=size[1])):
        assert before.char_start < after.char_start
        assert before.char_end < after.char_end
        assert count(content[after.char_start : before.char_end]) <= size[1]


@UNTIMED
@given(st.lists(st.sampled_from(["word", "don't", "a-b-c-d-e-f", "x" * 101, "\n", "Yes."])), SIZES)
def test_passages_cut_no_word_that_fits_in_one(pieces: list[str], size: tuple[int, int]) -> None:
    content = " ".join(pieces)
    words = [match.span() for match in re.finditer(r"\S+", content)]
    chunks = split(content, max_tokens=size[0], overlap=size[1])
    assert {chunk.char_start for chunk in chunks} <= {start for start, _ in words}
    assert {chunk.char_end for chunk in chunks} <= {end for _, end in words}


@UNTIMED
@given(TEXTS, SIZES)
def test_texts_are_split_alike_whatever_the_size_of_the_blocks(content: str, size: tuple[int, int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atoms, "BLOCK", 7)
        in_blocks = split(content, max_tokens=size[0], overlap=size[1])
    assert in_blocks == split(content, max_tokens=size[0], overlap=size[1])
