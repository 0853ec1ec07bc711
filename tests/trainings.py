"""Small real trainings for the tests of training: tiny networks on a few drawn faces.

In: a folder and a recipe. Out: records trained by `fer_exp.training`, and what two trainings must share to be the same.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.model import predict
from fer_exp.records import Epoch, Record
from fer_exp.training.train import Listener, Progress, Trained, train
from tests.asked_records import TINY as TINY  # what a training is asked for by
from tests.asked_records import new_record as new_record


@dataclass(frozen=True)
class Training:
    """A training that has come to its end."""

    record: Record
    trained: Trained
    probabilities: NDArray[np.float32]  # of the final model on validation
    told: list[Progress]  # by the last piece


class Stopping(Listener):
    """Keeps what it is told, and asks to stop after the epochs given."""

    def __init__(self, *epochs: int) -> None:
        self.told: list[Progress] = []
        self._epochs = epochs

    def progress(self, progress: Progress) -> None:
        self.told.append(progress)

    def should_stop(self) -> bool:
        return self.told[-1].epoch in self._epochs


def demo_development(cache: Path, limit: int = 140) -> Development:
    """Drawn faces: `limit` for training, 400 for validation."""
    return prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=limit, cache=cache)


def train_through(record: Record, development: Development) -> Training:
    """Trains from where the record stands to the end."""
    return _train(record, development, Stopping())


def train_in_pieces(record: Record, development: Development, cuts: Sequence[int]) -> Training:
    """Trains with a cut after each of the epochs given, every piece with a new record object and a new model.

    What the first cut left lies in a folder beside the record afterwards. The last piece is asked to stop too, in the
    last epoch, where there is nothing left to stop.
    """
    asked = (*cuts, record.spec().epochs)
    training = _train(record, development, Stopping(*asked))
    shutil.copytree(record.path, first_cut(record))
    for cut in cuts:
        assert not training.trained.complete
        assert [row.epoch for row in record.history()] == list(range(1, cut + 1))
        training = _train(Record(record.path), development, Stopping(*asked))
    assert training.trained.complete
    return training


def first_cut(record: Record) -> Path:
    """Where `train_in_pieces` keeps what its first cut left."""
    return record.path.with_name(f"{record.path.name}-first-cut")


def _train(record: Record, development: Development, listener: Stopping) -> Training:
    trained = train(record, development, listener)
    validation = development.validation(record.spec().recipe.clahe)
    return Training(record, trained, predict(trained.model, validation.images), listener.told)


def without_times(history: list[Epoch]) -> list[Epoch]:
    """The history without what a clock measured, nor the checkpoint's digest: Keras numbers optimizers in a process."""
    passing = {"seconds": 0.0, "images_per_second": 0.0, "time_ms": 0, "checkpoint_sha256": None}
    return [row.model_copy(update=passing) for row in history]


def same(a: Training, b: Training) -> bool:
    """Whether two trainings found the same: history and final predictions, bit for bit."""
    same_history = without_times(a.record.history()) == without_times(b.record.history())
    return same_history and np.array_equal(a.probabilities, b.probabilities)
