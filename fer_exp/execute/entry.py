"""The functions that processes run: an attempt's and the tracker's.

In: a task. Out: nothing; `child.run` does the work. Kept apart so that the parent can name the function without loading
Keras, which stands behind it.
"""

from multiprocessing.connection import Connection
from pathlib import Path

from fer_exp.execute.parent_watch import end_with_parents
from fer_exp.execute.task import Task, report

TRAINING = "fer_exp.execute.child"  # loads Keras, and all that a trial needs besides

LIGHT = "fer_exp.execute.entry"  # loads nothing: where attempts run on other machines


def train_record(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process."""
    try:
        from fer_exp.execute.child import run  # loaded already by the fork server
    except Exception as error:  # a library that is missing or broken: nothing was trained, and no log is open yet
        report(error, parent)
        raise
    run(task, parent)


def follow_records(home: Path, campaign: str, control: Connection) -> None:
    """Entry of the tracker's process."""
    end_with_parents()  # before MLflow is loaded, which takes seconds
    from fer_exp.tracking import follow

    follow(home, campaign, control)
