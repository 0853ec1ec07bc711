"""A task: what an attempt's process is told, and how it says why it ends.

In: paths and numbers. Out: a value that a process takes with it.
"""

import contextlib
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from fer_exp.execute.fault import fault_of


@dataclass(frozen=True)
class Task:
    """What a process is started for."""

    record: Path
    development: Path
    attempt: int
    keep_checkpoints: bool  # a later trial may go on from the last epoch
    threads: int  # 0 leaves it to the backend
    environment: dict[str, str] = field(default_factory=dict)  # set before a backend starts


def report(error: Exception, parent: Connection) -> None:
    """Tells the parent why this process ends; it finds out by the exit code where this does not reach it."""
    with contextlib.suppress(OSError):
        parent.send(fault_of(error))
