"""Figures of a campaign: how its search went, what its trials were, what mattered.

In: leaderboard rows of one campaign. Out: figures. Trials stand in the order in which they were proposed.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fer_exp.campaign import Objective
from fer_exp.campaign.space import Dimension
from fer_exp.figures.style import BLUE, GREY, INK, LIGHT, ORANGE, SMALL, VERMILION, dress, new_figure
from fer_exp.leaderboard.importance import Importance
from fer_exp.leaderboard.rows import Row
from fer_exp.records import Kind, State

NOT_USED = -0.14  # where a line passes an axis whose hyperparameter its trial does not have


def history_figure(rows: Sequence[Row], objective: Objective, campaign: str) -> Figure:
    """The objective of each trial, the best so far, and the baseline with its 95 % interval where that is known."""
    trials = sorted((row for row in rows if row.kind is Kind.TRIAL), key=lambda row: row.number)
    finished = [(row.number, row.objective) for row in trials if row.objective is not None]
    failed = [row.number for row in trials if row.state is State.FAILED]
    counted = f"{len(finished)} finished trials" + (f", {len(failed)} failed" if failed else "")
    figure = new_figure(9.0, 4.8, f"Search history of “{campaign}” ({counted})")
    axes = figure.subplots()
    _baseline(axes, [row for row in rows if row.kind is Kind.BASELINE], objective)
    if finished:
        numbers, values = zip(*finished, strict=True)
        better = np.maximum if objective.better(1.0, 0.0) else np.minimum
        so_far = better.accumulate(np.array(values))
        end = max(row.number for row in trials)
        axes.step([*numbers, end], [*so_far, so_far[-1]], where="post", color=INK, linewidth=1.6, label="Best so far")
        axes.scatter(numbers, values, s=30, color=BLUE, zorder=3, label="Trial")
    if failed:
        axes.scatter(
            failed,
            np.full(len(failed), 0.02),
            transform=axes.get_xaxis_transform(),
            marker="x",
            color=VERMILION,
            s=30,
            label="Failed",
            clip_on=False,
        )
    dress(axes, x="Trial, in the order of proposal (0 is the baseline)", y=objective.metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(-0.6, max([1, *(row.number for row in rows)]) + 0.6)
    if _is_share(objective):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    else:
        axes.text(0.5, 0.5, "Nothing has finished yet", ha="center", color=GREY, transform=axes.transAxes)
    return figure


def _baseline(axes: Axes, rows: Sequence[Row], objective: Objective) -> None:
    for row in rows:
        if row.objective is None:
            continue
        axes.axhline(row.objective, color=ORANGE, linestyle="--", linewidth=1.6, label="Baseline")
        axes.scatter([row.number], [row.objective], s=40, marker="D", color=ORANGE, zorder=3)
        if row.accuracy_interval is not None and objective.metric == "val/accuracy":
            interval = row.accuracy_interval
            axes.axhspan(interval.low, interval.high, color=ORANGE, alpha=0.13, linewidth=0, label="Its 95% interval")


def _is_share(objective: Objective) -> bool:
    return objective.metric.endswith("accuracy")


def parallel_figure(rows: Sequence[Row], space: Sequence[Dimension], objective: Objective, campaign: str) -> Figure:
    """Every finished trial as a line through its hyperparameters to its objective; the best is drawn over the others.

    Args:
        rows: A leaderboard, best first.
        space: The hyperparameters, one axis each.
        objective: What the last axis shows.
        campaign: Its name, for the title.

    Raises:
        ValueError: No trial has finished.
    """
    trials = [(row, row.objective) for row in rows if row.kind is Kind.TRIAL and row.objective is not None]
    if not trials:
        raise ValueError("parallel coordinates need a finished trial, received none")
    values = [value for _, value in trials]
    spread = max(values) - min(values) or 1.0
    last = Dimension(name=objective.metric, low=min(values), high=min(values) + spread)
    width = max(7.0, 1.5 * (len(space) + 1) + 1.0)
    figure = new_figure(width, 5.2, f"Finished trials of “{campaign}” (n = {len(trials)})")
    axes = figure.subplots()
    # Dark is good, whichever way the objective goes; the palest fifth would vanish on white.
    shades = colormaps["viridis_r" if objective.better(1.0, 0.0) else "viridis"]
    for rank, (row, value) in reversed(list(enumerate(trials))):
        shift = 0.04 * (rank / len(trials) - 0.5)  # so that lines through the same choices do not hide each other
        places = [*(_place(dimension, row, shift) for dimension in space), last.place(value)]
        axes.plot(places, color=shades(0.15 + 0.7 * last.place(value)), linewidth=1.3, alpha=0.8)
        if rank == 0:
            axes.plot(places, color=VERMILION, linewidth=2.6, label=f"Best: trial {row.number}, {value:.4f}")
    gaps = any(not _has(row, dimension) for row, _ in trials for dimension in space)
    _parallel_axes(axes, [*space, last], gaps=gaps)
    figure.legend(loc="outside lower center", frameon=False, fontsize=9)
    return figure


def _parallel_axes(axes: Axes, shown: Sequence[Dimension], *, gaps: bool) -> None:
    paper = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    for index, dimension in enumerate(shown):
        axes.plot([index, index], [0, 1], color=GREY, linewidth=1.0, zorder=3)
        for place, label in dimension.ticks():
            axes.text(
                index - 0.04, place, label, ha="right", va="center", fontsize=SMALL, color=INK, bbox=paper, zorder=4
            )
    if gaps:
        axes.axhline(NOT_USED, color=LIGHT, linewidth=1.0, zorder=0.5)
        axes.text(
            -0.04, NOT_USED, "not used", ha="right", va="center", fontsize=SMALL, color=GREY, bbox=paper, zorder=4
        )
    dress(axes, grid="")
    axes.set_xticks(range(len(shown)), [dimension.name for dimension in shown])
    axes.tick_params(axis="x", rotation=0 if max(len(d.name) for d in shown) < 19 else 20)
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xlim(-0.5, len(shown) - 0.8)
    axes.set_ylim(NOT_USED - 0.04 if gaps else -0.05, 1.05)


def _place(dimension: Dimension, row: Row, shift: float) -> float:
    if not _has(row, dimension):
        return NOT_USED
    return dimension.place(row.values[dimension.name]) + (shift if dimension.choices else 0.0)


def _has(row: Row, dimension: Dimension) -> bool:
    return dimension.name in row.values and dimension.holds(row.values[dimension.name])


def importance_figure(importance: Importance, campaign: str) -> Figure:
    """The share of explained variance by hyperparameter, as bars.

    Raises:
        ValueError: There is no importance to draw.
    """
    if not importance.shares:
        raise ValueError(f"expected shares to draw, received none: {importance.reason}")
    names, shares = list(importance.shares), list(importance.shares.values())
    title = f"What {importance.metric} moved with in “{campaign}” (fANOVA, n = {importance.basis})"
    figure = new_figure(8.0, 1.7 + 0.36 * len(names), title)
    axes = figure.subplots()
    bars = axes.barh(names, shares, color=BLUE, height=0.62)
    axes.bar_label(bars, [f"{100 * share:.1f} %" for share in shares], fontsize=9, color=INK, padding=4)
    axes.invert_yaxis()
    dress(axes, x="Share of the explained variance", grid="x")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlim(0, min(1.0, max(shares)) * 1.14)
    return figure
