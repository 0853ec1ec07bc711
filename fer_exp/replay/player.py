"""The player: a search asks, a table answers, and every epoch that a training would have cost is counted.

In: a table, one of its seeds, an algorithm. Out: a Run: what a user would have kept after how many epochs. The same
accounting for all: a trial costs the epochs that it trains, a promotion the epochs that it adds, and a trial that is
cut short those until then. A trial counts as completed when the search itself ends it; what a pruner stopped does not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_exp.replay.table import Point, Table

Given = TypeVar("Given")


class Spent(Exception):
    """The epochs that a replay may cost are spent."""


@dataclass(frozen=True)
class Run:
    """One replayed search: steps of what it had, by epochs spent."""

    spent: NDArray[np.int64]  # (steps,) epochs, ascending
    kept: NDArray[np.float64]  # (steps,) best validation value of a completed trial so far
    true: NDArray[np.float64]  # (steps,) what a full training of that trial's recipe reaches, the mean over seeds
    arrived: int | None  # epochs until `kept` came within the tolerance of the table's best with that seed
    arrived_true: int | None  # the same of `true` and the best recipe's mean
    total: int  # epochs spent in all
    proposals: int
    seconds: float  # that the algorithm itself took

    def kept_after(self, epochs: NDArray[np.int64]) -> NDArray[np.float64]:
        """`kept` at numbers of epochs spent; NaN before the first trial is completed."""
        at = np.searchsorted(self.spent, epochs, side="right") - 1
        return np.where(at >= 0, self.kept[np.maximum(at, 0)], np.nan)


@dataclass
class Player:
    """Answers one search, and notes what it has by when.

    Args:
        table: That answers.
        seed: Which of its curves.
        budget: Epochs after which the search is over.
        within: How near to the table's best counts as arrived, in the objective's unit.
    """

    table: Table
    seed: int
    budget: int
    within: float
    _spent: int = 0
    _kept: float = -np.inf
    _steps: list[tuple[int, float, float]] = field(default_factory=list)
    _arrived: int | None = None
    _arrived_true: int | None = None

    def __post_init__(self) -> None:
        self._goal = self.table.best(self.seed) - self.within
        self._true_goal = max(self.table.true.values()) - self.within

    def train(self, point: Point, epochs: int, behind: int = 0) -> float:
        """A trial that trains up to `epochs` behind epoch `behind`: its best value so far, paid for.

        Raises:
            Spent: The budget is over before.
        """
        curve = self.table.curve(point, self.seed)
        self.pay(min(epochs, len(curve)) - min(behind, len(curve)))
        return max(curve[:epochs])

    def pay(self, epochs: int) -> None:
        """Counts epochs.

        Raises:
            Spent: More than there are.
        """
        if self._spent + epochs > self.budget:
            self._spent = self.budget
            raise Spent
        self._spent += epochs

    def complete(self, point: Point, value: float) -> None:
        """A trial has ended as its search wanted."""
        if value <= self._kept:
            return
        self._kept, true = value, self.table.true[point]
        self._steps.append((self._spent, value, true))
        if self._arrived is None and value >= self._goal:
            self._arrived = self._spent
        if self._arrived_true is None and true >= self._true_goal:
            self._arrived_true = self._spent

    @property
    def over(self) -> bool:
        """Whether no epoch is left, or the search has arrived by both measures and nothing more is asked of it."""
        return self._spent >= self.budget or (self._arrived is not None and self._arrived_true is not None)

    def run(self, proposals: int, seconds: float) -> Run:
        """What came out."""
        spent, kept, true = (np.array(column) for column in zip(*self._steps, strict=True)) if self._steps else _NONE
        return Run(
            spent.astype(np.int64), kept, true, self._arrived, self._arrived_true, self._spent, proposals, seconds
        )


_NONE = (np.zeros(0), np.zeros(0), np.zeros(0))


class Watch:
    """Time that an algorithm takes, without the table's."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def of(self, call: Callable[[], Given]) -> Given:
        """Calls, and adds the time."""
        began = time.perf_counter()
        try:
            return call()
        finally:
            self.seconds += time.perf_counter() - began
