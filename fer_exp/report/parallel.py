"""Parallel coordinates: every finished trial as a line through its hyperparameters to its objective.

In: leaderboard rows and the space. Out: Markup. The lines are there without a script; with one (`page.js`), a line
under the pointer is set off, and dragging along an axis keeps the trials inside what was dragged over.
"""

from collections.abc import Sequence

from markupsafe import Markup, escape

from fer_exp.campaign import Objective
from fer_exp.campaign.space import Dimension
from fer_exp.leaderboard.rows import Row
from fer_exp.metrics.registry import shown
from fer_exp.records import Kind
from fer_exp.report.svg import LETTER, WIDE, Canvas, cut

TOP, BOTTOM, NOT_USED = 34.0, 290.0, 316.0  # of the axes; where a line passes one that its trial does not have
BANDS = 5  # tints, from the worst fifth of the trials to the best
SPREAD = 0.05  # of an axis, over which lines through one choice are spread
MANY = 150  # trials, from which on lines are drawn fainter


def parallel_chart(rows: Sequence[Row], space: Sequence[Dimension], objective: Objective, campaign: str) -> Markup:
    """The drawing; the best trial lies above the others.

    Raises:
        ValueError: No trial has finished.
    """
    trials = [(row, row.objective) for row in rows if row.kind is Kind.TRIAL and row.objective is not None]
    if not trials:
        raise ValueError("parallel coordinates need a finished trial, received none")
    values = [value for _, value in trials]
    low, high = min(values), max(values)
    last = Dimension(name=objective.metric, low=low, high=high if high > low else low + 1.0)
    axes = [*space, last]
    # Wide spaces get a wide drawing, which its frame scrolls.
    width = max(WIDE, 118.0 * len(axes))
    step = (width - 150.0) / max(len(axes) - 1, 1)
    places = [70.0 + step * index for index in range(len(axes))]
    canvas = Canvas(width, NOT_USED + 16.0)
    for rank, (row, value) in reversed(list(enumerate(trials))):
        spots = [*(_place(dimension, row) for dimension in space), last.place(value)]
        style = "best" if rank == 0 else f"p{BANDS - 1 - rank * BANDS // len(trials)}"
        # Lines through one choice are drawn a little apart; where they are sifted they are at the choice itself.
        apart = SPREAD * (rank / len(trials) - 0.5)
        points = [
            (x, NOT_USED if spot is None else _y(spot + (apart if axis.choices else 0.0)))
            for x, spot, axis in zip(places, spots, axes, strict=True)
        ]
        data = ",".join("" if spot is None else f"{spot:.4f}" for spot in spots)
        canvas.path(f"trial {style}", points, data_at=data, data_told=_told(row, value, objective))
    for index, (x, dimension) in enumerate(zip(places, axes, strict=True)):
        canvas.line("axis", x, TOP, x, BOTTOM)
        room = int(step / LETTER)
        canvas.text(cut(dimension.name, max(room, 8)), x, 16.0, "strong", "middle")
        for spot, label in dimension.ticks():
            words = shown(objective.metric, low + spot * (last.high - low)) if dimension is last else label
            side, anchor = (7.0, "start") if dimension is last else (-6.0, "end")
            canvas.text(cut(words, 10), x + side, _y(spot) + 4.0, "tick halo", anchor)
        canvas.rect("grip", x - 14.0, TOP - 6.0, 28.0, BOTTOM - TOP + 12.0, data_axis=index)
    if any(_place(dimension, row) is None for row, _ in trials for dimension in space):
        canvas.text("not used", 62.0, NOT_USED + 4.0, "tick halo", "end")
    best = _told(trials[0][0], trials[0][1], objective)
    title = f"Finished trials of {campaign}"
    style = "wide parallel many" if len(trials) >= MANY else "wide parallel"
    drawn = canvas.finish(title, f"{len(trials)} trials. The best: {best}.", style)
    span = f'data-top="{_y(1.0):g}" data-bottom="{_y(0.0):g}" data-told="{escape(best)}"'
    return Markup(str(drawn).replace("<svg ", f"<svg {span} ", 1))


def _y(place: float) -> float:
    return BOTTOM - place * (BOTTOM - TOP)


def _place(dimension: Dimension, row: Row) -> float | None:
    value = row.values.get(dimension.name)
    return None if value is None or not dimension.holds(value) else dimension.place(value)


def _told(row: Row, value: float, objective: Objective) -> str:
    values = ", ".join(f"{name} {f'{one:.4g}' if isinstance(one, float) else one}" for name, one in row.values.items())
    return f"trial {row.number}: {shown(objective.metric, value)} ({values})"
