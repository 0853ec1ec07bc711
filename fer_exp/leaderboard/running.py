"""The leaderboard of a search at work: what has ended is read once, what has not is read again.

In: the records a search begins and ends. Out: rows, best first, and the records whose models may go. A record that has
ended does not change, so each trial costs its search the same, be it the tenth or the ten thousandth; at every start
all are read, and a damaged one is found.
"""

import bisect
from collections.abc import Iterable

from fer_exp.campaign import Objective
from fer_exp.leaderboard.ended import EndedCount
from fer_exp.leaderboard.rows import Row, keepers, place, row_of
from fer_exp.recipe import Recipe
from fer_exp.records import Record


class RunningLeaderboard:
    """The rows of one campaign.

    Args:
        records: Those there are.
        objective: What they are sorted by.
        baseline: The recipe that rows are told as changes of.

    Raises:
        BadRecord: A file of a record is damaged.
    """

    def __init__(self, records: Iterable[Record], objective: Objective, baseline: Recipe) -> None:
        self._objective = objective
        self._place = place(objective)
        self._baseline = dict(baseline.flat())
        self._ended: list[Row] = []  # in order
        self.so_far = EndedCount()  # of those
        self._numbers: set[int] = set()  # of those
        self._open: dict[int, Record] = {}
        self._seen: dict[int, tuple[tuple[int, ...], Row]] = {}  # of those: the row, and what its files looked like
        self._with_models: dict[int, Record] = {}
        for record in records:
            self.take(record)
        self.rows()  # those that have not ended are read too

    def take(self, record: Record) -> None:
        """Takes notice of a record that begins or has ended."""
        number = record.spec().number
        if record.outcome() is None:
            self._open[number] = record
            return
        self._open.pop(number, None)
        self._seen.pop(number, None)
        if number in self._numbers:
            return
        self._numbers.add(number)
        row = self._row(record)
        bisect.insort(self._ended, row, key=self._place)
        self.so_far.add(row)
        self._with_models[number] = record

    def forget(self, number: int) -> None:
        """Drops what is known of a record whose folder has gone, to be made anew."""
        self._open.pop(number, None)
        self._seen.pop(number, None)
        self._with_models.pop(number, None)
        self._numbers.discard(number)
        self._ended = [row for row in self._ended if row.number != number]
        self.so_far = EndedCount.of(self._ended)

    def rows(self) -> tuple[Row, ...]:
        """The leaderboard now."""
        found = self._ended.copy()
        for number, record in self._open.items():
            bisect.insort(found, self._open_row(number, record), key=self._place)
        return tuple(found)

    def without_place(self, k: int) -> list[Record]:
        """The ended records whose models are no longer among the best `k`; each is named once."""
        keep = keepers(self._ended, k)
        return [self._with_models.pop(number) for number in sorted(self._with_models.keys() - keep)]

    def _open_row(self, number: int, record: Record) -> Row:
        """The row of a record that has not ended, read again when its folder or its history has changed."""
        now = _marks(record)
        known = self._seen.get(number)
        if known is None or known[0] != now:
            known = self._seen[number] = now, self._row(record)
        return known[1]

    def _row(self, record: Record) -> Row:
        return row_of(record.read(), self._objective, dict(self._baseline))


def _marks(record: Record) -> tuple[int, ...]:
    """What changes when an attempt begins, a file is replaced, or an epoch is added."""
    try:
        history = (record.path / "history.jsonl").stat().st_size
    except FileNotFoundError:
        history = 0
    return record.path.stat().st_mtime_ns, history
