"""Figures of single predictions: how far confidence can be trusted, and the mistakes the model was surest of.

In: `Predictions`, and the images they are about. Out: figures.
"""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_exp.data.faces import Images
from fer_exp.figures.style import BLUE, GREY, INK, SMALL, VERMILION, dress, new_figure
from fer_exp.leaderboard.rows import accuracy_interval
from fer_exp.metrics.scores import ECE_BINS, Scores, expected_calibration_error, reliability
from fer_exp.records import Predictions

SHEET_ROWS, SHEET_COLUMNS = 4, 6
SIDE = 48  # of a face as it is shown
CELL_WIDTH, CELL_HEIGHT = SIDE + 12, SIDE + 19  # with room around it and for two lines above


def confidence_figure(predictions: Predictions, scores: Scores) -> Figure:
    """A reliability diagram (Guo et al. 2017) beside the confidence of right and of wrong predictions.

    Args:
        predictions: What a model said.
        scores: Those of the predictions.
    """
    title = f"Confidence (n = {scores.images:,}, mean {scores.confidence.mean:.3f}, accuracy {scores.accuracy:.3f})"
    figure = new_figure(11.0, 5.0, title)
    left, right = figure.subplots(1, 2)
    _reliability(left, predictions, "Reliability")
    _histogram(right, predictions, scores)
    return figure


def calibration_figure(before: Predictions, after: Predictions, temperature: float) -> Figure:
    """Reliability diagrams of the same predictions without and with a temperature (Guo et al. 2017)."""
    figure = new_figure(11.0, 5.0, f"Calibration (n = {len(before.labels):,}, temperature {temperature:.3f})")
    for axes, predictions, title in zip(figure.subplots(1, 2), (before, after), ("Before", "After"), strict=True):
        _reliability(axes, predictions, title)
    return figure


def _reliability(axes: Axes, predictions: Predictions, title: str) -> None:
    bins = [b for b in reliability(predictions.labels, predictions.probabilities) if b.count]
    ece = expected_calibration_error(bins)
    intervals = [accuracy_interval(b.accuracy, b.count) for b in bins]
    heights = [b.accuracy for b in bins]
    below = [b.accuracy - i.low for b, i in zip(bins, intervals, strict=True)]
    above = [i.high - b.accuracy for b, i in zip(bins, intervals, strict=True)]
    middles = [(b.low + b.high) / 2 for b in bins]
    axes.bar(middles, heights, 0.92 / ECE_BINS, color=BLUE, alpha=0.55, label="Accuracy, with 95% interval")
    axes.errorbar(middles, heights, np.maximum([below, above], 0), fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2, label="Perfect calibration")
    dress(axes, title=f"{title} (ECE {ece:.3f}, {ECE_BINS} bins)", x="Confidence", y="Accuracy", grid="both")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.03)
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def _histogram(axes: Axes, predictions: Predictions, scores: Scores) -> None:
    top = predictions.probabilities.max(axis=1)
    correct = predictions.probabilities.argmax(axis=1) == predictions.labels
    edges = [edge / (2 * ECE_BINS) for edge in range(2 * ECE_BINS + 1)]
    parts = (
        (top[correct], "Right", BLUE, "-", scores.confidence.mean_correct),
        (top[~correct], "Wrong", VERMILION, "--", scores.confidence.mean_wrong),
    )
    for values, name, colour, dash, mean in parts:
        if mean is None:
            continue
        label = f"{name}: {len(values):,}, mean {mean:.3f} (dotted)"
        shown = np.minimum(values, 1.0)  # float32 rows may end a hair above 1
        axes.hist(shown, edges, color=colour, alpha=0.25)
        axes.hist(shown, edges, histtype="step", color=colour, linestyle=dash, linewidth=1.6, label=label)
        axes.axvline(mean, color=colour, linestyle=":", linewidth=1.4)
    dress(axes, title="Confidence of right and wrong predictions", x="Confidence", y="Images")
    axes.set_xlim(0, 1)
    axes.legend(frameon=False, fontsize=9, loc="best")


def mistakes_figure(predictions: Predictions, images: Images) -> Figure:
    """A sheet of the 24 mistakes with the highest confidence, each with true and predicted class.

    Args:
        predictions: What was predicted.
        images: `(n, side, side)` uint8 or `(n, side, side, 3)`, the same faces in the same order.

    Raises:
        ValueError: There are not as many images as predictions.
    """
    if len(images) != len(predictions.labels):
        raise ValueError(f"images: expected {len(predictions.labels)}, received {len(images)}")
    guessed = predictions.probabilities.argmax(axis=1)
    confidence = predictions.probabilities.max(axis=1)
    wrong = np.flatnonzero(guessed != predictions.labels)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][: SHEET_ROWS * SHEET_COLUMNS]
    title = (
        f"Most confident mistakes: {len(shown)} of {len(wrong):,} (n = {len(images):,}); true → predicted, confidence"
    )
    height = math.ceil(len(shown) / SHEET_COLUMNS)  # rows
    figure = new_figure(10.5, 0.6 + 1.95 * height, title if len(wrong) else f"No mistakes (n = {len(images):,})")
    if not len(shown):
        return figure
    axes = figure.subplots()  # one for all faces: 24 of them took longer to lay out than everything else in a record
    axes.set_axis_off()
    for place, index in enumerate(shown):
        left, top = (place % SHEET_COLUMNS) * CELL_WIDTH, (place // SHEET_COLUMNS) * CELL_HEIGHT
        extent = (left, left + SIDE, top + SIDE, top)
        axes.imshow(images[index], extent=extent, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        true, predicted = (predictions.classes[number].title for number in (predictions.labels[index], guessed[index]))
        text = f"{true} → {predicted}\n{confidence[index]:.3f}"
        axes.text(left + SIDE / 2, top - 2, text, fontsize=SMALL, color=INK, ha="center", va="bottom")
    axes.set_xlim(0, (SHEET_COLUMNS - 1) * CELL_WIDTH + SIDE)
    axes.set_ylim((height - 1) * CELL_HEIGHT + SIDE, SIDE - CELL_HEIGHT)
    return figure
