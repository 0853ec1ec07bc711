"""Axes: the frame that line and dot drawings share.

In: ranges of x and y. Out: a canvas with grid, ticks and titles, and the scales to draw on it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from fer_exp.report.svg import SMALL, Canvas, Scale, plain, scale, ticks

RIGHT = 20.0  # room for half of the last tick's words
Label = Callable[[float], str]


@dataclass(frozen=True)
class Axis:
    """One axis."""

    low: float
    high: float
    title: str = ""
    label: Label = plain
    whole: bool = False  # integers alone are marked


@dataclass
class Frame:
    """A canvas with axes; `x` and `y` give the place of a value."""

    across: Axis
    up: Axis
    width: float = SMALL
    height: float = 230.0
    title: str = ""
    left: float = 52.0
    canvas: Canvas = field(init=False)
    x: Scale = field(init=False)
    y: Scale = field(init=False)

    def __post_init__(self) -> None:
        self.canvas = Canvas(self.width, self.height)
        top, bottom = (30.0 if self.title else 12.0), self.height - (42.0 if self.across.title else 24.0)
        self.x = scale(self.across.low, self.across.high, self.left, self.width - RIGHT)
        self.y = scale(self.up.low, self.up.high, bottom, top)
        if self.title:
            self.canvas.text(self.title, self.left, 15.0, "strong")
        for value in self._ticks(self.up, 5):
            self.canvas.line("grid", self.left, self.y(value), self.width - RIGHT, self.y(value))
            self.canvas.text(self.up.label(value), self.left - 7.0, self.y(value) + 4.0, "tick", "end")
        for value in self._ticks(self.across, 7 if self.width > SMALL else 5):
            self.canvas.text(self.across.label(value), self.x(value), bottom + 17.0, "tick", "middle")
        self.canvas.line("axis", self.left, bottom, self.width - RIGHT, bottom)
        middle = (self.left + self.width - RIGHT) / 2
        if self.across.title:
            self.canvas.text(self.across.title, middle, self.height - 7.0, "tick", "middle")

    @staticmethod
    def _ticks(axis: Axis, most: int) -> list[float]:
        found = ticks(axis.low, axis.high, most)
        return [value for value in found if value == int(value)] if axis.whole else found
