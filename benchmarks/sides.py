"""Ways of doing the same, measured in turns, and what a table says about them.

In: functions. Out: `Side`s, all values kept, and `Row`s: a figure, its goal, and whether it was met.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Doing = Callable[[], object]  # returns its own figure as a float, or anything else to be timed


@dataclass(frozen=True)
class Side:
    """One way, and every figure that was measured of it."""

    name: str
    values: tuple[float, ...]
    unit: str = "s"

    @property
    def median(self) -> float:
        """The middle of the values."""
        return statistics.median(self.values)

    def text(self) -> str:
        """`fer-exp 1.23 s (1.20-1.31)`: the median, and the least and the most where there are several."""
        spread = f" ({short(min(self.values))}-{short(max(self.values))})" if len(self.values) > 1 else ""
        return f"{self.name} {short(self.median)} {self.unit}{spread}"


@dataclass(frozen=True)
class Goal:
    """What a figure should be; at least `low`, under `high`; without both it is reported only."""

    low: float | None = None
    high: float | None = None
    unit: str = ""

    def text(self) -> str:
        """In words."""
        if self.low is not None:
            return f"at least {short(self.low)}{self.unit}"
        return "reported" if self.high is None else f"under {short(self.high)}{self.unit}"

    def met(self, figure: float) -> bool | None:
        """Whether `figure` meets it; None where nothing is asked."""
        if self.low is not None:
            return figure >= self.low
        return None if self.high is None else figure < self.high


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    measure: str
    sides: tuple[Side, ...]  # fer-exp first
    figure: float  # what the goal is about
    unit: str  # of the figure: "x", " s", " %"
    goal: str
    met: bool | None  # None: reported only
    note: str = ""

    @property
    def times(self) -> int:
        """How often the first side was measured."""
        return len(self.sides[0].values) if self.sides else 0


def in_turns(ways: Mapping[str, Doing], times: int, unit: str = "s") -> list[Side]:
    """Runs every way once, then every way again in the opposite order, and so on, so that all see the same noise.

    The order turns because a way may leave something behind that the next one pays for, or profits from. Where a way
    returns a float, that is its figure; else the seconds it took.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(times):
        for name, way in list(ways.items())[:: 1 if turn % 2 == 0 else -1]:
            started = time.perf_counter()
            figure = way()
            seconds = time.perf_counter() - started
            found[name].append(figure if isinstance(figure, float) else seconds)
    return [Side(name, tuple(values), unit) for name, values in found.items()]


def row(measure: str, sides: list[Side], figure: float, goal: Goal, note: str = "") -> Row:
    """A row whose figure stands in the goal's unit."""
    return Row(measure, tuple(sides), figure, goal.unit, goal.text(), goal.met(figure), note)


def faster(measure: str, sides: list[Side], goal: Goal, note: str = "") -> Row:
    """A row about how many times less the first side takes than the second, median by median."""
    return row(measure, sides, sides[1].median / sides[0].median, goal, note)


def share(measure: str, sides: list[Side], goal: Goal, note: str = "") -> Row:
    """A row about the first side as a multiple of the second, median by median."""
    return row(measure, sides, sides[0].median / sides[1].median, goal, note)


def share_by_turns(measure: str, sides: list[Side], goal: Goal, note: str = "") -> Row:
    """A row about the first side as a multiple of the second, turn by turn: the median of the ratios.

    Where a machine's own speed changes from minute to minute, two neighbours in time still share it.
    """
    ratios = [ours / theirs for ours, theirs in zip(sides[0].values, sides[1].values, strict=True)]
    told = f"turn by turn {short(min(ratios))}x to {short(max(ratios))}x"
    return row(measure, sides, statistics.median(ratios), goal, f"{told}; {note}" if note else told)


def times_(low: float | None = None, high: float | None = None) -> Goal:
    """A goal for a ratio."""
    return Goal(low, high, "x")


def short(value: float) -> str:
    """Three digits that count, and no exponent below a million."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
