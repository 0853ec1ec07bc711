"""A trial that trains nothing and leaves the same record as a real one, in hundredths of a second.

So that the search around trials can be tested by the hundred. What a trial scores and does is written in its recipe:

    label_smoothing 0.5     its loss becomes NaN
    ema 0.9                 its process kills itself, every time
    ema 0.8                 its process kills itself, once
    batch_size 1024         an epoch takes half a second
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

from fer_exp.execute.parent_watch import alone_in, end_with_parents
from fer_exp.execute.task import Task, report
from fer_exp.recipe import Recipe
from fer_exp.records import Epoch, Outcome, Predictions, Record, State, best_epoch, now_ms
from fer_exp.system.provenance import trained_with

EPOCH_SECONDS = 0.02
SLOW_BATCH, SLOW_SECONDS = 1024, 0.5
PREDICTIONS = Predictions(np.zeros(1, np.uint8), np.full((1, 7), 1 / 7, np.float32), np.zeros(1, np.int64))


def accuracy(recipe: Recipe, epoch: int) -> float:
    """What validation says after `epoch`: a peak at dropout 0.3 and learning rate 3e-3, better with every epoch."""
    return 0.6 + 0.01 * epoch - abs(recipe.block_dropout - 0.3) - 10 * abs(recipe.learning_rate - 3e-3)


class Killed(Exception):
    """The recipe has its process killed."""


def train_fake(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process, in the place of `fer_exp.execute.entry.train_record`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    end_with_parents()
    alone_in(task.record)
    slow = Record(task.record).spec().recipe.batch_size == SLOW_BATCH

    def tell(epoch: int) -> None:
        with contextlib.suppress(OSError):
            parent.send((epoch, 1, 1))
        time.sleep(SLOW_SECONDS if slow else EPOCH_SECONDS)

    try:
        work_on(
            Record(task.record),
            task.attempt,
            tell,
            lambda: bool(parent.poll() and parent.recv() == "stop"),
            keep_checkpoints=task.keep_checkpoints,
        )
    except Killed:
        os.kill(os.getpid(), signal.SIGKILL)


def train_fake_where_it_works(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process on a machine that is broken while its home holds a file `broken`.

    That file names the exception that every attempt meets, as a line of Python.
    """
    broken = task.record.parents[3] / "broken"
    if broken.exists():
        error: Exception = eval(broken.read_text())
        report(error, parent)
        raise error
    train_fake(task, parent)


def work_on(
    record: Record,
    attempt: int,
    tell: Callable[[int], None],
    asked_to_stop: Callable[[], bool],
    *,
    keep_checkpoints: bool = False,
) -> None:
    """Trains nothing, from the record's last epoch on.

    Args:
        record: What to fill.
        attempt: Its number, from 1.
        tell: Called with every epoch that begins.
        asked_to_stop: Asked after every epoch but the last.
        keep_checkpoints: A later trial may go on from the last epoch.

    Raises:
        Killed: The recipe says so.
    """
    spec = record.spec()
    record.attempt_log(attempt).write_text("a line of the log\n")
    for epoch in range(len(record.history()) + 1, spec.epochs + 1):
        tell(epoch)
        if spec.recipe.ema == 0.9 or (spec.recipe.ema == 0.8 and attempt == 1):
            raise Killed
        if spec.recipe.label_smoothing == 0.5:
            record.end(Outcome(state=State.FAILED, reason=f"NotFinite: loss became nan in epoch {epoch}"))
            return
        record.checkpoint(epoch).write_bytes(b"weights")
        record.append(_epoch(spec.recipe, epoch))
        if epoch < spec.epochs and asked_to_stop():
            return
    history = record.history()
    record.write_predictions(PREDICTIONS)
    record.write_scores({"val/accuracy": max(row.val_accuracy for row in history), "val/images": 400})
    record.model.write_bytes(b"model")
    outcome = Outcome(
        state=State.FINISHED,
        attempts=attempt,
        best_epoch=best_epoch(history),
        seconds=1.0,
        trained_with=trained_with("cpu"),
    )
    record.end(outcome, keep_checkpoints=keep_checkpoints)


def _epoch(recipe: Recipe, epoch: int) -> Epoch:
    value = accuracy(recipe, epoch)
    return Epoch(
        epoch=epoch,
        train_loss=1 / epoch,
        train_accuracy=value,
        val_loss=1 / epoch,
        val_accuracy=value,
        learning_rate=recipe.learning_rate,
        seconds=EPOCH_SECONDS,
        images_per_second=1000,
        time_ms=now_ms(),
    )
