"""Course: how the search went, how the models learned, and what the objective moved with.

In: Contents. Out: blocks of these sections.
"""

from collections.abc import Sequence

from fer_exp.leaderboard.rows import Row
from fer_exp.metrics.registry import metric_of, shown
from fer_exp.records import Epoch, Kind, State
from fer_exp.report.blocks import Block, Drawing, Missing, Multiples, Text
from fer_exp.report.charts import CROSS, Band, Bar, Line, Spot, bars_chart, history_chart, lines_chart
from fer_exp.report.contents import Contents, Side
from fer_exp.report.parallel import parallel_chart

MOST_LINES = 2_000  # of parallel coordinates
MOST_SEEDS = 10  # curves of one recipe; more would hide one another
HISTORY_KEYS = (("a", "best trial"), ("t", "trial"), ("b dashed", "baseline"), ("ink", "best so far"))


def is_share(metric: str) -> bool:
    """Whether a metric is a share, to be shown in percent."""
    known = metric_of(metric)
    return known is not None and known.share


def history(contents: Contents) -> tuple[Block, ...]:
    """Each trial's objective in the order of proposal, and the best so far."""
    rows = sorted(contents.rows, key=lambda row: row.number)
    ended = [row for row in rows if row.objective is not None or row.state is State.FAILED]
    if not ended:
        return (Missing("a history: no training has ended."),)
    best = contents.rows[0]
    spots = [Spot(row.number, row.objective, _style(row, best), _told(row, contents.metric)) for row in ended]
    baseline = next((row for row in ended if row.kind is Kind.BASELINE and row.objective is not None), None)
    failed = sum(row.state is State.FAILED for row in ended)
    chart = history_chart(
        "Search history",
        spots,
        best_so_far(contents),
        _band(baseline, contents.metric),
        shares=is_share(contents.metric),
    )
    interval = " with its 95 % interval" if contents.metric == "val/accuracy" else ""
    lost = f" {failed} trials failed ({CROSS})." if failed else ""
    return (
        Drawing(
            chart,
            f"{contents.metric} of {len(ended) - failed} trainings that finished; the broken line is "
            f"the baseline{interval}.{lost}",
            HISTORY_KEYS,
        ),
    )


def best_so_far(contents: Contents) -> list[tuple[float, float]]:
    """The best trial until each trial, the baseline left out."""
    objective = contents.spec.settings.objective
    found: list[tuple[float, float]] = []
    for row in sorted(contents.rows, key=lambda row: row.number):
        if row.objective is None or row.kind is Kind.BASELINE:
            continue
        if not found or objective.better(row.objective, found[-1][1]):
            found.append((float(row.number), row.objective))
    return found


def _style(row: Row, best: Row) -> str:
    return "b" if row.kind is Kind.BASELINE else "a" if row is best else "t"


def _told(row: Row, metric: str) -> str:
    name = "baseline" if row.kind is Kind.BASELINE else f"trial {row.number}"
    return f"{name}: {shown(metric, row.objective)}" if row.objective is not None else f"{name}: failed, {row.reason}"


def _band(row: Row | None, metric: str) -> Band | None:
    if row is None or row.objective is None:
        return None
    interval = row.accuracy_interval if metric == "val/accuracy" else None
    return Band(row.objective, *((None, None) if interval is None else (interval.low, interval.high)))


def curves(contents: Contents) -> tuple[Block, ...]:
    """Loss, accuracy and learning rate of winner and baseline by epoch."""
    return curves_of(list(zip(contents.sides, "ab", strict=False)))


def curves_of(given: Sequence[tuple[Side, str]]) -> tuple[Block, ...]:
    """The curves of groups of trainings, each in the colour of its class."""
    sides = [(side, style) for side, style in given if _histories(side)]
    if not sides:
        return (Missing("learning curves: nothing has finished."),)
    first = sides[0][0].trainings[0]
    mark = None if first.outcome is None else float(first.outcome.best_epoch)
    drawn = (
        lines_chart("Accuracy", _both(sides, "accuracy"), "Epoch", shares=True, mark=mark),
        lines_chart("Loss", _both(sides, "loss"), "Epoch", shares=False, mark=mark),
        lines_chart(
            "Learning rate",
            [Line(side.title, style, _series(_histories(side)[0], "learning_rate")) for side, style in sides],
            "Epoch",
            shares=False,
            mark=mark,
        ),
    )
    keys = [
        key for side, style in sides for key in ((style, f"{side.title}, validation"), (f"{style} dashed", "training"))
    ]
    seeds = " Each seed has its line." if any(len(side.trainings) > 1 for side, _ in sides) else ""
    return (
        Multiples(
            drawn,
            "Training numbers are those seen while training, under augmentation and dropout, so they may lie below "
            f"validation. The dotted line is the epoch whose weights the first training kept.{seeds}",
            tuple(keys),
        ),
    )


def _histories(side: Side) -> list[tuple[Epoch, ...]]:
    return [one.history for one in side.trainings[:MOST_SEEDS] if one.history]


def _both(sides: Sequence[tuple[Side, str]], what: str) -> list[Line]:
    return [
        Line(f"{side.title}, {name}", f"{style}{more}", _series(epochs, f"{field}_{what}"))
        for side, style in reversed(sides)
        for epochs in _histories(side)
        for field, name, more in (("train", "training", " dashed faint"), ("val", "validation", ""))
    ]


def _series(epochs: Sequence[Epoch], field: str) -> tuple[tuple[float, float], ...]:
    return tuple((float(row.epoch), float(getattr(row, field))) for row in epochs)


def mattered(contents: Contents) -> tuple[Block, ...]:
    """Which hyperparameters the objective moved with."""
    found = contents.importance
    if not found.shares:
        return (Missing(f"importance: {found.reason}."),)
    bars = [Bar(name, share, f"{100 * share:.1f} %") for name, share in found.shares.items()]
    left = (
        f" Left out, because not all of these trials have them: {', '.join(found.left_out)}." if found.left_out else ""
    )
    return (
        Drawing(
            bars_chart(f"What {found.metric} moved with", bars),
            f"Share of the variance that each explains alone, over {found.basis} of {found.epochs} epochs; "
            f"{found.method}.{left}",
        ),
        Text("Shares rank; they do not show that anything matters. Few trials explain chance as well.", "note"),
    )


def coordinates(contents: Contents) -> tuple[Block, ...]:
    """Every finished trial as a line through its hyperparameters."""
    trials = [row for row in contents.rows if row.kind is Kind.TRIAL and row.objective is not None]
    if not trials or not contents.space:
        return (Missing("parallel coordinates: no trial of a space has finished."),)
    objective = contents.spec.settings.objective
    shown_rows = trials[:MOST_LINES]
    left = f" The best {MOST_LINES:,} of {len(trials):,} are drawn." if len(trials) > MOST_LINES else ""
    return (
        Drawing(
            parallel_chart(shown_rows, contents.space, objective, contents.spec.name),
            "A line is a trial; the best is orange, the best two fifths of the others are blue. Point at a line to "
            f"read it; drag along an axis to keep the trials inside, click the axis to let them go.{left}",
        ),
    )
