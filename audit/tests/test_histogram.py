"""The histogram's geometry: what stands on what, and that nothing leaves the picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.histogram import LEFT, TICKS, TOP, Bar, Histogram, Series, ranked


def chart(*counts: list[int]) -> Histogram:
    """A series for each list, named a, b, c and so on."""
    steps = [str(step) for step in range(len(counts[0]))]
    labels = ["" if step % 2 else f"at {step}" for step in range(len(steps))]
    return Histogram([Series(chr(97 + rank), each) for rank, each in enumerate(counts)], steps, labels)


def test_the_most_frequent_come_first_and_ties_by_name() -> None:
    counts = {"b": [1, 1], "c": [0, 5], "a": [2, 0]}

    assert [each.name for each in ranked(counts, "others")] == ["c", "a", "b"]


def test_what_is_rare_is_summed_step_by_step() -> None:
    counts = {"a": [9, 9], "b": [1, 2], "c": [0, 2]}

    assert ranked(counts, "others", limit=1) == [Series("a", [9, 9]), Series("others", [1, 4])]


def test_of_nothing_there_is_no_series() -> None:
    assert ranked({}, "others") == []


def test_bars_stand_on_each_other_and_on_the_base() -> None:
    picture = chart([1, 0], [3, 2])

    bars = list(picture.bars)

    assert [(bar.rank, bar.text) for bar in bars] == [(0, "0: 1 a"), (1, "0: 3 b"), (1, "1: 2 b")]
    lowest, upon, other = bars
    assert lowest.y + lowest.height == other.y + other.height == picture.base
    assert upon.y + upon.height == pytest.approx(lowest.y, abs=0.02)
    assert upon.height == pytest.approx(3 * lowest.height, abs=0.05)
    assert lowest.x == upon.x < other.x
    assert upon.y == TOP


def test_the_table_says_the_same() -> None:
    assert list(chart([1, 0], [3, 2]).rows) == [("0", [1, 3], 4), ("1", [0, 2], 2)]
    assert chart([1, 0], [3, 2]).total == 6


def test_a_mark_stands_below_the_middle_of_its_bar() -> None:
    picture = chart([1, 1, 1])

    first, _, last = picture.bars
    assert [mark.text for mark in picture.marks] == ["at 0", "at 2"]
    for mark, bar in zip(picture.marks, (first, last), strict=True):
        assert mark.at == pytest.approx(bar.x + bar.width / 2, abs=0.02)


@pytest.mark.parametrize(
    ("peak", "lines"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (4, ["0", "1", "2", "3", "4"]),
        (5, ["0", "2", "4", "6"]),
        (9, ["0", "5", "10"]),
        (2_500, ["0", "1,000", "2,000", "3,000"]),
    ],
)
def test_the_scale_goes_by_round_numbers(peak: int, lines: list[str]) -> None:
    assert [line.text for line in chart([peak]).lines] == lines


STEPS = st.integers(1, 8)
COUNTS = STEPS.flatmap(
    lambda steps: st.lists(
        st.lists(st.integers(0, 10**6), min_size=steps, max_size=steps),
        min_size=1,
        max_size=4,
    )
)


@given(COUNTS)
def test_nothing_leaves_the_picture(counts: list[list[int]]) -> None:
    picture = chart(*counts)
    bars: list[Bar] = list(picture.bars)

    for bar in bars:
        assert LEFT <= bar.x <= bar.x + bar.width <= picture.width
        assert TOP <= bar.y <= bar.y + bar.height <= picture.base + 0.02
    assert len(bars) == sum(count > 0 for each in counts for count in each)
    assert 2 <= len(picture.lines) <= TICKS + 1
    assert picture.lines[0].at == picture.base
    assert picture.lines[-1].at == TOP
