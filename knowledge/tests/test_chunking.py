"""Splitting texts into passages: where the cuts fall, and what they cost."""

import subprocess
import sys

import pytest
from tokenizers import Encoding

from knowledge import atoms
from knowledge.chunking import (
    DEFAULT_OVERLAP,
    MAX_TOKENS,
    MIN_TOKENS,
    Chunk,
    split,
)
from knowledge.minilm import tokenizer
from knowledge.minilm.tokenizer import count


@pytest.mark.parametrize("content", ["", " ", "\n" * 1000, " \t\r\n\x0b\x0c\x1c\x85\u2028\u3000"])
def test_blank_text_has_no_passages(content: str) -> None:
    assert split(content) == []


def test_short_text_is_one_passage_without_the_space_around_it() -> None:
    assert split("\n  Two words.\n") == [Chunk(0, "Two words.", 3, 13, "", 3)]


@pytest.mark.parametrize("max_tokens", [MIN_TOKENS - 1, MAX_TOKENS + 1])
def test_limit_that_the_model_cannot_keep_is_refused(max_tokens: int) -> None:
    with pytest.raises(ValueError, match=f"max_tokens must be between 16 and 254, not {max_tokens}"):
        split("text", max_tokens=max_tokens, overlap=0)


@pytest.mark.parametrize("overlap", [-1, 8])
def test_overlap_that_leaves_no_room_for_new_text_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match=f"less than half of max_tokens, not {overlap}"):
        split("text", max_tokens=16, overlap=overlap)


def test_default_passages_fill_what_the_model_reads() -> None:
    chunks = split("word " * 1000)
    assert [chunk.token_count for chunk in chunks[:-1]] == [MAX_TOKENS] * (len(chunks) - 1)
    assert count(chunks[1].text[: chunks[0].char_end - chunks[1].char_start]) == DEFAULT_OVERLAP


def texts(content: str, *, max_tokens: int = MIN_TOKENS, overlap: int = 0) -> list[str]:
    """The passages of a text, by default the smallest ones."""
    return [chunk.text for chunk in split(content, max_tokens=max_tokens, overlap=overlap)]


def test_passage_ends_at_a_paragraph_rather_than_a_later_line() -> None:
    first = "one two three four five\nsix seven eight nine"
    second = "ten\neleven twelve thirteen\nfourteen fifteen sixteen seventeen"
    assert texts(f"{first}\n\n{second}") == [first, second]


def test_passage_ends_at_a_line_rather_than_a_later_sentence() -> None:
    first = "one two three four five six seven eight nine"
    second = "Ten. Eleven twelve thirteen fourteen fifteen sixteen"
    assert texts(f"{first}\n{second}") == [first, second]


def test_passage_ends_at_a_sentence_rather_than_a_later_word() -> None:
    assert texts('one two three four five six e.g. seven "eight." Nine ten eleven twelve thirteen') == [
        'one two three four five six e.g. seven "eight."',
        "Nine ten eleven twelve thirteen",
    ]


def test_passage_ends_at_a_sentence_rather_than_a_later_abbreviation() -> None:
    first, second = "One two three four five six seven.", "Eight nine ten, e.g. eleven twelve thirteen"
    assert texts(f"{first} {second}") == [first, second]


def test_chinese_passage_ends_at_a_sentence() -> None:
    assert texts("猫在温暖的炉子上睡觉。狗在寒冷的花园里奔跑。") == [
        "猫在温暖的炉子上睡觉。",
        "狗在寒冷的花园里奔跑。",
    ]


def test_word_of_many_tokens_goes_to_the_next_passage_in_whole() -> None:
    word = "a-b-c-d-e-f-g"
    assert texts(f"one two three four {word} five") == ["one two three four", f"{word} five"]


def test_word_of_many_tokens_at_the_end_goes_to_the_next_passage_in_whole() -> None:
    word = "a-b-c-d-e-f-g"
    assert texts(f"one two three four {word}") == ["one two three four", word]


def test_overlap_gives_way_to_a_word_that_needs_the_room() -> None:
    word = "-".join("abcdefgh")
    assert texts(f"one two three four {word}", overlap=7) == ["one two three four", f"four {word}"]


def test_overlap_gives_way_to_a_wide_word_that_needs_the_room() -> None:
    wide = "x" * 250
    assert texts(f"one two seventeen six {wide}", overlap=7) == ["one two seventeen six", f"six {wide}"]


def test_passage_that_overlaps_by_half_ends_past_the_one_before() -> None:
    first, again = "One two three four.", "Five six seven eight nine ten eleven."
    more = "twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    parts = texts(f"{first} {again}\n\n{more} twenty twenty", max_tokens=17, overlap=8)
    assert parts[:2] == [f"{first} {again}", f"{again}\n\n{more} twenty"]


def test_word_too_long_for_a_passage_is_cut_between_its_tokens() -> None:
    word = "-".join("abcdefghijklmnop")
    assert texts(f"one {word}") == ["one a-b-c-d-e-f-g-h", "-i-j-k-l-m-n-o-p"]


def test_run_of_letters_too_long_for_a_passage_is_cut_between_its_tokens() -> None:
    parts = texts("antidisestablishmentarianism" * 3)
    assert "".join(parts) == "antidisestablishmentarianism" * 3
    assert len(parts) > 1


def test_parts_of_a_cut_word_do_not_meet_again_in_a_passage() -> None:
    # The two of these parts that 16 tokens have room for make 17 when they are read as one.
    chunks = split("btooeabzneeecnrcaedinzmslcrbighsglddecbshcnmnmohrzmtzm", max_tokens=MIN_TOKENS, overlap=0)
    assert [chunk.token_count for chunk in chunks] == [count(chunk.text) for chunk in chunks]


def test_run_of_letters_that_is_one_unknown_token_is_cut_evenly() -> None:
    assert [len(part) for part in texts("x" * 1000)] == [250] * 4


def test_joining_white_space_without_end_makes_no_blank_passage() -> None:
    assert texts("a" + "\x0c" * 1000 + "b") == ["a" + "\x0c" * 249, "\x0c" * 250 + "b"]


def test_wide_white_space_between_words_is_left_out() -> None:
    assert texts("left" + " " * 5000 + "right") == ["left", "right"]


def test_wide_text_ends_at_a_paragraph_rather_than_a_later_word() -> None:
    first, second = "left" + " " * 150 + "right", "above" + " " * 60 + "below"
    assert texts(f"{first}\n\n{second}{' ' * 100}end") == [first, f"{second}{' ' * 100}end"]


def test_overlap_begins_with_a_sentence_where_there_is_one() -> None:
    assert texts(
        "One two three four five six seven eight. Nine ten. Eleven twelve thirteen fourteen fifteen",
        overlap=6,
    ) == [
        "One two three four five six seven eight. Nine ten.",
        "Nine ten. Eleven twelve thirteen fourteen fifteen",
    ]


def test_overlap_begins_with_a_word_where_no_sentence_begins() -> None:
    numbers = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    assert texts(f"{numbers} seventeen", overlap=2) == [numbers, "fifteen sixteen seventeen"]


def test_overlap_never_begins_within_a_word() -> None:
    assert texts("-".join("abcdefghijklmnop"), overlap=4) == ["a-b-c-d-e-f-g-h-", "i-j-k-l-m-n-o-p"]


def test_overlap_stays_within_its_section() -> None:
    assert texts("One. Two.\n# Title\nThree.", overlap=7) == ["One. Two.", "# Title\nThree."]


def test_blank_line_in_fenced_code_is_no_better_seam_than_a_line() -> None:
    first = "```\none two three four five six seven\n\neight nine ten"
    second = "eleven twelve thirteen fourteen"
    assert texts(f"{first}\n{second}") == [first, second]


def tokenised_lengths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with the length of each text that is tokenised."""
    read: list[int] = []
    encode = tokenizer.encode

    def record(text: str) -> Encoding:
        read.append(len(text))
        return encode(text)

    monkeypatch.setattr(tokenizer, "encode", record)
    return read


@pytest.mark.parametrize(
    "piece",
    ["a", ".", "`", "#", "\n", "中", "👩‍👧", "a\u0301", "\u200b ", "# a\n\nb\n\n", "=\n", '."', "x\x0c"],
)
def test_work_grows_with_the_text_and_not_with_its_square(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = tokenised_lengths(monkeypatch)
    content = piece * (200_000 // len(piece))
    chunks = split(content)
    assert sum(read) <= 2 * len(content)
    assert sum(len(chunk.text) for chunk in chunks) <= 2 * len(content)


def test_long_text_is_tokenised_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    read = tokenised_lengths(monkeypatch)
    split("word " * 50_000)
    assert max(read) < atoms.BLOCK + len("word ")


def test_splitting_needs_no_model() -> None:
    code = "import sys; from knowledge.chunking import split; split('x'); print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
