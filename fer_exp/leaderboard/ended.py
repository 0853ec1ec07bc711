"""How many trials have ended, and how many epochs were asked of them.

In: rows of a leaderboard. Out: counts, which grow by one row at a time in a search, so that its ten thousandth trial is
counted as quickly as its tenth.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fer_exp.leaderboard.rows import Row
from fer_exp.records import State


@dataclass
class EndedCount:
    """Of the trials that have ended. Changes as rows are added."""

    ended: int = 0
    failed: int = 0
    budgets: dict[int, int] = field(default_factory=dict)  # epochs by number
    begun: int = 0  # epochs that were to be trained; a trial that goes on from another counts those it adds

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "EndedCount":
        """Counts a leaderboard; a trial comes behind the one that it goes on from."""
        count = cls()
        for row in sorted(rows, key=lambda row: row.number):
            count.add(row)
        return count

    def add(self, row: Row) -> None:
        """Counts one more row, unless its trial has not ended."""
        if row.state not in (State.FINISHED, State.FAILED):
            return
        self.ended += 1
        self.failed += row.state is State.FAILED
        self.begun += self.adds(row.budget, row.continues)
        self.budgets[row.number] = row.budget

    def adds(self, epochs: int, source: int | None) -> int:
        """Epochs that a trial of so many adds to those of the one that it goes on from."""
        return epochs - (0 if source is None else self.budgets.get(source, 0))
