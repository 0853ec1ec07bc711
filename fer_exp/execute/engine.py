"""The interface between the loop of a search and the machines it trains on.

In: records to train. Out: attempts at work, and how each ended. An engine knows slots, devices and threads; it knows
nothing of oracles, of MLflow, or of what an end means for a trial. `local.py` is the engine of one machine,
`ray_engine.py` that of a cluster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from fer_exp.execute.fault import Fault
from fer_exp.records import Record, TrialSpec


class End(Enum):
    """How an attempt ended."""

    FINISHED = "finished"  # the record has an outcome and a model
    RECIPE_FAILED = "recipe failed"  # the record has an outcome that says why
    MACHINE_FAILED = "machine failed"  # the record is open, and another attempt goes on from its last epoch
    STOPPED = "stopped"  # on request; the record is open


@dataclass(frozen=True)
class Ended:
    """An attempt that is over."""

    record: Record
    attempt: int  # which one of this record, from 1
    end: End
    fault: Fault | None = None  # where the machine failed
    peak_memory_mib: float = 0.0  # the most that was seen; 0 where nobody looked


class Attempt(Protocol):
    """A training at work."""

    @property
    def record(self) -> Record:
        """What it writes."""

    @property
    def spec(self) -> TrialSpec:
        """What it was asked for."""

    @property
    def epoch(self) -> int:
        """The epoch in progress, from 1; 0 before the first."""

    @property
    def step(self) -> int:
        """Batches done of it."""

    @property
    def steps(self) -> int:
        """Batches of an epoch; 0 before the first."""

    @property
    def waits(self) -> str:
        """What it waits for before it can begin, as text; empty where it does not."""


class Engine(Protocol):
    """Runs attempts, as many at a time as it has slots."""

    @property
    def capacity(self) -> int:
        """Attempts that can run at a time."""

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Those at work."""

    def start(self, record: Record) -> None:
        """Starts the next attempt at `record`; there must be a free slot."""

    def wait(self, seconds: float) -> list[Ended]:
        """Waits until something happens, at most `seconds`; returns the attempts that are over, each once."""

    def ask_to_stop(self) -> None:
        """Asks every attempt to end after its epoch. None starts from now on."""

    def kill(self) -> None:
        """Ends every attempt now; their records go on from the last epoch with the next attempt."""

    def close(self) -> None:
        """Lets go of its room, where others wait for it. Nothing is at work, and nothing is started any more."""
