"""SVG: a canvas for small drawings, scales and ticks.

In: numbers. Out: Markup whose colours are classes of the page's style, so that one drawing serves the light and the
dark theme. Coordinates are pixels of a drawing at its own width, from the upper left.
"""

import math
import zlib
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

Scale = Callable[[float], float]
Points = Sequence[tuple[float, float]]

WIDE, SMALL = 760.0, 370.0  # widths: the page's column, and half of it
LETTER = 6.4  # pixels that a letter of a drawing's text takes, on average


class Canvas:
    """A drawing that grows element by element."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def add(self, tag: str, style: str, inner: str = "", **attributes: object) -> None:
        """An element of the class `style`; `_` in an attribute's name stands for `-`."""
        told = "".join(f' {name.replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())
        named = f' class="{style}"' if style else ""
        self._parts.append(f"<{tag}{named}{told}>{inner}</{tag}>" if inner else f"<{tag}{named}{told}/>")

    def line(self, style: str, x1: float, y1: float, x2: float, y2: float) -> None:
        """A straight line."""
        self.add("line", style, x1=x1, y1=y1, x2=x2, y2=y2)

    def rect(self, style: str, x: float, y: float, width: float, height: float, hint: str = "", **more: object) -> None:
        """A rectangle; `hint` is shown under the pointer."""
        self.add("rect", style, _hint(hint), x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), **more)

    def circle(self, style: str, x: float, y: float, radius: float, hint: str = "") -> None:
        """A dot; `hint` is shown under the pointer."""
        self.add("circle", style, _hint(hint), cx=x, cy=y, r=radius)

    def text(self, words: str, x: float, y: float, style: str = "", anchor: str = "start", **more: object) -> None:
        """Words that begin, end or are centred at a point of their base line."""
        self.add("text", style, str(escape(words)), x=x, y=y, text_anchor=anchor, **more)

    def path(self, style: str, points: Points, hint: str = "", **more: object) -> None:
        """A line through points; those that are not finite break it."""
        steps, pen = [], "M"
        for x, y in points:
            if not (math.isfinite(x) and math.isfinite(y)):
                pen = "M"
                continue
            steps.append(f"{pen}{_value(x)} {_value(y)}")
            pen = "L"
        if steps:
            self.add("path", style, _hint(hint), d="".join(steps), **more)

    def finish(self, title: str, description: str, style: str = "") -> Markup:
        """The drawing, named and described for those who do not see it."""
        inner = "".join(self._parts)
        # From what is drawn: two drawings of a page differ, and the same records give the same page.
        number = f"{zlib.crc32(f'{title} {description} {inner}'.encode()):08x}"
        kind = f"chart {style}".strip()
        head = (
            f'<svg class="{kind}" viewBox="0 0 {_value(self.width)} {_value(self.height)}" role="img" '
            f'aria-labelledby="t{number} d{number}">'
            f'<title id="t{number}">{escape(title)}</title><desc id="d{number}">{escape(description)}</desc>'
        )
        return Markup(f"{head}{inner}</svg>")


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(escape(value))


def _hint(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """Numbers from `low` to `high` as coordinates from `start` to `end`."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, `most` of them or fewer, steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if span / (factor * power) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The range of `values` with a little room at both ends."""
    low, high = min(values), max(values)
    room = share * (high - low) or abs(high) * share or 0.5
    return low - room, high + room


def plain(value: float) -> str:
    """A number for a tick: no more digits than it needs."""
    return f"{value:.6g}"


def percent(value: float) -> str:
    """A share for a tick."""
    return f"{100 * value:.6g} %"


def cut(words: str, most: int) -> str:
    """The words, shortened where they are longer than `most` letters."""
    return words if len(words) <= most else f"{words[: most - 1]}…"
