"""What a running search looks like: a live table on a terminal, plain lines without one.

In: snapshots and lines. Out: text on standard error; standard output is for results.
"""

import os
import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fer_exp.execute.progress import RunningTrial, Snapshot
from fer_exp.leaderboard.table import changes_in_words, duration
from fer_exp.metrics.registry import shown
from fer_exp.records import title_of

# Set in what a cell starts by `!`: it has a terminal, but keeps every frame that is drawn over another.
NOTEBOOKS = ("JPY_PARENT_PID", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE")
SHOWN_ROWS = 5  # of the leaderboard
SHOWN_CHANGES = 4  # of a row
PLAIN_EVERY = 15.0  # seconds between lines on a trial's progress, without a terminal


class View:
    """Watches a search and draws it."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=4, transient=True) if self._on_terminal else None
        self._last_plain = time.monotonic()
        self._told: set[tuple[str, int, int, int]] = set()

    @property
    def _on_terminal(self) -> bool:
        return self._console.is_terminal and not any(name in os.environ for name in NOTEBOOKS)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.update(Text(""))
            self._live.stop()

    def say(self, line: str) -> None:
        """Prints a line that stays."""
        self._console.print(Text(line), soft_wrap=True)

    def show(self, snapshot: Snapshot) -> None:
        """Draws the moment; without a terminal, tells each epoch that has ended, not more often than now and then."""
        if self._live is not None:
            self._live.update(_drawn(snapshot))
        elif time.monotonic() - self._last_plain >= PLAIN_EVERY:
            self._last_plain = time.monotonic()
            for trial in snapshot.running:
                self.say(f"{snapshot.ended}/{snapshot.planned} ended; {plain(trial)}{time_left(snapshot)}")


def plain(trial: RunningTrial) -> str:
    """A running trial in one line."""
    if trial.waits:
        return f"{title_of(trial.kind, trial.number, trial.seed)}: waits for {trial.waits}"
    told = f"{title_of(trial.kind, trial.number, trial.seed)}: epoch {max(trial.epoch, 1)}/{trial.epochs}"
    if trial.steps:
        told += f" ({100 * trial.step / trial.steps:.0f} %)"
    if trial.val_accuracy is not None and trial.images_per_second is not None:
        told += f", val/accuracy {shown('accuracy', trial.val_accuracy)}, {trial.images_per_second:.0f} images/s"
    return told


def time_left(snapshot: Snapshot) -> str:
    """What is left at most, behind a semicolon; nothing where it is not known, or all has ended."""
    if snapshot.seconds_left is None or snapshot.ended >= snapshot.planned:
        return ""
    return f"; at most {duration(snapshot.seconds_left)} left"


def _drawn(snapshot: Snapshot) -> RenderableType:
    head = Text.assemble((f"{snapshot.campaign} ", "bold"), f"{snapshot.ended} of {snapshot.planned} ended")
    if snapshot.failed:
        head.append(f", {snapshot.failed} failed", "red")
    head.append(time_left(snapshot))
    if snapshot.tracking.startswith("behind"):
        head.append(f"; tracking {snapshot.tracking}", "yellow")
    if snapshot.stopping:
        head.append("; stopping after this epoch", "yellow")
    return Group(head, _running(snapshot.running), _leaders(snapshot))


def _running(trials: tuple[RunningTrial, ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    for trial in trials:
        share = trial.step / trial.steps if trial.steps else 0.0
        done = (max(trial.epoch, 1) - 1 + share) / trial.epochs
        table.add_row(
            title_of(trial.kind, trial.number, trial.seed),
            ProgressBar(total=1.0, completed=done, width=24),
            f"epoch {max(trial.epoch, 1)}/{trial.epochs}" if trial.epoch else before(trial),
            "" if trial.val_accuracy is None else f"val/accuracy {shown('accuracy', trial.val_accuracy)}",
            "" if trial.images_per_second is None else f"{trial.images_per_second:.0f} images/s",
        )
    return table


def before(trial: RunningTrial) -> str:
    """What a trial does before its first epoch."""
    return f"waits for {trial.waits}" if trial.waits else "starting"


def _leaders(snapshot: Snapshot) -> RenderableType:
    finished = [row for row in snapshot.rows if row.objective is not None]
    if not finished:
        return Text("no trial has ended yet", "dim")
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for title in ("rank", "trial", snapshot.objective, "changes"):
        table.add_column(Text(title), header_style="dim")
    for rank, row in enumerate(finished[:SHOWN_ROWS], start=1):
        value = shown(snapshot.objective, row.objective)
        table.add_row(
            str(rank), title_of(row.kind, row.number, row.seed), value, Text(changes_in_words(row, SHOWN_CHANGES))
        )
    return table
