"""Positions: room between any two, and short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.positions import ahead_of, between

positions = st.from_regex("[0-9a-f]{0,20}[1-9a-f]", fullmatch=True, alphabet="0123456789abcdef")


@given(positions | st.just(""), positions)
def test_a_position_between_two_is_between_them_and_leaves_room(low: str, high: str) -> None:
    if low >= high:
        with pytest.raises(ValueError, match="nothing between"):
            between(low, high)
        return
    position = between(low, high)

    assert low < position < high
    assert position[-1] != "0"


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_positions_grow_by_a_digit_in_four_moves_to_the_same_place(downwards: list[bool]) -> None:
    low, high = "1", "2"
    for down in downwards:
        middle = between(low, high)
        low, high = (low, middle) if down else (middle, high)

    assert len(middle) <= 2 + len(downwards) / 4 + 1


@given(positions)
def test_ahead_of_the_first_is_a_step_and_no_longer_key_while_there_is_room(first: str) -> None:
    ahead = ahead_of(first)

    assert "" < ahead < first
    assert ahead[-1] != "0"
    assert len(ahead) == 14 or set(first[:13]) == {"0"}


def test_the_shortest_position_is_taken() -> None:
    assert between("1", "9") == "5"
    assert between("", "1") == "08"
    assert between("12345", "9") == "5"
