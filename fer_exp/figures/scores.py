"""Figures of scores: the confusion matrix twice, and precision, recall and F1 of each class.

In: `Scores`. Out: figures.
"""

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fer_exp.figures.style import BLUE, DARK, INK, ORANGE, SMALL, dress, new_figure
from fer_exp.metrics.scores import Scores


def confusion_figure(scores: Scores) -> Figure:
    """The confusion matrix as counts and as shares of the true class, side by side."""
    counts = np.array(scores.confusion)
    support = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(support, 1)  # a class that does not occur keeps a row of zeros
    title = f"Confusion matrix (n = {scores.images:,}, accuracy {100 * scores.accuracy:.2f} %)"
    figure = new_figure(11.5, 6.1, title)
    left, right = figure.subplots(1, 2)
    titles = scores.classes.titles
    _heat_map(left, counts, "d", float(max(counts.max(), 1)), "Number of images", titles)
    _heat_map(right, shares, ".2f", 1.0, "Share of the true class", titles)
    return figure


def _heat_map(
    axes: Axes, cells: NDArray[np.generic], form: str, top: float, title: str, classes: tuple[str, ...]
) -> None:
    seaborn.heatmap(
        cells,
        ax=axes,
        annot=True,
        fmt=form,
        cmap="Blues",
        vmin=0,
        vmax=top,
        square=True,
        linewidths=0.8,
        linecolor="white",
        annot_kws={"fontsize": 10},
        xticklabels=classes,
        yticklabels=classes,
        cbar=False,  # every cell carries its number
    )
    dress(axes, title=title, x="Predicted", y="True", grid="")
    axes.tick_params(axis="x", rotation=35)
    axes.tick_params(axis="y", rotation=0)
    for side in axes.spines.values():
        side.set_visible(False)


def class_figure(scores: Scores) -> Figure:
    """Precision, recall and F1 of each class, as bars with their values."""
    title = f"Precision, recall and F1 by class (n = {scores.images:,}, macro-F1 {scores.macro_f1:.3f})"
    figure = new_figure(11.0, 4.6, title)
    axes = figure.subplots()
    width = 0.27
    places = np.arange(len(scores.per_class))
    columns = (("precision", "Precision", ORANGE, -width), ("recall", "Recall", BLUE, 0.0), ("f1", "F1", DARK, width))
    for name, label, colour, shift in columns:
        heights = [getattr(row, name) for row in scores.per_class]
        bars = axes.bar(places + shift, heights, width * 0.94, color=colour, label=label)
        axes.bar_label(bars, fmt="%.2f", fontsize=SMALL, color=INK, padding=1.5)
    dress(axes, y="Score")
    axes.set_xticks(places, [f"{row.title}\nn = {row.support:,}" for row in scores.per_class])
    axes.set_ylim(0, 1.05)
    axes.set_xlim(-0.55, len(places) - 0.45)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure
