"""A trial that trains nothing and leaves the same record as a real one, in hundredths of a second.

So that the search around trials can be tested by the hundred. What a trial scores and does is written in its recipe:

    label_smoothing 0.5     its loss becomes NaN
    ema 0.9                 its process kills itself, every time
    ema 0.8                 its process kills itself, once
"""

import contextlib
import os
import signal
import time
from multiprocessing.connection import Connection

import numpy as np

from fer_exp.execute.entry import Task
from fer_exp.execute.lifeline import alone_in, end_with_parents
from fer_exp.recipe import Recipe
from fer_exp.records import Epoch, Outcome, Predictions, Record, State, best_epoch, now_ms

EPOCH_SECONDS = 0.02
PREDICTIONS = Predictions(np.zeros(1, np.uint8), np.full((1, 7), 1 / 7, np.float32), np.zeros(1, np.int64))


def accuracy(recipe: Recipe, epoch: int) -> float:
    """What validation says after `epoch`: a peak at dropout 0.3 and learning rate 3e-3, better with every epoch."""
    return 0.6 + 0.01 * epoch - abs(recipe.block_dropout - 0.3) - 10 * abs(recipe.learning_rate - 3e-3)


def train_fake(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process, in the place of `fer_exp.execute.entry.train_record`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    record = Record(task.record)
    end_with_parents()
    alone_in(record.path)
    spec = record.spec()
    record.attempt_log(task.attempt).write_text("a line of the log\n")
    for epoch in range(len(record.history()) + 1, spec.epochs + 1):
        with contextlib.suppress(OSError):
            parent.send((epoch, 1, 1))
        time.sleep(EPOCH_SECONDS)
        if spec.recipe.ema == 0.9 or (spec.recipe.ema == 0.8 and task.attempt == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if spec.recipe.label_smoothing == 0.5:
            record.end(Outcome(state=State.FAILED, reason=f"NotFinite: loss became nan in epoch {epoch}"))
            return
        record.checkpoint(epoch).write_bytes(b"weights")
        record.append(_epoch(spec.recipe, epoch))
        if epoch < spec.epochs and parent.poll() and parent.recv() == "stop":
            return
    history = record.history()
    record.write_predictions(PREDICTIONS)
    record.write_scores({"val/accuracy": max(row.val_accuracy for row in history), "val/images": 400})
    record.model.write_bytes(b"model")
    outcome = Outcome(state=State.FINISHED, attempts=task.attempt, best_epoch=best_epoch(history), seconds=1.0)
    record.end(outcome, keep_checkpoints=task.keep_checkpoints)


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
