"""How fast epochs go by, and how long what is planned will take at most.

In: the attempts at work, a few times a second, and the leaderboard. Out: seconds. Counted is what was trained since
this start: what a record had trained before says nothing about now.
"""

import contextlib
import time
from collections.abc import Callable, Sequence

from fer_exp.execute.engine import Attempt
from fer_exp.leaderboard.ended import EndedCount
from fer_exp.records import Epoch, Record
from fer_exp.system.errors import BadRecord


class EtaEstimator:
    """Keeps the last epoch of each running record, read again only when its file has grown.

    Args:
        clock: Seconds, from anywhere.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None  # when the first batch was seen; loading libraries says nothing about epochs
        self._seen: dict[str, tuple[int, Epoch | None]] = {}
        self._reached: dict[str, float] = {}  # epochs of a running record, those of earlier starts included
        self._trained = 0.0  # epochs since this start, of all records

    def last(self, record: Record) -> Epoch | None:
        """The last whole epoch of a record."""
        where = str(record.path)
        try:
            size = (record.path / "history.jsonl").stat().st_size
        except FileNotFoundError:
            size = 0
        known = self._seen.get(where)
        if known is None or known[0] != size:
            history = record.history()
            known = (size, history[-1] if history else None)
            self._seen[where] = known
        return known[1]

    def note(self, attempt: Attempt) -> Epoch | None:
        """Takes in how far a running record is; returns its last whole epoch."""
        if self._began is None and attempt.steps:
            self._began = self._clock()
        in_progress = max(attempt.epoch - 1, 0) + (attempt.step / attempt.steps if attempt.steps else 0)
        last = self.last(attempt.record)
        self._reach(attempt.record, max(last.epoch if last else 0, in_progress))
        return last

    def forget(self, record: Record) -> None:
        """Takes in what a record has trained since the last look; it has ended."""
        if str(record.path) in self._reached:
            with contextlib.suppress(BadRecord):  # which may be why it failed; the pace can do without its last epoch
                self._reach(record, self._whole(record))
            del self._reached[str(record.path)]
        self._seen.pop(str(record.path), None)

    def seconds_left(self, ended: EndedCount, attempts: Sequence[Attempt], planned: int) -> float | None:
        """At most, at the pace since this start: of a trial that stopped early, nothing is left.

        Args:
            ended: What the leaderboard says.
            attempts: Those at work.
            planned: Epochs of the whole campaign; a trial that goes on from another counts those it adds.

        Returns:
            None until something has been trained.
        """
        if self._began is None or self._trained <= 0:
            return None
        begun = ended.begun
        begun += sum(ended.adds(attempt.spec.epochs, attempt.spec.continues) for attempt in attempts)
        to_go = sum(attempt.spec.epochs - self._reached.get(str(attempt.record.path), 0) for attempt in attempts)
        return (max(planned - begun, 0) + max(to_go, 0)) * (self._clock() - self._began) / self._trained

    def _whole(self, record: Record) -> int:
        last = self.last(record)
        return last.epoch if last else 0

    def _reach(self, record: Record, epochs: float) -> None:
        before = self._reached.setdefault(str(record.path), epochs)
        self._trained += max(epochs - before, 0)
        self._reached[str(record.path)] = max(epochs, before)
