"""Matrices: who was taken for whom, as small drawings.

In: counts `(classes, classes)`, rows true. Out: Markup. A cell's tint says its share, and its number says it too, so
that nothing is told by colour alone.
"""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from fer_exp.report.svg import SMALL, Canvas, cut

STRONGEST = 0.5  # opacity of the fullest cell: its number stays readable in both themes
SIDE = 78.0  # pixels that the names of the classes take
MOST_NUMBERED = 10  # classes; cells of more are too small for numbers


def shares_of(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row as shares of the true class; a class that does not occur keeps noughts."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), np.float64)


def confusion_chart(title: str, counts: NDArray[np.int64], classes: Sequence[str], style: str) -> Markup:
    """Shares of the true class in percent."""
    shares = shares_of(counts)
    hints = [
        [
            f"{true} taken for {guess}: {count:,} ({100 * share:.1f} %)"
            for guess, count, share in zip(classes, *row, strict=True)
        ]
        for true, row in zip(classes, zip(counts, shares, strict=True), strict=True)
    ]
    right = ", ".join(f"{name} {100 * shares[i, i]:.0f} %" for i, name in enumerate(classes))
    return _draw(
        title, shares, [f"{100 * one:.0f}" for one in shares.flat], classes, hints, (style, style), f"Right: {right}."
    )


def difference_chart(title: str, a: NDArray[np.int64], b: NDArray[np.int64], classes: Sequence[str]) -> Markup:
    """Shares of A less those of B, in points."""
    gap = shares_of(a) - shares_of(b)
    hints = [
        [f"{true} taken for {guess}: {100 * one:+.1f} points" for guess, one in zip(classes, row, strict=True)]
        for true, row in zip(classes, gap, strict=True)
    ]
    told = [
        f"{100 * one:+.0f}".replace("+0", "0").replace("-0", "0") if abs(one) < 0.005 else f"{100 * one:+.0f}"
        for one in gap.flat
    ]
    top = np.abs(gap).max() or 1.0
    right = ", ".join(f"{name} {100 * gap[i, i]:+.1f}" for i, name in enumerate(classes))
    return _draw(title, gap / top, told, classes, hints, ("a", "b"), f"Points on the diagonal: {right}.")


def _draw(
    title: str,
    cells: NDArray[np.float64],  # -1 to 1
    told: Sequence[str],
    classes: Sequence[str],
    hints: Sequence[Sequence[str]],
    styles: tuple[str, str],  # of cells above and below nought
    description: str,
) -> Markup:
    many = len(classes)
    size = (SMALL - SIDE - 4.0) / many
    top = 26.0
    canvas = Canvas(SMALL, top + size * many + SIDE - 6.0)
    canvas.text(title, 0.0, 15.0, "strong")
    for row, true in enumerate(classes):
        y = top + row * size
        canvas.text(cut(true, 11), SIDE - 6.0, y + size / 2 + 4.0, "tick", "end")
        for column in range(many):
            value = float(cells[row, column])
            x = SIDE + column * size
            style = styles[0] if value >= 0 else styles[1]
            opacity = f"{STRONGEST * abs(value):.3f}"
            canvas.rect(f"cell {style}", x, y, size - 1.5, size - 1.5, hints[row][column], fill_opacity=opacity)
            if many <= MOST_NUMBERED:
                weight = "cellnumber strong" if row == column else "cellnumber"
                canvas.text(told[row * many + column], x + size / 2 - 0.7, y + size / 2 + 4.0, weight, "middle")
    for column, guess in enumerate(classes):
        x, y = SIDE + (column + 0.5) * size, top + size * many + 10.0
        canvas.text(cut(guess, 11), x + 4.0, y, "tick", "end", transform=f"rotate(-45 {x + 4:.1f} {y:.1f})")
    canvas.text("true", 0.0, top + 10.0, "tick")
    canvas.text("predicted", SMALL, canvas.height - 4.0, "tick", "end")
    return canvas.finish(title, description)
