"""What a task is, and the door into its process.

In: a task. Out: nothing; `child.run` does the work. Kept apart so that the parent can name the door without loading
Keras, which stands behind it.
"""

from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from fer_exp.execute.lifeline import end_with_parents


@dataclass(frozen=True)
class Task:
    """What a process is started for."""

    record: Path
    development: Path
    attempt: int
    keep_checkpoints: bool  # a later trial may go on from the last epoch
    threads: int  # 0 leaves it to the backend
    device: str | None  # value of CUDA_VISIBLE_DEVICES; None leaves it alone


TRAINING = "fer_exp.execute.child"  # loads Keras, and all that a trial needs besides


def train_record(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process."""
    from fer_exp.execute.child import run  # loaded already by the fork server

    run(task, parent)


def follow_records(home: Path, campaign: str, control: Connection) -> None:
    """Entry of the tracker's process."""
    end_with_parents()  # before MLflow is loaded, which takes seconds
    from fer_exp.tracking import follow

    follow(home, campaign, control)
