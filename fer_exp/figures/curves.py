"""Training curves: loss and accuracy of training and validation by epoch, the learning rate beneath.

In: a history. Out: a figure. Training numbers are those seen while training, under augmentation and dropout; that is
why they may lie below validation.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fer_exp.figures.style import BLUE, GREY, INK, ORANGE, SMALL, VERMILION, dress, new_figure
from fer_exp.records import Epoch, best_epoch


def curves_figure(history: Sequence[Epoch]) -> Figure:
    """Loss and accuracy by epoch with the best epoch marked, and the learning rate on small axes beneath.

    Raises:
        ValueError: The history is empty.
    """
    if not history:
        raise ValueError("curves need at least one epoch, received none")
    best = best_epoch(list(history))
    top = history[best - 1].val_accuracy
    title = f"Training curves ({len(history)} epochs; best is {best}, with {100 * top:.2f} % on validation)"
    figure = new_figure(11.0, 5.8, title)
    grid = figure.add_gridspec(2, 2, height_ratios=(4, 1))
    loss, accuracy = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    rate = figure.add_subplot(grid[1, :])
    epochs = [row.epoch for row in history]
    _lines(loss, epochs, [row.train_loss for row in history], [row.val_loss for row in history])
    _lines(accuracy, epochs, [row.train_accuracy for row in history], [row.val_accuracy for row in history])
    rates = [row.learning_rate for row in history]
    rate.plot(epochs, rates, color=INK, linewidth=1.5, drawstyle="steps-mid", marker=_marker(epochs), markersize=4)
    dress(loss, title="Loss", x="Epoch")
    dress(accuracy, title="Accuracy", x="Epoch")
    dress(rate, x="Epoch", y="Learning rate")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
    if min(rates) > 0 and max(rates) / min(rates) > 10:
        rate.set_yscale("log")
    for axes in (loss, accuracy, rate):
        axes.axvline(best, color=GREY, linestyle=":", linewidth=1.3, zorder=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(0.5, len(history) + 0.5)
    accuracy.plot([best], [top], marker="o", color=VERMILION, markersize=7, linestyle="", label="Best epoch")
    figure.legend(*accuracy.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    rate.tick_params(labelsize=SMALL)
    return figure


def _marker(epochs: Sequence[int]) -> str:
    return "o" if len(epochs) < 3 else ""  # one or two points make no visible line


def _lines(axes: Axes, epochs: Sequence[int], train: Sequence[float], validation: Sequence[float]) -> None:
    marker = _marker(epochs)
    axes.plot(epochs, train, color=ORANGE, linewidth=1.8, linestyle="--", marker=marker, label="Training")
    axes.plot(epochs, validation, color=BLUE, linewidth=1.8, marker=marker, label="Validation")
