"""Rates that are measured side by side, and how figures are shown."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import TypeVar

from rich.console import Console
from rich.table import Table

T = TypeVar("T")

CONSOLE = Console(highlight=False, width=110)


def alternate(rounds: int, first: Callable[[], T], second: Callable[[], T]) -> list[tuple[T, T]]:
    """Both measured in each round, right after one another: what else the machine does hits both.

    Every other round begins with the second, so that a drift does, too.
    """
    pairs = []
    for number in range(rounds):
        if number % 2:
            later = second()
            pairs.append((first(), later))
        else:
            pairs.append((first(), second()))
    return pairs


def compared(what: str, pairs: Sequence[tuple[float, float]]) -> list[str]:
    """A row of `COMPARED`: the medians of both, and of the rounds' ratios the median, lowest and highest."""
    medians = (f"{median(values):,.0f}" for values in zip(*pairs, strict=True))
    return [what, *medians, spread([first / second for first, second in pairs], ".3f")]


COMPARED = ("with", "without", "ratio (of the rounds)")


def spread(values: Sequence[float], form: str) -> str:
    """The median, the lowest and the highest."""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, its numbers to the right."""
    table = Table("", title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    CONSOLE.print(table)


def say(text: str) -> None:
    """Print a line."""
    CONSOLE.print(text, soft_wrap=True)
