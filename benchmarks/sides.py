"""Two ways of doing the same, measured alternately."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Seconds of both sides, medians."""

    what: str
    ours: float
    theirs: float
    times: int

    def line(self) -> str:
        """One row of the table; a ratio above 1 says that fer-exp is faster."""
        ratio = self.theirs / self.ours
        return f"{self.what:<58} {self.ours:>9.3f} s {self.theirs:>9.3f} s {ratio:>8.2f}x  n={self.times}"


HEADER = f"{'measure':<58} {'fer-exp':>11} {'instead':>11} {'ratio':>9}"


def compare(what: str, ours: Callable[[], object], theirs: Callable[[], object], times: int) -> Comparison:
    """Runs both sides `times` times, one after the other, so that both see the same noise."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(times):
        for side, kept in zip((ours, theirs), seconds, strict=True):
            started = time.perf_counter()
            side()
            kept.append(time.perf_counter() - started)
    return Comparison(what, statistics.median(seconds[0]), statistics.median(seconds[1]), times)
