"""How far a run over files has come: a line that is drawn over on a terminal, now and then a line without one.

In: what was counted so far. Out: text on standard error.
"""

import os
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from fer_exp.api.view import NOTEBOOKS, PLAIN_EVERY

if TYPE_CHECKING:
    from fer_exp.prediction.run import Tally


class Watch:
    """Tells how far `predict` has come.

    Args:
        total: The number of files, where it is known.
        drawn: Whether a line may be drawn over; not where rows appear on the same terminal.
    """

    def __init__(self, total: int | None, *, drawn: bool = True) -> None:
        self._total = total
        console = Console(stderr=True)
        on_terminal = drawn and console.is_terminal and not any(name in os.environ for name in NOTEBOOKS)
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if on_terminal else None
        self._began = self._last = time.monotonic()

    def __enter__(self) -> Self:
        self._began = self._last = time.monotonic()
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - self._began
        if self._live is not None:
            self._live.stop()

    def moved(self, tally: "Tally") -> None:
        """Shows what was counted; without a terminal every quarter of a minute."""
        if self._live is not None:
            self._live.update(Text(self._line(tally)))
        elif time.monotonic() - self._last >= PLAIN_EVERY:
            self._last = time.monotonic()
            self._console.print(Text(self._line(tally)), soft_wrap=True)

    def _line(self, tally: "Tally") -> str:
        of = "" if self._total is None else f" of {self._total:,}"
        rate = tally.frames / max(time.monotonic() - self._began, 1e-9)
        return f"file {tally.sources:,}{of}, {tally.frames:,} frames, {tally.faces:,} faces, {rate:.1f} frames/s"
