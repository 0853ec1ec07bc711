"""What a running search looks like in a notebook: one output with bars that is drawn anew, and never a thousand lines.

In: snapshots and lines. Out: an output of the cell, updated in place by IPython's display protocol, which Jupyter,
Colab and Kaggle share; no widgets are needed. What stays in the saved notebook is the last state.
"""

import html
import time
from collections import deque
from types import TracebackType
from typing import Any, Self

from fer_exp.api.view import SHOWN_ROWS, before, plain, time_left
from fer_exp.execute.progress import RunningTrial, Snapshot
from fer_exp.leaderboard.table import duration
from fer_exp.metrics.registry import shown
from fer_exp.records import title_of

DRAWN_EVERY = 1.0  # seconds; each drawing is a message to the browser, and all of them go through one socket
SHOWN_LINES = 8  # of what was said, the newest
CELL = ' style="text-align: left; padding: 0 1.5em 0 0"'


class Frame:
    """One state of the output, as HTML and as text."""

    def __init__(self, content: str, text: str) -> None:
        self._content, self._text = content, text

    def _repr_html_(self) -> str:
        return self._content

    def __repr__(self) -> str:
        return self._text


class NotebookView:
    """Watches a search and draws it into the output of the cell that runs."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._drawn_at = -DRAWN_EVERY
        self._snapshot: Snapshot | None = None
        self._lines: deque[str] = deque(maxlen=SHOWN_LINES)
        self._said = 0
        self._handle: Any = None

    def __enter__(self) -> Self:
        from IPython.display import display

        self._handle = display(self._frame(), display_id=True)  # type: ignore[no-untyped-call]  # published without types
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw(ended=True)

    def say(self, line: str) -> None:
        """Adds a line below the bars; only the newest few are shown."""
        self._lines.append(line)
        self._said += 1
        self._draw()

    def show(self, snapshot: Snapshot) -> None:
        """Draws the moment, at most once a second."""
        self._snapshot = snapshot
        if time.monotonic() - self._drawn_at >= DRAWN_EVERY:
            self._draw()

    def _draw(self, *, ended: bool = False) -> None:
        self._drawn_at = time.monotonic()
        if self._handle is not None:
            self._handle.update(self._frame(ended=ended))

    def _frame(self, *, ended: bool = False) -> Frame:
        took = duration(time.monotonic() - self._began)
        moment = self._snapshot
        running = () if moment is None or ended else moment.running
        parts, text = [], [f"fer-exp, {took}"]
        if moment is not None:
            text = [f"{moment.campaign}: {moment.ended} of {moment.planned} ended, {took}", *map(plain, running)]
            parts = [_head(moment, took, ended=ended), _trials(running), _leaders(moment)]
        if self._lines:
            earlier = self._said - len(self._lines)
            more = [f"({earlier} earlier lines)"] if earlier else []
            told = [*more, *self._lines]
            text += told
            parts.append("<small>" + "<br>".join(map(html.escape, told)) + "</small>")
        return Frame("".join(f"<div>{part}</div>" for part in parts if part), "\n".join(text))


def _bar(share: float, width: str) -> str:
    return f'<progress max="1" value="{min(max(share, 0.0), 1.0):.3f}" style="width: {width}"></progress>'


def _head(moment: Snapshot, took: str, *, ended: bool) -> str:
    failed = f", {moment.failed} failed" if moment.failed else ""
    told = f"<b>{html.escape(moment.campaign)}</b> {moment.ended} of {moment.planned} ended{failed}, {took}"
    if not ended:
        told += html.escape(time_left(moment)) + ("; stopping after this epoch" if moment.stopping else "")
    if moment.tracking.startswith("behind"):
        told += f"; tracking {html.escape(moment.tracking)}"
    done = moment.ended + (0.0 if ended else sum(_done(trial) for trial in moment.running))
    return f"{_bar(done / max(moment.planned, 1), '40%')} {told}"


def _done(trial: RunningTrial) -> float:
    """Which share of its epochs a trial has behind it."""
    share = trial.step / trial.steps if trial.steps else 0.0
    return (max(trial.epoch, 1) - 1 + share) / max(trial.epochs, 1)


def _trials(running: tuple[RunningTrial, ...]) -> str:
    rows = [
        [
            html.escape(title_of(trial.kind, trial.number, trial.seed)),
            _bar(_done(trial), "12em"),
            f"epoch {max(trial.epoch, 1)}/{trial.epochs}" if trial.epoch else html.escape(before(trial)),
            "" if trial.val_accuracy is None else f"val/accuracy {shown('accuracy', trial.val_accuracy)}",
            "" if trial.images_per_second is None else f"{trial.images_per_second:.0f} images/s",
        ]
        for trial in running
    ]
    return _table(rows)


def _leaders(moment: Snapshot) -> str:
    finished = [row for row in moment.rows if row.objective is not None][:SHOWN_ROWS]
    rows = [
        [
            str(rank),
            html.escape(title_of(row.kind, row.number, row.seed)),
            shown(moment.objective, row.objective),
            html.escape(", ".join(f"{name}={_short(value)}" for name, value in list(row.changes.items())[:4])),
        ]
        for rank, row in enumerate(finished, start=1)
    ]
    return _table(rows, ["rank", "trial", html.escape(moment.objective), "changes"])


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(rows: list[list[str]], head: list[str] | None = None) -> str:
    if not rows:
        return ""
    titles = "".join(f"<th{CELL}>{cell}</th>" for cell in head or [])
    lines = [f"<tr>{titles}</tr>"] if titles else []
    lines += ["<tr>" + "".join(f"<td{CELL}>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>"
