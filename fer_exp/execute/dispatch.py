"""Which record an engine trains next: one whose attempt failed, or the next of the work.

In: work that hands out records, an engine with slots, attempts that are over. Out: started attempts, records taken back
with an outcome. What a failed attempt means is decided by `failures.py`; this module keeps the order.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from fer_exp.execute.crashes import give_up, note_crash
from fer_exp.execute.engine import End, Ended, Engine
from fer_exp.execute.failures import Decision, Failures
from fer_exp.execute.fault import Fault
from fer_exp.leaderboard.ended import EndedCount
from fer_exp.leaderboard.rows import Row
from fer_exp.records import Record, title_of


class Next(Enum):
    """Why there is no record to start."""

    WAIT = "wait"  # one that runs must end first
    DONE = "done"


class Work(Protocol):
    """Who hands out records to train and takes them back."""

    name: str  # of the campaign
    objective: str
    planned: int  # records in all, at most
    planned_epochs: int

    def next(self) -> Record | Next:
        """The next record to train."""

    def ended(self, record: Record) -> None:
        """Takes back a record that has an outcome."""

    def rows(self) -> tuple[Row, ...]:
        """The leaderboard so far."""

    def so_far(self) -> EndedCount:
        """How many of its trials have ended."""


class Dispatch:
    """Fills an engine's slots.

    Args:
        work: Hands out records.
        engine: Trains them.
        take_back: Called with every record that has got an outcome.
        say: Called with a line for the user where an attempt failed and another follows.
    """

    def __init__(
        self, work: Work, engine: Engine, take_back: Callable[[Record], None], say: Callable[[str], None]
    ) -> None:
        self._work = work
        self._engine = engine
        self._take_back = take_back
        self._say = say
        self._failures = Failures()
        self._again: deque[Record] = deque()  # at once
        self._again_alone: deque[Record] = deque()  # as soon as nothing else runs
        self._later: deque[Record] = deque()  # when another training has ended well, or nothing else is left
        self._alone: Record | None = None  # started last with nothing else beside it

    def fill(self) -> bool:
        """Starts what there are free slots for; returns whether nothing is left to start."""
        while len(self._engine.attempts) < self._engine.capacity and not self._runs_alone():
            record = self._next()
            if isinstance(record, Next):
                return record is Next.DONE
            self._failures.started(record)
            self._engine.start(record)
        return False

    def over(self, ended: Ended) -> None:
        """Takes in that an attempt is over.

        Raises:
            NoSpace, DiskFailed, TrialsFailed: The machine cannot train.
        """
        if ended.end in (End.FINISHED, End.RECIPE_FAILED):
            self._failures.ended(ended.record, finished=ended.end is End.FINISHED)
            self._take_back(ended.record)
        elif ended.fault is not None:
            self._over_for_the_machine(ended, ended.fault)

    def _over_for_the_machine(self, ended: Ended, fault: Fault) -> None:
        record = ended.record
        note_crash(ended, fault)
        alone = self._engine.capacity == 1 or (self._alone is not None and self._alone.path == record.path)
        decision = self._failures.failed(ended, fault, alone=alone)
        if decision is Decision.RECIPE:
            self._give_up(record)
            return
        spec = record.spec()
        self._say(
            f"{title_of(spec.kind, spec.number, spec.seed)}: attempt {ended.attempt} failed ({fault.cause}). "
            f"The trial stays open and is tried {decision.value}."
        )
        queues = {Decision.AGAIN: self._again, Decision.AGAIN_ALONE: self._again_alone, Decision.LATER: self._later}
        queues[decision].append(record)

    def _give_up(self, record: Record) -> None:
        give_up(record, self._failures.failures(record))
        self._failures.ended(record, finished=False)
        self._take_back(record)

    def _next(self) -> Record | Next:
        if self._again:
            return self._again.popleft()
        for record in [record for record in self._later if self._failures.proven(record)]:
            self._later.remove(record)
            self._again_alone.append(record)
        if self._again_alone:
            return Next.WAIT if self._engine.attempts else self._started_alone(self._again_alone.popleft())
        following = self._work.next()
        if isinstance(following, Record) or not self._later:
            return following
        return Next.WAIT if self._engine.attempts else self._resolve(self._later.popleft())

    def _resolve(self, record: Record) -> Record | Next:
        """Nothing but trials that failed is left: this one is given up, or tried once more."""
        if not self._failures.is_recipes_for_want_of_others(record):
            return self._started_alone(record)
        self._give_up(record)
        return self._next()

    def _started_alone(self, record: Record) -> Record:
        self._alone = record
        return record

    def _runs_alone(self) -> bool:
        alone = self._alone
        return alone is not None and any(attempt.record.path == alone.path for attempt in self._engine.attempts)
