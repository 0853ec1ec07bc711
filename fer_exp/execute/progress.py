"""What a search shows of itself while it runs.

In: nothing. Out: values for whoever watches; the command line draws them, tests collect them.
"""

from dataclasses import dataclass
from typing import Protocol

from fer_exp.leaderboard.rows import Row
from fer_exp.records import Kind


@dataclass(frozen=True)
class RunningTrial:
    """A trial at work."""

    kind: Kind
    number: int
    seed: int
    epoch: int  # in progress, from 1; 0 before the first
    epochs: int
    step: int
    steps: int  # 0 before the first
    val_accuracy: float | None  # of the last whole epoch
    images_per_second: float | None  # likewise
    waits: str = ""  # for what, where it has not begun for want of it


@dataclass(frozen=True)
class Snapshot:
    """A campaign at one moment."""

    campaign: str
    ended: int
    planned: int  # at most
    failed: int
    running: tuple[RunningTrial, ...]
    rows: tuple[Row, ...]  # leaderboard, best first
    objective: str
    seconds_left: float | None  # None before the first epoch
    tracking: str  # "MLflow level" or why it is behind
    stopping: bool


class Watcher(Protocol):
    """Someone who watches a search."""

    def show(self, snapshot: Snapshot) -> None:
        """Called a few times a second."""

    def say(self, line: str) -> None:
        """Called when something happened that deserves a line: a trial ended, a stop was asked for."""


class Silence:
    """Watches nothing."""

    def show(self, snapshot: Snapshot) -> None:
        """Shows nothing."""

    def say(self, line: str) -> None:
        """Says nothing."""
