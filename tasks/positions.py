"""The manual order: a position is the digits of a hexadecimal fraction, so that there is room between any two.

Moving one task rewrites one row. A new task's position is made by the database of the time, and so comes last.
"""

BASE = 16
# As many digits as the database takes of the time for a new task's position.
STEP = 13


def ahead_of(first: str) -> str:
    """A position before the first one: a step away and no longer than others, as long as there is room for a step."""
    steps = int(first[:STEP].ljust(STEP, "0"), BASE)
    return f"{steps - 1:0{STEP}x}8" if steps else between("", first)


def between(low: str, high: str) -> str:
    """A short fraction after `low` and before `high`, each the digits behind the point; no digits for `low` are 0.

    Neither ends in 0, nor does what comes back: otherwise nothing could come before it. Raises `ValueError` unless
    `low` < `high`.
    """
    if not low < high:
        raise ValueError(f"there is nothing between {low!r} and {high!r}")
    length = max(len(low), len(high)) + 1
    first, last = (int(digits.ljust(length, "0"), BASE) for digits in (low, high))
    middle = f"{(first + last) // 2:0{length}x}"
    shortened = (middle[:end].rstrip("0") for end in range(1, length + 1))
    return next(digits for digits in shortened if low < digits < high)
