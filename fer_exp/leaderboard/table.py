"""The leaderboard as a table: of text for a terminal, as pandas' DataFrame for a notebook, as CSV for everything else.

In: rows of a leaderboard, best first. Out: a table with a line for each. pandas is loaded by those who ask for a frame.
"""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fer_exp.campaign import Objective
from fer_exp.campaign.space import Scalar
from fer_exp.leaderboard.rows import Row
from fer_exp.metrics.registry import on_leaderboard, shown
from fer_exp.records import Kind, State

if TYPE_CHECKING:
    import pandas as pd

NARROWEST = 24  # characters of the last column
WHOLE = ("rank", "number", "attempts", "images", "best_epoch", "epochs", "budget", "same_as")  # columns of integers


def leaderboard_frame(rows: Sequence[Row]) -> "pd.DataFrame":
    """The rows as a DataFrame: rank, what was measured, and a column for each hyperparameter (`hp/<name>`).

    What a row does not have is missing; a trial without a finite objective has no rank.
    """
    import pandas as pd

    names = sorted({name for row in rows for name in row.values})
    columns = ["rank", "number", "kind", "state", "attempts", "objective", "accuracy_low", "accuracy_high"]
    columns += [*on_leaderboard(), "images", "best_epoch", "epochs", "budget", "seconds", "same_as", "reason"]
    columns += [f"hp/{name}" for name in names]
    frame = pd.DataFrame([_fields(rank, row) for rank, row in enumerate(rows, start=1)], columns=columns)
    return frame.astype(dict.fromkeys(WHOLE, "Int64"))


def leaderboard_csv(rows: Sequence[Row]) -> str:
    """The columns of `leaderboard_frame` as CSV; what a row does not have is empty."""
    return str(leaderboard_frame(rows).to_csv(index=False, lineterminator="\n"))


def _fields(rank: int, row: Row) -> dict[str, object]:
    interval = row.accuracy_interval
    return {
        "rank": rank if row.objective is not None else None,
        "number": row.number,
        "kind": row.kind.value,
        "state": row.state.value,
        "attempts": row.attempts,
        "objective": row.objective,
        "accuracy_low": None if interval is None else interval.low,
        "accuracy_high": None if interval is None else interval.high,
        **row.metrics,
        "images": row.images,
        "best_epoch": row.best_epoch,
        "epochs": row.epochs,
        "budget": row.budget,
        "seconds": row.seconds,
        "same_as": row.same_as,
        "reason": row.reason,
        **{f"hp/{name}": value for name, value in row.values.items()},
    }


def leaderboard_table(
    rows: Sequence[Row], objective: Objective | None = None, *, at_rest: bool = False, width: int | None = None
) -> str:
    """The rows as plain text in aligned columns, for a terminal.

    `~` marks trials that validation cannot tell from the first: their accuracy lies within the 95% interval of its own.

    Args:
        rows: A leaderboard, best first.
        objective: What it is sorted by; validation accuracy unless given.
        at_rest: Nobody drives the campaign: what looks like running was stopped.
        width: Characters of a line; what was changed goes on below where it would be longer. None for any length.
    """
    metric = (objective or Objective()).metric
    first = rows[0] if rows else None
    lines = [["rank ", "trial", metric, "accuracy", "macro-F1", "epochs", "time", "changes"]]
    lines += [_cells(rank, row, first, metric, at_rest=at_rest) for rank, row in enumerate(rows, start=1)]
    if metric == "val/accuracy":
        lines = [[*line[:2], *line[3:]] for line in lines]  # the accuracy says it, with its error
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][:-1]
    before = ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=False)) + "  " for line in lines]
    text = [
        part.rstrip() for begins, line in zip(before, lines, strict=True) for part in _wrapped(begins, line[-1], width)
    ]
    if any(row.accuracy_interval for row in rows):
        text.append("± is one standard error of the accuracy; ~ is within the 95% interval of the first.")
    return "\n".join(text) + "\n"


def _wrapped(begins: str, remark: str, width: int | None) -> list[str]:
    """A line of the table, and what of its remark goes on below, under its column."""
    room = max((width or 0) - len(begins), NARROWEST)
    if width is None or len(remark) <= room:
        return [begins + remark]
    parts = textwrap.wrap(remark, room, break_long_words=False, break_on_hyphens=False)
    return [begins + parts[0], *(" " * len(begins) + part for part in parts[1:])]


def _cells(rank: int, row: Row, first: Row | None, metric: str, *, at_rest: bool) -> list[str]:
    accuracy, macro_f1 = row.metrics.get("accuracy"), row.metrics.get("macro_f1")
    error = "" if row.accuracy_error is None else f" ± {100 * row.accuracy_error:.2f}"
    same = "~" if first is not None and row is not first and indistinguishable(row, first) else " "
    return [
        (f"{rank}" if row.objective is not None else "-") + same,
        "baseline" if row.kind is Kind.BASELINE else str(row.number),
        shown(metric, row.objective),
        "-" if accuracy is None else f"{100 * accuracy:.2f}{error} %",
        shown("macro_f1", macro_f1),
        f"{row.epochs}/{row.budget}",
        duration(row.seconds),
        _remark(row, at_rest=at_rest),
    ]


def indistinguishable(row: Row, first: Row) -> bool:
    """Whether validation cannot tell a trial from the first: its accuracy lies in the 95 % interval of that one's."""
    accuracy, interval = row.metrics.get("accuracy"), first.accuracy_interval
    if row.objective is None or accuracy is None or interval is None:
        return False
    return interval.low <= accuracy <= interval.high


def state_in_words(state: State, *, at_rest: bool) -> str:
    """A training's state; where nobody drives its campaign, nothing runs."""
    return "stopped" if at_rest and state is State.RUNNING else state.value


def _remark(row: Row, *, at_rest: bool) -> str:
    if row.objective is None:
        told = state_in_words(row.state, at_rest=at_rest)
        return f"{told}: {row.reason}" if row.reason else told
    return changes_in_words(row)


def changes_in_words(row: Row, most: int | None = None) -> str:
    """What a recipe changes of the baseline's, numbers to three digits; the first `most` of it where that is given."""
    changed = list(row.changes.items())[:most]
    return " ".join(f"{name.removeprefix('augmentation.')}={_short(value)}" for name, value in changed)


def _short(value: Scalar) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """Seconds as people say them: `45 s`, `12 min`, `3 h 05 min`; `-` where they are no time."""
    if not math.isfinite(seconds) or seconds < 0:
        return "-"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
