"""Counts over time as stacked bars: their geometry, in the units of an SVG's view box, whose y grows downwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 4, 14, 28
FILL = 0.8  # of a step's width; the rest keeps the bars apart
TICKS = 4  # at most so many lines above the base
NAMED = 6  # as many colours as can be told apart, and one for the others


@dataclass(frozen=True)
class Series:
    """How often one thing happened in each step."""

    name: str
    counts: Sequence[int]

    @property
    def total(self) -> int:
        """In all steps."""
        return sum(self.counts)


@dataclass(frozen=True)
class Bar:
    """A rectangle: `rank` is its series' place, `text` what it stands for."""

    x: float
    y: float
    width: float
    height: float
    rank: int
    text: str


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


def ranked(counts: Mapping[str, Sequence[int]], others: str, limit: int = NAMED) -> list[Series]:
    """The `limit` most frequent, the most frequent first, and all others as one series of the name `others`."""
    series = sorted((Series(name, each) for name, each in counts.items()), key=lambda each: (-each.total, each.name))
    rest = series[limit:]
    sums = [sum(step) for step in zip(*(each.counts for each in rest), strict=True)]
    return series[:limit] + ([Series(others, sums)] if rest else [])


@dataclass(frozen=True)
class Histogram:
    """Stacked bars.

    series: from the base upwards; each has one count a step.
    steps: the steps' names. labels: what stands below them, empty below most.
    """

    series: Sequence[Series]
    steps: Sequence[str]
    labels: Sequence[str]

    width, height, left, right, base = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM

    @cached_property
    def totals(self) -> list[int]:
        """The number in each step."""
        return [sum(each.counts[step] for each in self.series) for step in range(len(self.steps))]

    @property
    def total(self) -> int:
        """The number in all steps."""
        return sum(self.totals)

    @property
    def rows(self) -> Iterator[tuple[str, list[int], int]]:
        """The same as a table: each step's name, counts and total."""
        for step, name in enumerate(self.steps):
            yield name, [each.counts[step] for each in self.series], self.totals[step]

    @property
    def bars(self) -> Iterator[Bar]:
        """Of what happened at all."""
        width = self._slot * FILL
        for step, name in enumerate(self.steps):
            x, below = self._middle(step) - width / 2, 0
            for rank, each in enumerate(self.series):
                if count := each.counts[step]:
                    top, bottom = self._y(below + count), self._y(below)
                    yield Bar(_r(x), _r(top), _r(width), _r(bottom - top), rank, f"{name}: {count:,} {each.name}")
                    below += count

    @property
    def lines(self) -> list[Tick]:
        """Across, from the base to the first round number that nothing exceeds."""
        return [Tick(_r(self._y(value)), f"{value:,}") for value in range(0, self._top + 1, self._unit)]

    @property
    def marks(self) -> list[Tick]:
        """Below the labelled steps, at their middle."""
        return [Tick(_r(self._middle(step)), text) for step, text in enumerate(self.labels) if text]

    @property
    def _slot(self) -> float:
        return (self.right - self.left) / len(self.steps)

    @cached_property
    def _unit(self) -> int:
        return _round_number(max(self.totals))

    @property
    def _top(self) -> int:
        return max(ceil(max(self.totals) / self._unit), 1) * self._unit

    def _middle(self, step: int) -> float:
        return self.left + (step + 0.5) * self._slot

    def _y(self, value: int) -> float:
        return self.base - (self.base - TOP) * value / self._top


def _round_number(peak: int) -> int:
    """The least of 1, 2, 5, 10, 20, … that `TICKS` of reach the peak."""
    unit = 1
    while True:
        for digit in (1, 2, 5):
            if digit * unit * TICKS >= peak:
                return digit * unit
        unit *= 10


def _r(length: float) -> float:
    """A hundredth of a unit is finer than a screen's dots."""
    return round(length, 2)
