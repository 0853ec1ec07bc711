"""What a failed attempt means: try again, try later, the recipe's own failure, or a machine that cannot train.

In: attempts that the machine failed, and trainings that came to an end. Out: a decision for each, or an error that
stops the search. The evidence against a recipe is a training of another one that begins and ends well while this one
keeps failing; without it the fault is the machine's, the trial stays open, and after `IN_A_ROW` such attempts the
search stops. A node of a cluster that is gone takes all its attempts with it at once: they begin again elsewhere, and
count only where one trial loses its node again and again.
"""

from dataclasses import dataclass
from enum import Enum

from fer_exp.execute.engine import Ended
from fer_exp.execute.fault import Fault, FaultKind
from fer_exp.records import Record
from fer_exp.system.errors import BROKEN_DISK, FULL_DISK, DiskFailed, FerExpError, NoSpace, TrialsFailed
from fer_exp.system.files import whole_lines

IN_A_ROW = 3  # attempts that the machine failed, and no training that ended between them, stop a search
REPEATED = 2  # failures of one trial before anything is held against its recipe
CHARGEABLE = (FaultKind.MEMORY, FaultKind.PROGRAM)  # a recipe can cause these; it cannot take a file away


class Decision(Enum):
    """What follows."""

    AGAIN = "again"  # at once
    AGAIN_ALONE = "again alone"  # as soon as nothing else runs
    LATER = "later"  # when another training has ended well, or nothing else is left
    RECIPE = "recipe"  # the trial has failed


@dataclass
class _Tally:
    """What is known of one trial's attempts. Changes with each."""

    started: int  # place of its present attempt in the order of all attempts, from 1
    epochs: int  # recorded when its present attempt began
    first_failed: int = 0  # attempts that had started when its first failure in a row came
    failures: int = 0  # in a row, without a new epoch
    nodes_lost: int = 0  # likewise
    alone: bool = False  # nothing else ran when it failed last
    kind: FaultKind | None = None  # of the last failure
    proven: bool = False  # another training began and ended well since its first failure


class Failures:
    """Keeps count for one search."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}
        self._in_a_row: list[Fault] = []
        self._started = 0  # attempts so far
        self._finished = 0

    def started(self, record: Record) -> None:
        """An attempt at `record` begins."""
        self._started += 1
        epochs = _epochs(record)
        tally = self._tallies.setdefault(str(record.path), _Tally(self._started, epochs))
        tally.started, tally.epochs = self._started, epochs

    def ended(self, record: Record, *, finished: bool) -> None:
        """The trial of `record` has an outcome; `finished` says that it was a good one."""
        over = self._tallies.pop(str(record.path), None)
        self._in_a_row.clear()
        if finished and over is not None:
            self._finished += 1
            for tally in self._tallies.values():
                # A training that had begun before may have needed nothing of what the machine lacks since.
                tally.proven = tally.proven or (tally.failures > 0 and over.started > tally.first_failed)

    def failed(self, ended: Ended, fault: Fault, *, alone: bool) -> Decision:
        """What to do about an attempt that the machine failed.

        Args:
            ended: The attempt.
            fault: Why.
            alone: Nothing else ran at that time.

        Raises:
            NoSpace: The disk is full.
            DiskFailed: `IN_A_ROW` attempts failed for a broken disk.
            TrialsFailed: `IN_A_ROW` attempts failed for something else.
        """
        if fault.kind is FaultKind.FULL_DISK:
            raise NoSpace(f"the disk is full: {ended.record.path} could not be written", FULL_DISK)
        tally = self._tallies[str(ended.record.path)]
        if _epochs(ended.record) > tally.epochs:  # it got further, so neither recipe nor machine is hopeless
            tally.failures, tally.nodes_lost, tally.proven = 0, 0, False
            self._in_a_row.clear()
        if fault.kind is FaultKind.NODE:
            tally.nodes_lost += 1
            if tally.nodes_lost < IN_A_ROW:
                return Decision.AGAIN
        if tally.failures == 0:
            tally.first_failed = self._started
        tally.failures, tally.alone, tally.kind = tally.failures + 1, alone, fault.kind
        if self._is_recipes(tally):
            return Decision.RECIPE
        self._in_a_row.append(fault)
        if len(self._in_a_row) >= IN_A_ROW:
            raise self._stop(ended.record)
        if tally.failures > 1:
            return Decision.LATER
        return Decision.AGAIN if alone or fault.kind is not FaultKind.MEMORY else Decision.AGAIN_ALONE

    def proven(self, record: Record) -> bool:
        """Whether another training has begun and ended well since this trial failed first: worth another attempt."""
        return self._tallies[str(record.path)].proven

    def failures(self, record: Record) -> int:
        """How often in a row the trial's attempts failed without a new epoch."""
        return self._tallies[str(record.path)].failures

    def is_recipes_for_want_of_others(self, record: Record) -> bool:
        """Whether the trial is given up although nothing else is left to show that the machine is well.

        That is so where memory ran out repeatedly with nothing else running, and other trainings ended well before.
        """
        tally = self._tallies[str(record.path)]
        return tally.kind is FaultKind.MEMORY and tally.alone and tally.failures >= REPEATED and self._finished > 0

    def _is_recipes(self, tally: _Tally) -> bool:
        enough = tally.failures >= REPEATED and tally.proven
        return enough and tally.kind in CHARGEABLE and (tally.alone or tally.kind is not FaultKind.MEMORY)

    def _stop(self, record: Record) -> FerExpError:
        last = self._in_a_row[-1]
        if all(fault.kind is FaultKind.DISK for fault in self._in_a_row):
            return DiskFailed(f"the disk failed: {last.cause}", BROKEN_DISK)
        return TrialsFailed(
            f"{len(self._in_a_row)} attempts in a row failed, and no training ended between them: {last.cause}",
            "This is taken for a fault of the machine: no trial was marked as failed, and nothing is lost. "
            f"The logs are in {record.path.parent}. Mend the cause, then give the same command again.",
        )


def _epochs(record: Record) -> int:
    """Epochs in the history, without reading what they say: it may be what is damaged."""
    try:
        return len(whole_lines(record.path / "history.jsonl"))
    except OSError:
        return 0
