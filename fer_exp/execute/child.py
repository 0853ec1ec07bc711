"""One attempt, in a process of its own: train, evaluate on validation, write the record to its end.

In: a task and a connection to the parent. Out: the record; over the connection only progress, which may be lost.
However the process ends, the record says the truth: an outcome if it came to an end, none if it was cut off.
"""

import contextlib
import json
import os
import resource
import signal
import time
import traceback
from multiprocessing.connection import Connection

import keras
import numpy as np

from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.prepare import Development, Split
from fer_exp.execute.parent_watch import alone_in, end_with_parents
from fer_exp.execute.task import Task, report
from fer_exp.metrics.calibration import Calibration, calibration_at, fit_temperature
from fer_exp.metrics.scores import Probabilities
from fer_exp.metrics.temperature import tempered
from fer_exp.model import predict, with_preprocessing, with_temperature
from fer_exp.recipe import Recipe
from fer_exp.records import Outcome, Predictions, Record, State, best_epoch, seconds_trained
from fer_exp.results import write_results
from fer_exp.system import provenance
from fer_exp.system.errors import ExitCode
from fer_exp.system.files import is_full, replacing, write_atomically
from fer_exp.system.values import first_line
from fer_exp.training.refusals import ImpossibleRecipe, NotFinite
from fer_exp.training.train import Listener, Progress, Trained, train

STOP = "stop"  # what the parent sends to ask for an end after the epoch
REPORT_EVERY = 0.2  # seconds between progress messages


def run(task: Task, parent: Connection) -> None:
    """Entry of the process. Where anything but its recipe fails, the record stays open and the parent hears why."""
    record = Record(task.record)
    try:
        _settle_in(task, record)
        _attempt(task, record, parent)
    except Exception as error:
        report(error, parent)
        if not is_full(error):
            raise
        with contextlib.suppress(OSError):  # the log may lie on the same disk
            traceback.print_exc()
        os._exit(ExitCode.NO_SPACE)  # an ordinary exit would flush the log, fail at that and lose the code


def _attempt(task: Task, record: Record, parent: Connection) -> None:
    """Trains and finishes. Only a loss that is not finite or an impossible network ends the record as failed."""
    try:
        trained = train(record, Development.open(task.development), _Line(parent))
    except (NotFinite, ImpossibleRecipe) as error:
        traceback.print_exc()
        _fail(task, record, error)
        return
    if trained.complete:
        _finish(task, record, trained)


def _settle_in(task: Task, record: Record) -> None:
    """Prints into the record, dies with the parent, leaves signals to the parent, takes its share of the machine."""
    log = os.open(record.attempt_log(task.attempt), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):  # the parent hears these and asks over the line
        signal.signal(number, signal.SIG_IGN)
    end_with_parents()
    alone_in(record.path)
    if task.threads:
        for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = str(task.threads)
    os.environ |= task.environment


class _Line(Listener):
    """Tells the parent about progress, now and then, and hears whether it wants an end."""

    def __init__(self, parent: Connection) -> None:
        self._parent = parent
        self._last = 0.0

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= REPORT_EVERY or progress.step in (0, progress.steps):
            self._last = now
            with contextlib.suppress(OSError):  # a parent that has gone ends this process by other means
                # Plain numbers: to unpickle a Progress the parent would have to load Keras.
                self._parent.send((progress.epoch, progress.step, progress.steps))

    def should_stop(self) -> bool:
        with contextlib.suppress(OSError, EOFError):
            while self._parent.poll():
                if self._parent.recv() == STOP:
                    return True
        return False


def _finish(task: Task, record: Record, trained: Trained) -> None:
    """Everything that follows the last epoch; the outcome comes last."""
    spec = record.spec()
    development = Development.open(task.development)
    split = development.validation(clahe=False)
    model, probabilities, calibration = _kept(trained, spec.recipe, split, development.info)
    classes = development.info.classes
    predictions = Predictions(np.asarray(split.labels), probabilities, np.asarray(split.rows), classes, split.groups)
    write_results(record, predictions, split.images, "val", calibration)
    facts = {
        **provenance.collect(),
        **provenance.device(),
        "seed": spec.seed,
        "attempt": task.attempt,
        "parameters": trained.model.count_params(),
        "train_counts_after": list(trained.train_counts_after),
    }
    write_atomically(record.path / "provenance.json", json.dumps(facts, indent=1))
    with replacing(record.model) as temporary:
        model.save(temporary)
    history = record.history()
    outcome = Outcome(
        state=State.FINISHED,
        attempts=task.attempt,
        best_epoch=best_epoch(history),
        seconds=seconds_trained(record),
        peak_memory_mib=_peak_memory_mib(),
        trained_with=provenance.trained_with(provenance.device_in_use()),
    )
    record.end(outcome, keep_checkpoints=task.keep_checkpoints)


def _kept(
    trained: Trained, recipe: Recipe, split: Split, info: DataInfo
) -> tuple[keras.Model, Probabilities, Calibration]:
    """The model to keep, what it says of validation, and its calibration; validation is predicted once."""
    model = with_preprocessing(trained.model, recipe, info.form)
    said = predict(model, split.images)
    temperature = fit_temperature(split.labels, said)
    calibration = calibration_at(split.labels, said, temperature, applied=recipe.calibrate, classes=info.classes)
    if not recipe.calibrate:
        return model, said, calibration
    return with_temperature(model, temperature), tempered(said, temperature), calibration


def _fail(task: Task, record: Record, error: Exception) -> None:
    outcome = Outcome(
        state=State.FAILED,
        reason=f"{type(error).__name__}: {first_line(error)}",
        attempts=task.attempt,
        seconds=seconds_trained(record),
        peak_memory_mib=_peak_memory_mib(),
    )
    record.end(outcome)


def _peak_memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
