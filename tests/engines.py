"""An engine that trains in the process that asks, one attempt a wait: no process, no device, no clock.

It shows that the search needs nothing of the local engine but the protocol.
"""

from dataclasses import dataclass
from pathlib import Path

from fer_exp.execute.engine import End, Ended
from fer_exp.execute.fault import Fault, FaultKind
from fer_exp.records import Record, State, TrialSpec
from tests.fake_trials import Killed, work_on


@dataclass
class InProcessAttempt:
    """A training that the next wait may carry out."""

    record: Record
    spec: TrialSpec
    number: int
    epoch: int = 0
    step: int = 0
    steps: int = 0
    waits: str = ""

    def begin(self, epoch: int) -> None:
        self.epoch, self.step, self.steps = epoch, 1, 1


class InProcessEngine:
    """Up to `capacity` attempts, carried out one after the other."""

    def __init__(self, capacity: int = 1, *, keep_checkpoints: bool = False) -> None:
        self._capacity = capacity
        self._keep_checkpoints = keep_checkpoints
        self._attempts: list[InProcessAttempt] = []
        self._stopping = False

    @classmethod
    def make(cls, _development: Path, keep_checkpoints: bool) -> "InProcessEngine":
        return cls(keep_checkpoints=keep_checkpoints)

    @property
    def capacity(self) -> int:
        return self._capacity

    @property
    def attempts(self) -> tuple[InProcessAttempt, ...]:
        return tuple(self._attempts)

    def start(self, record: Record) -> None:
        number = 1 + len(list(record.path.glob("attempt-*.log")))
        self._attempts.append(InProcessAttempt(record, record.spec(), number))

    def wait(self, seconds: float) -> list[Ended]:
        return [self._run_loop(self._attempts[0])] if self._attempts else []

    def _run_loop(self, attempt: InProcessAttempt) -> Ended:
        record, fault = attempt.record, None
        keep = self._keep_checkpoints
        try:
            work_on(record, attempt.number, attempt.begin, lambda: self._stopping, keep_checkpoints=keep)
        except Killed:
            fault = Fault(FaultKind.MEMORY, "killed by SIGKILL")
        self._attempts.remove(attempt)
        outcome = record.outcome()
        if outcome is None:
            end = End.STOPPED if fault is None else End.MACHINE_FAILED
        else:
            end = End.FINISHED if outcome.state is State.FINISHED else End.RECIPE_FAILED
        return Ended(record, attempt.number, end, fault)

    def ask_to_stop(self) -> None:
        self._stopping = True

    def kill(self) -> None:
        self._stopping = True
        self._attempts.clear()

    def close(self) -> None:
        """Nothing: it has nothing."""
