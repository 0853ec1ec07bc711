"""Summary: what a campaign has found so far, on validation, as files for people and for programs.

In: a campaign's folder. Out: a Summary, and in the folder:

    leaderboard.csv, leaderboard.json   every trial, best first
    importance.json                     share of each hyperparameter, or why there is none
    figures/history.png, figures/parallel.png, figures/importance.png

It may be made at any time, while a search runs too: it reads records and writes nothing into them.
"""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from fer_exp import figures
from fer_exp.campaign import CampaignSpec, Objective
from fer_exp.campaign.space import Dimension, dimensions
from fer_exp.leaderboard.importance import Importance, importance
from fer_exp.leaderboard.rows import Row, Scalar, leaderboard, standard_error, whole
from fer_exp.metrics.registry import on_leaderboard
from fer_exp.records import Kind, records_in
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import write_atomically
from fer_exp.system.values import Value


class Leaderboard(Value):
    """Every trial of a campaign, best first."""

    campaign: str
    objective: Objective
    rows: tuple[Row, ...]
    damaged: tuple[str, ...] = ()  # what is wrong with the trials that cannot be read, a line each


class Summary(Value):
    """What a campaign has found so far."""

    leaderboard: Leaderboard
    importance: Importance


def summarise(folder: Path) -> Summary:
    """Reads the campaign in `folder` and writes its leaderboard, importance and figures there.

    Raises:
        BadRecord: `campaign.json` is damaged, or a record belongs to another campaign; nothing is written.
    """
    spec = CampaignSpec.read(folder / "campaign.json")
    records, damaged = whole(records_in(folder / "trials"))
    for contents in records:
        of = contents.spec.campaign
        if of != spec.name:
            raise BadRecord(
                f"{contents.record.path}: expected a trial of campaign {spec.name!r}, received one of {of!r}",
                "Nothing was written. Move that folder away: trials of two campaigns are not comparable.",
            )
    objective = spec.settings.objective
    rows = tuple(leaderboard(records, objective))
    board = Leaderboard(campaign=spec.name, objective=objective, rows=rows, damaged=damaged)
    space = dimensions(spec.space)
    found = importance(board.rows, space, objective)
    write_atomically(folder / "leaderboard.json", board.to_json(indent=1))
    write_atomically(folder / "leaderboard.csv", leaderboard_csv(board.rows))
    write_atomically(folder / "importance.json", found.to_json(indent=1))
    _write_figures(folder / "figures", board, space, found)
    return Summary(leaderboard=board, importance=found)


def _write_figures(folder: Path, board: Leaderboard, space: Sequence[Dimension], found: Importance) -> None:
    figures.save(figures.history_figure(board.rows, board.objective, board.campaign), folder / "history.png")
    if any(row.kind is Kind.TRIAL and row.objective is not None for row in board.rows):
        parallel = figures.parallel_figure(board.rows, space, board.objective, board.campaign)
        figures.save(parallel, folder / "parallel.png")
    if found.shares:
        figures.save(figures.importance_figure(found, board.campaign), folder / "importance.png")
    else:
        (folder / "importance.png").unlink(missing_ok=True)  # an older one would contradict importance.json


def leaderboard_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV: rank, what was measured, and one column for each hyperparameter (`hp/<name>`)."""
    names = sorted({name for row in rows for name in row.values})
    fixed = ("number", "kind", "state", "attempts", "objective")
    shown = on_leaderboard()
    tail = ("images", "best_epoch", "epochs", "budget", "seconds", "same_as", "reason")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", *fixed, "accuracy_low", "accuracy_high", *shown, *tail, *(f"hp/{name}" for name in names)])
    for rank, row in enumerate(rows, start=1):
        interval = row.accuracy_interval
        writer.writerow(
            [
                rank if row.objective is not None else "",
                *(getattr(row, name) for name in fixed),
                *(("", "") if interval is None else (interval.low, interval.high)),
                *(row.metrics.get(name, "") for name in shown),
                *(getattr(row, name) for name in tail),
                *(row.values.get(name, "") for name in names),
            ]
        )
    return text.getvalue()


def leaderboard_table(rows: Sequence[Row], objective: Objective | None = None) -> str:
    """The rows as plain text in aligned columns, for a terminal.

    `~` marks trials that validation cannot tell from the first: their accuracy lies within the 95% interval of its own.

    Args:
        rows: A leaderboard, best first.
        objective: What it is sorted by; validation accuracy unless given.
    """
    metric = (objective or Objective()).metric
    first = rows[0] if rows else None
    lines = [["rank ", "trial", metric, "accuracy", "macro-F1", "epochs", "time", "changes"]]
    lines += [_cells(rank, row, first) for rank, row in enumerate(rows, start=1)]
    if metric == "val/accuracy":
        lines = [[*line[:2], *line[3:]] for line in lines]  # the accuracy says it, with its error
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][:-1]
    text = ["  ".join([*(c.rjust(w) for c, w in zip(line, widths, strict=False)), line[-1]]).rstrip() for line in lines]
    if any(row.accuracy_interval for row in rows):
        text.append("± is one standard error of the accuracy; ~ is within the 95% interval of the first.")
    return "\n".join(text) + "\n"


def _cells(rank: int, row: Row, first: Row | None) -> list[str]:
    accuracy, macro_f1 = row.metrics.get("accuracy"), row.metrics.get("macro_f1")
    error = "" if accuracy is None or not row.images else f" ± {100 * standard_error(accuracy, row.images):.2f}"
    same = "~" if first is not None and row is not first and _indistinguishable(row, first) else " "
    return [
        (f"{rank}" if row.objective is not None else "-") + same,
        "baseline" if row.kind is Kind.BASELINE else str(row.number),
        "-" if row.objective is None else f"{row.objective:.4f}",
        "-" if accuracy is None else f"{100 * accuracy:.2f}{error}%",
        "-" if macro_f1 is None else f"{macro_f1:.4f}",
        f"{row.epochs}/{row.budget}",
        _duration(row.seconds),
        _remark(row),
    ]


def _indistinguishable(row: Row, first: Row) -> bool:
    accuracy, interval = row.metrics.get("accuracy"), first.accuracy_interval
    if row.objective is None or accuracy is None or interval is None:
        return False
    return interval.low <= accuracy <= interval.high


def _remark(row: Row) -> str:
    if row.objective is None:
        return f"{row.state.value}: {row.reason}" if row.reason else row.state.value
    return " ".join(f"{name.removeprefix('augmentation.')}={_short(value)}" for name, value in row.changes.items())


def _short(value: Scalar) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    """`45 s`, `12 min`, `1 h 05 min`."""
    if not math.isfinite(seconds) or seconds < 0:
        return "-"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
