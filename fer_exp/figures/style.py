"""The look that all figures share, and the one way in which they reach the disk.

In: sizes, axes. Out: figures and axes in one style; PNG files. Colours are those of Okabe and Ito, which people with
any common colour blindness tell apart; lines differ in dash or marker besides.
"""

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from fer_exp.system.files import replacing

# Okabe and Ito 2008, "Color Universal Design"
BLUE, ORANGE, VERMILION = "#0072B2", "#E69F00", "#D55E00"
INK, DARK, GREY, LIGHT = "#222222", "#4D4D4D", "#777777", "#DDDDDD"

DPI = 150  # 7 inches, a page's width, give 1,050 pixels
SMALL = 8.5  # points; the smallest text
LETTERS_PER_INCH = 10  # of a title; a campaign's name may have 80


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of `width` x `height` inches that lays itself out."""
    figure = Figure(
        figsize=(width, height), dpi=DPI, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12), facecolor="white"
    )
    FigureCanvasAgg(figure)
    figure.suptitle(textwrap.fill(title, int(width * LETTERS_PER_INCH)), fontsize=12, color=INK)
    return figure


def dress(axes: Axes, *, title: str = "", x: str = "", y: str = "", grid: str = "y") -> None:
    """Gives `axes` the common look: titles and labels, no box, a faint grid along `grid` ("x", "y", "both", "")."""
    axes.set_title(title, fontsize=11, color=INK)
    axes.set_xlabel(x, fontsize=10, color=INK)
    axes.set_ylabel(y, fontsize=10, color=INK)
    axes.tick_params(labelsize=9, colors=INK, length=0, pad=5)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GREY)
    axes.set_axisbelow(True)
    if grid == "both" or grid == "x":
        axes.xaxis.grid(visible=True, color=LIGHT, linewidth=0.7)
    if grid == "both" or grid == "y":
        axes.yaxis.grid(visible=True, color=LIGHT, linewidth=0.7)


def save(figure: Figure, path: Path) -> None:
    """Writes `figure` to `path` as PNG, whole or not at all; the same figure gives the same bytes."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
