"""Trials that train nothing and leave the record of a real one, and campaigns to put around them.

In: a task. Out: a finished record at once. So that what a search costs besides training can be measured by the
thousand.
"""

import time
from multiprocessing.connection import Connection

import numpy as np

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.execute.task import Task
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Epoch, Outcome, Predictions, Record, State, best_epoch, now_ms

PREDICTIONS = Predictions(np.zeros(1, np.uint8), np.full((1, 7), 1 / 7, np.float32), np.zeros(1, np.int64))
PER_ITERATION = 23  # trials of a hyperband of 9 epochs at factor 3


def space(hp: HyperParameters) -> Recipe:
    """So many points that none comes twice."""
    return baseline_recipe().but(
        block_dropout=hp.Float("block_dropout", 0.0, 0.6, default=0.2),
        learning_rate=hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3),
    )


def fake_campaign(algorithm: Algorithm, trials: int, epochs: int = 1) -> Campaign:
    """A campaign of about `trials` trials, on as few drawn faces as can be split."""
    settings: dict[str, object] = {"algorithm": algorithm, "max_trials": trials, "epochs": epochs, "limit": 70}
    if algorithm is Algorithm.HYPERBAND:
        settings |= {"epochs": 9, "hyperband_iterations": max(round(trials / PER_ITERATION), 1)}
    return Campaign("fake", "What does a search cost?", space, Settings.model_validate(settings), data="demo")


def train_fake(task: Task, _parent: Connection) -> None:
    """Entry of an attempt's process, in the place of `fer_exp.execute.entry.train_record`."""
    record = Record(task.record)
    record.attempt_log(task.attempt).write_text("a line\n")
    finish(record, keep_checkpoints=task.keep_checkpoints)


def finish(record: Record, *, keep_checkpoints: bool = False) -> None:
    """Writes everything that a training leaves, in its order."""
    spec = record.spec()
    for epoch in range(len(record.history()) + 1, spec.epochs + 1):
        record.checkpoint(epoch).write_bytes(b"weights")
        record.append(_epoch(spec.recipe, epoch))
    history = record.history()
    record.write_predictions(PREDICTIONS)
    record.write_scores({"val/accuracy": history[-1].val_accuracy, "val/images": 400})
    record.model.write_bytes(b"model")
    outcome = Outcome(state=State.FINISHED, attempts=1, best_epoch=best_epoch(history), seconds=1.0)
    record.end(outcome, keep_checkpoints=keep_checkpoints)


def _epoch(recipe: Recipe, epoch: int) -> Epoch:
    accuracy = 0.6 + 0.01 * epoch - abs(recipe.block_dropout - 0.3) - 10 * abs(recipe.learning_rate - 3e-3)
    return Epoch(
        epoch=epoch,
        train_loss=1 / epoch,
        train_accuracy=accuracy,
        val_loss=1 / epoch,
        val_accuracy=accuracy,
        learning_rate=recipe.learning_rate,
        seconds=0.01,
        images_per_second=1000,
        time_ms=now_ms(),
    )


def say_hello(line: Connection) -> None:
    """Entry of a process that only says when it runs, on the machine's monotonic clock."""
    line.send(time.monotonic())
