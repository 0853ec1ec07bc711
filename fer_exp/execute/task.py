"""A task, and the function that its process runs.

In: a task. Out: nothing; `child.run` does the work. Kept apart so that the parent can name the function without loading
Keras, which stands behind it.
"""

import contextlib
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from fer_exp.execute.fault import fault_of
from fer_exp.execute.parent_watch import end_with_parents


@dataclass(frozen=True)
class Task:
    """What a process is started for."""

    record: Path
    development: Path
    attempt: int
    keep_checkpoints: bool  # a later trial may go on from the last epoch
    threads: int  # 0 leaves it to the backend
    environment: dict[str, str] = field(default_factory=dict)  # set before a backend starts


TRAINING = "fer_exp.execute.child"  # loads Keras, and all that a trial needs besides


def train_record(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process."""
    try:
        from fer_exp.execute.child import run  # loaded already by the fork server
    except Exception as error:  # a library that is missing or broken: nothing was trained, and no log is open yet
        report(error, parent)
        raise
    run(task, parent)


def report(error: Exception, parent: Connection) -> None:
    """Tells the parent why this process ends; it finds out by the exit code where this does not reach it."""
    with contextlib.suppress(OSError):
        parent.send(fault_of(error))


def follow_records(home: Path, campaign: str, control: Connection) -> None:
    """Entry of the tracker's process."""
    end_with_parents()  # before MLflow is loaded, which takes seconds
    from fer_exp.tracking import follow

    follow(home, campaign, control)
