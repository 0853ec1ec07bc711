"""Charts: lines by epoch, trials in their order, bars, and values with intervals.

In: numbers with names. Out: Markup. Colours are classes: `a` is the winner, `b` the baseline, `r` the reference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fer_exp.metrics.scores import Bin
from fer_exp.report.axes import Axis, Frame
from fer_exp.report.svg import LETTER, WIDE, Canvas, cut, padded, percent, plain, scale, ticks


@dataclass(frozen=True)
class Line:
    """A series."""

    name: str
    style: str  # classes: `a`, `a faint`, `b dashed`
    points: tuple[tuple[float, float], ...]


CROSS = "\N{MULTIPLICATION SIGN}"  # a trial that failed


def lines_chart(title: str, lines: Sequence[Line], x: str, *, shares: bool, mark: float | None = None) -> Markup:
    """Series over epochs; `mark` is an epoch to be pointed at."""
    values = [y for line in lines for _, y in line.points if math.isfinite(y)] or [0.0, 1.0]
    end = max((at for line in lines for at, _ in line.points), default=1.0)
    low, high = padded(values)
    frame = Frame(
        Axis(1.0, max(end, 2.0), x, whole=True), Axis(low, high, label=percent if shares else plain), title=title
    )
    if mark is not None:
        frame.canvas.line("guide", frame.x(mark), frame.y(low), frame.x(mark), frame.y(high))
    for line in lines:
        points = [(frame.x(at), frame.y(y)) for at, y in line.points]
        frame.canvas.path(f"line {line.style}", points, line.name)
        for at, y in line.points if len(points) < 3 else ():
            frame.canvas.circle(f"dot {line.style}", frame.x(at), frame.y(y), 3.0)
    told = "; ".join(f"{line.name}: from {line.points[0][1]:.4g} to {line.points[-1][1]:.4g}" for line in lines)
    return frame.canvas.finish(title, f"By {x.lower()}. {told}.")


@dataclass(frozen=True)
class Spot:
    """A trial in the history of a search."""

    number: int
    value: float | None  # None: it failed
    style: str  # `a` for the best, `t` for a trial, `b` for the baseline
    hint: str


@dataclass(frozen=True)
class Band:
    """A value with its interval, over the whole width."""

    value: float
    low: float | None
    high: float | None


def history_chart(
    title: str, spots: Sequence[Spot], best_so_far: Sequence[tuple[float, float]], band: Band | None, *, shares: bool
) -> Markup:
    """Trials in the order of their proposal, the best so far, and the baseline with its interval."""
    values = [*(spot.value for spot in spots if spot.value is not None), *(value for _, value in best_so_far)]
    edges = [] if band is None else [one for one in (band.value, band.low, band.high) if one is not None]
    low, high = padded([*values, *edges] or [0.0, 1.0])
    last = max((spot.number for spot in spots), default=1)
    label = percent if shares else plain
    frame = Frame(
        Axis(-0.5, last + 0.5, "Trial, in the order of proposal (0 is the baseline)", whole=True),
        Axis(low, high, label=label),
        WIDE,
        300.0,
    )
    canvas, left, right = frame.canvas, frame.x(-0.5), frame.x(last + 0.5)
    if band is not None and band.low is not None and band.high is not None:
        canvas.rect("band b", left, frame.y(band.high), right - left, frame.y(band.low) - frame.y(band.high))
    if band is not None:
        canvas.line("line b dashed", left, frame.y(band.value), right, frame.y(band.value))
    if best_so_far:
        stairs = [best_so_far[0]]
        for at, value in best_so_far[1:]:
            stairs += [(at, stairs[-1][1]), (at, value)]
        stairs.append((last + 0.5, stairs[-1][1]))
        canvas.path("line ink", [(frame.x(at), frame.y(value)) for at, value in stairs])
    size = 5.0 if len(spots) < 100 else 3.0
    for spot in spots:
        if spot.value is None:
            canvas.text(CROSS, frame.x(spot.number), frame.y(low) - 3.0, "failed", "middle")
        else:
            canvas.circle(f"dot {spot.style}", frame.x(spot.number), frame.y(spot.value), size, spot.hint)
    best = f"best {label(round(best_so_far[-1][1], 4))}" if best_so_far else "none finished"
    return canvas.finish(title, f"{len(spots)} trainings; {best}.", "wide")


@dataclass(frozen=True)
class Bar:
    """A bar with its name and what is written behind it."""

    name: str
    value: float
    told: str


def bars_chart(title: str, bars: Sequence[Bar], style: str = "a") -> Markup:
    """Horizontal bars from 0 to the longest."""
    left = min(max(len(bar.name) for bar in bars), 28) * LETTER + 18.0
    canvas = Canvas(WIDE, 26.0 * len(bars) + 10.0)
    place = scale(0.0, max(bar.value for bar in bars) or 1.0, left, WIDE - 70.0)
    for row, bar in enumerate(bars):
        y = 26.0 * row + 6.0
        canvas.text(cut(bar.name, 28), left - 8.0, y + 13.0, "", "end")
        canvas.rect(f"bar {style}", left, y, place(bar.value) - left, 18.0, f"{bar.name}: {bar.told}")
        canvas.text(bar.told, place(bar.value) + 6.0, y + 13.0, "tick")
    return canvas.finish(title, "; ".join(f"{bar.name} {bar.told}" for bar in bars) + ".", "wide")


@dataclass(frozen=True)
class Cluster:
    """Bars of several models under one name."""

    name: str
    bars: tuple[tuple[str, float], ...]  # style, value
    remark: str = ""


def clusters_chart(title: str, clusters: Sequence[Cluster]) -> Markup:
    """Horizontal bars from 0 to 1, those of a name together."""
    thick, gap = 9.0, 12.0
    left = min(max(len(one.name) for one in clusters), 20) * LETTER + 18.0
    rows = [len(one.bars) * thick + gap for one in clusters]
    canvas = Canvas(WIDE, sum(rows) + 30.0)
    place = scale(0.0, 1.0, left, WIDE - 90.0)
    for value in ticks(0.0, 1.0):
        canvas.line("grid", place(value), 0.0, place(value), sum(rows) + 4.0)
        canvas.text(plain(value), place(value), sum(rows) + 20.0, "tick", "middle")
    y = gap / 2
    for one, height in zip(clusters, rows, strict=True):
        middle = y + (height - gap) / 2 + 4.0
        canvas.text(cut(one.name, 20), left - 8.0, middle, "", "end")
        canvas.text(one.remark, WIDE, middle, "tick", "end")
        for style, value in one.bars:
            canvas.rect(f"bar {style}", left, y, place(value) - left, thick - 1.5)
            canvas.text(f"{value:.2f}", place(value) + 4.0, y + 7.5, "tick tiny")
            y += thick
        y += gap
    told = "; ".join(f"{one.name}: {', '.join(f'{value:.3f}' for _, value in one.bars)}" for one in clusters)
    return canvas.finish(title, f"{told}.", "wide")


@dataclass(frozen=True)
class Mark:
    """A value with an interval, where there is one."""

    style: str
    value: float
    low: float | None = None
    high: float | None = None
    hint: str = ""


@dataclass(frozen=True)
class Group:
    """Values of several models under one name; `head` begins a new part of the chart."""

    name: str
    marks: tuple[Mark, ...]
    remark: str = ""  # at the right end
    head: str = ""


def marks_chart(title: str, groups: Sequence[Group], *, shares: bool = True, zero: bool = False) -> Markup:
    """Values as dots with their intervals, a row for each group; `zero` marks nought with a line."""
    numbers = [
        one for group in groups for mark in group.marks for one in (mark.value, mark.low, mark.high) if one is not None
    ]
    low, high = padded([*numbers, *([0.0] if zero else [])])
    low, high = (max(low, 0.0), min(high, 1.0)) if shares else (low, high)
    left = min(max(len(group.name) for group in groups), 30) * LETTER + 18.0
    heads = sum(bool(group.head) for group in groups)
    height = 24.0 * len(groups) + 26.0 * heads + 34.0
    canvas, place = Canvas(WIDE, height), scale(low, high, left, WIDE - 84.0)
    label = percent if shares else plain
    for value in ticks(low, high, 7):
        canvas.line("grid", place(value), 4.0, place(value), height - 24.0)
        canvas.text(label(value), place(value), height - 8.0, "tick", "middle")
    if zero:
        canvas.line("axis", place(0.0), 4.0, place(0.0), height - 24.0)
    y = 4.0
    for group in groups:
        if group.head:
            y += 26.0
            canvas.text(group.head, 0.0, y - 7.0, "strong")
        canvas.text(cut(group.name, 30), left - 10.0, y + 15.0, "", "end")
        canvas.text(group.remark, WIDE, y + 15.0, "tick", "end")
        for number, mark in enumerate(group.marks):
            at = y + 11.0 + 5.0 * (number - (len(group.marks) - 1) / 2)
            if mark.low is not None and mark.high is not None:
                canvas.line(f"line {mark.style}", place(mark.low), at, place(mark.high), at)
            canvas.circle(f"dot {mark.style}", place(mark.value), at, 4.0, mark.hint)
        y += 24.0
    told = "; ".join(
        f"{group.name}: {', '.join(mark.hint or label(mark.value) for mark in group.marks)}" for group in groups
    )
    return canvas.finish(title, f"{told}.", "wide")


def reliability_chart(title: str, bins: Sequence[Bin], style: str) -> Markup:
    """Accuracy by confidence, a bar for each bin that holds images, and the line of perfect calibration."""
    frame = Frame(Axis(0.0, 1.0, "Confidence", percent), Axis(0.0, 1.0, label=percent), title=title, height=260.0)
    told = []
    for one in bins:
        hint = f"{100 * one.low:.0f} to {100 * one.high:.0f} % sure: {100 * one.accuracy:.1f} % of {one.count} right"
        top, width = frame.y(one.accuracy), frame.x(one.high) - frame.x(one.low)
        frame.canvas.rect(f"bar {style} soft", frame.x(one.low) + 1.0, top, width - 2.0, frame.y(0.0) - top, hint)
        told.append(hint)
    frame.canvas.path("line ink dashed", [(frame.x(0.0), frame.y(0.0)), (frame.x(1.0), frame.y(1.0))])
    return frame.canvas.finish(title, f"Share predicted right by confidence. {'; '.join(told)}.")


def interval_chart(value: float, low: float, high: float, tone: str) -> Markup:
    """A difference with its interval, in points, on a line that shows nought."""
    canvas = Canvas(440.0, 64.0)
    reach = max(abs(low), abs(high), abs(value)) * 1.15 or 1.0
    place = scale(-reach, reach, 14.0, canvas.width - 14.0)
    for at in ticks(-reach, reach, 7):
        canvas.line("grid", place(at), 8.0, place(at), 44.0)
        canvas.text(f"{at:+g}" if at else "0", place(at), 58.0, "tick", "middle")
    canvas.line("axis", place(0.0), 4.0, place(0.0), 46.0)
    canvas.rect(f"band {tone}", place(low), 17.0, place(high) - place(low), 18.0)
    canvas.line(f"line {tone}", place(low), 26.0, place(high), 26.0)
    canvas.circle(f"dot {tone}", place(value), 26.0, 6.0)
    told = f"{value:+.2f} points, interval from {low:+.2f} to {high:+.2f}."
    return canvas.finish("Difference to the baseline in points", told)
