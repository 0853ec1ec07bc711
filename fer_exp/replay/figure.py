"""The figure of a replay: best so far against epochs spent, a line and a band for each algorithm.

In: a Replay. Out: a Matplotlib figure.
"""

from itertools import cycle

from matplotlib.figure import Figure

from fer_exp.figures.style import BLUE, DARK, GREY, ORANGE, VERMILION, dress, new_figure
from fer_exp.replay.measure import Replay

LOOKS = (
    (BLUE, "-"),
    (ORANGE, "--"),
    (VERMILION, "-."),
    (DARK, ":"),
    (GREY, "-"),
    (BLUE, ":"),
    (ORANGE, "-."),
    (DARK, "--"),
)


def replay_figure(replay: Replay) -> Figure:
    """Mean over seeds of the best validation value of a completed trial, with 95 % intervals."""
    figure = new_figure(9.0, 5.4, f"{replay.table}: best so far by epochs spent")
    axes = figure.subplots()
    lowest = []
    for result, (colour, dash) in zip(replay.results, cycle(LOOKS), strict=False):
        rows = zip(result.curve.epochs, result.curve.mean, result.curve.low, result.curve.high, strict=True)
        known = [(at, 100 * m, 100 * low, 100 * high) for at, m, low, high in rows if None not in (m, low, high)]  # type: ignore[operator]  # checked beside it
        if not known:
            continue
        epochs, mean, low, high = zip(*known, strict=True)
        axes.step(
            epochs, mean, where="post", color=colour, linestyle=dash, label=f"{result.algorithm} (n = {result.seeds})"
        )
        axes.fill_between(epochs, low, high, step="post", color=colour, alpha=0.12, linewidth=0)
        lowest.append(mean[len(mean) // 4])
    axes.axhline(100 * replay.best - replay.within, color=GREY, linewidth=0.8)
    axes.set_xscale("log")
    if lowest:
        axes.set_ylim(min(lowest), 100 * replay.best + 1)
    dress(axes, x="Epochs trained", y="Validation value of the best trial (%)", grid="both")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return figure
