"""The record of a training: a folder that is the only truth about it. What is not in a record did not happen.

In: what a trial process found. Out: the same, later, on any machine. Files and their order of writing:

    trial.json                  what was asked for; written once, before any training
    attempt-<k>.log             everything the k-th process printed
    checkpoint-<e>.weights.h5   weights and optimizer after epoch e; written before the epoch's line of history
    history.jsonl               one line an epoch, appended
    provenance.json, predictions.npz, scores.json, calibration.json, report.*, figures/, model.keras
    outcome.json                how it ended; written last, so its presence means that everything before it is there
    tracking.json               what MLflow has been told (a note of the tracker, not part of the truth)

So a start after any interruption needs no guess: with an outcome the trial is over, without one it goes on behind the
last line of its history, from that epoch's checkpoint.
"""

import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fer_exp.errors import BadRecord
from fer_exp.files import append_line, drop_torn_line, replacing, sha256_of, whole_lines, write_atomically
from fer_exp.recipe import Recipe
from fer_exp.values import Value, first_line

SCHEMA = 1
DATA = "data.json"  # in a record: what it was trained on, where that is not what its campaign was (`--limit`)
START_MODEL = "start.keras"  # in a record: the model whose weights its training starts from (`--recover`)
# What reading a damaged .npz raises, found by flipping its bits: zipfile's and zlib's errors are neither OSError nor
# ValueError, and NotImplementedError is zipfile's word for a kind of compression that it does not know.
UNREADABLE = (OSError, EOFError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error)


class Kind(StrEnum):
    """What a run is; also MLflow's tag `fer_exp.kind`."""

    CAMPAIGN = "campaign"
    BASELINE = "baseline"
    TRIAL = "trial"
    RETRAIN = "retrain"
    EVALUATION = "evaluation"


class State(StrEnum):
    """How far a trial has come."""

    WAITING = "waiting"  # nothing trained yet
    RUNNING = "running"  # trained in part
    FINISHED = "finished"
    FAILED = "failed"


class TrialSpec(Value):
    """What was asked for: one training, wholly determined."""

    schema_version: int = SCHEMA
    campaign: str
    kind: Kind
    number: int  # 0 is the baseline; trials count from 1; retrains count from 1 in a folder of their own
    seed: int
    recipe: Recipe
    epochs: int  # stop after this many
    horizon: int  # the campaign's full number of epochs, which schedules are laid out for
    data_digest: str
    split_digest: str  # of the development part: which rows train and validate
    protocol: str
    # the hyperparameters as proposed, Keras Tuner's bookkeeping left out
    values: dict[str, bool | int | float | str] = Field(default_factory=dict)
    continues: int | None = None  # trial whose last epoch this one goes on from (Hyperband's promotions)
    start_from: str | None = None  # model whose weights this one starts from (`--recover`), as sha256


def title_of(kind: Kind, number: int, seed: int) -> str:
    """A training as people call it: `baseline`, `trial 3`, `retrain 3 seed 2`."""
    if kind is Kind.RETRAIN:
        return f"retrain {number} seed {seed}"
    return str(kind) if number == 0 else f"{kind} {number}"


class Epoch(Value):
    """One line of history. Numbered from 1."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float  # at the end of the epoch
    seconds: float  # training and validation
    images_per_second: float  # training images over training time alone
    time_ms: int  # milliseconds since 1970 when the epoch ended


class Outcome(Value):
    """How a trial ended."""

    state: State  # FINISHED or FAILED
    reason: str = ""  # why it failed, one line
    attempts: int = 1
    best_epoch: int = 0
    seconds: float = 0.0  # training, over all attempts
    peak_memory_mib: float = 0.0
    same_as: int | None = None  # trial that had already answered the same question
    ended_ms: int = 0
    model_sha256: str | None = None  # of model.keras as it was then; None without one, and in older records


@dataclass(frozen=True)
class Predictions:
    """What a model said about a split."""

    labels: NDArray[np.uint8]  # (n,)
    probabilities: NDArray[np.float32]  # (n, 7)
    rows: NDArray[np.int64]  # (n,) rows of the data source


@dataclass(frozen=True)
class Record:
    """The folder of one training."""

    path: Path

    # -- what was asked for

    @classmethod
    def create(cls, path: Path, spec: TrialSpec) -> "Record":
        """Makes the record of `spec` at `path`, or finds the one that is there already.

        Raises:
            BadRecord: Another training is recorded there.
        """
        record = cls(path)
        if record.exists():
            if record.spec() != spec:
                raise BadRecord(
                    f"{path} holds another training than the one asked for",
                    "Nothing was changed. Choose another campaign name, or move that folder away.",
                )
            return record
        write_atomically(path / "trial.json", spec.to_json(indent=1))
        return record

    def exists(self) -> bool:
        """Whether something was asked for here."""
        return (self.path / "trial.json").exists()

    def spec(self) -> TrialSpec:
        """What was asked for."""
        return TrialSpec.read(self.path / "trial.json")

    # -- epochs

    def history(self) -> list[Epoch]:
        """The epochs trained so far, in order and without gap.

        Raises:
            BadRecord: A line is damaged, or an epoch is missing or there twice.
        """
        epochs = []
        for number, line in enumerate(whole_lines(self.path / "history.jsonl"), start=1):
            try:
                epoch = Epoch.from_json(line)
            except ValueError as error:
                raise BadRecord(
                    f"{self.path / 'history.jsonl'} line {number}: {first_line(error)}",
                    "Nothing was changed. Move the trial's folder away to train it again.",
                ) from error
            if epoch.epoch != number:
                raise BadRecord(
                    f"{self.path / 'history.jsonl'} line {number}: expected epoch {number}, received {epoch.epoch}",
                    "Nothing was changed. Move the trial's folder away to train it again.",
                )
            epochs.append(epoch)
        return epochs

    def checkpoint(self, epoch: int) -> Path:
        """Where the weights and optimizer after `epoch` are."""
        return self.path / f"checkpoint-{epoch:04d}.weights.h5"

    def append(self, epoch: Epoch) -> None:
        """Adds an epoch; its checkpoint must be written already. Checkpoints other than the last and the best go."""
        history = self.history()
        if epoch.epoch != len(history) + 1:
            raise ValueError(f"expected epoch {len(history) + 1}, received {epoch.epoch}")
        drop_torn_line(self.path / "history.jsonl")
        append_line(self.path / "history.jsonl", epoch.to_json())
        keep = {self.checkpoint(epoch.epoch), self.checkpoint(best_epoch([*history, epoch]))}
        self._drop_checkpoints(keep)

    def _drop_checkpoints(self, keep: set[Path]) -> None:
        for path in self.path.glob("checkpoint-*.weights.h5"):
            if path not in keep:
                path.unlink(missing_ok=True)

    # -- end

    def outcome(self) -> Outcome | None:
        """How it ended, or None while it has not."""
        path = self.path / "outcome.json"
        return Outcome.read(path) if path.exists() else None

    def state(self) -> State:
        """How far it has come. RUNNING means trained in part; whether a process is at work only the search knows."""
        outcome = self.outcome()
        if outcome is not None:
            return outcome.state
        return State.RUNNING if whole_lines(self.path / "history.jsonl") else State.WAITING

    def end(self, outcome: Outcome, *, keep_checkpoints: bool = False) -> None:
        """Writes how it ended. The best weights live on in model.keras; promotion needs last and best checkpoint."""
        digest = sha256_of(self.model) if self.model.exists() else None
        stamped = outcome.model_copy(update={"ended_ms": now_ms(), "model_sha256": digest})
        write_atomically(self.path / "outcome.json", stamped.to_json(indent=1))
        needed = set()
        if keep_checkpoints and outcome.state is State.FINISHED:  # history() may be why another one failed
            history = self.history()
            needed = {self.checkpoint(len(history)), self.checkpoint(best_epoch(history))}
        self._drop_checkpoints(needed)

    # -- results

    def scores(self) -> dict[str, float]:
        """Final metrics by MLflow name (`val/accuracy`); empty while there are none.

        Raises:
            BadRecord: The file is damaged.
        """
        return self._metrics("scores.json")

    def test_scores(self) -> dict[str, float]:
        """Final metrics on the test part (`test/accuracy`); empty until `evaluate` opened it."""
        return self._metrics("test/scores.json")

    def _metrics(self, name: str) -> dict[str, float]:
        path = self.path / name
        return dict(Metrics.read(path).values) if path.exists() else {}

    def write_scores(self, values: Mapping[str, float], name: str = "scores.json") -> None:
        """Stores final metrics."""
        write_atomically(self.path / name, Metrics(values=dict(values)).to_json(indent=1))

    def predictions(self, name: str = "predictions.npz") -> Predictions:
        """The stored predictions on validation (or on test: `test/predictions.npz`).

        Raises:
            BadRecord: The file is missing or damaged.
        """
        path = self.path / name
        try:
            # Opened here, because np.load leaves a file open that it cannot read.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return Predictions(stored["labels"], stored["probabilities"], stored["rows"])
        except UNREADABLE as error:
            raise BadRecord(
                f"{path}: expected stored predictions, received {first_line(error)}",
                "Nothing was changed. Move the trial's folder away to train it again.",
            ) from error

    def write_predictions(self, predictions: Predictions, name: str = "predictions.npz") -> None:
        """Stores predictions."""
        with replacing(self.path / name) as temporary:
            np.savez_compressed(
                temporary,
                labels=predictions.labels,
                probabilities=predictions.probabilities,
                rows=predictions.rows,
            )

    @property
    def model(self) -> Path:
        """The trained model with its preprocessing: raw grey faces in, probabilities out. Kept for the best trials."""
        return self.path / "model.keras"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.path / "figures"

    def attempt_log(self, attempt: int) -> Path:
        """Everything that attempt's process printed."""
        return self.path / f"attempt-{attempt}.log"


class Metrics(Value):
    """Metrics by name."""

    values: dict[str, float]


def best_epoch(history: list[Epoch]) -> int:
    """The epoch whose weights are kept: the first with the highest validation accuracy; 0 without epochs."""
    if not history:
        return 0
    return max(history, key=lambda row: (row.val_accuracy, -row.epoch)).epoch


def records_in(folder: Path) -> Iterator[Record]:
    """The records in a campaign's `trials` or `retrains` folder, by name."""
    if folder.exists():
        yield from (Record(path) for path in sorted(folder.iterdir()) if (path / "trial.json").exists())


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
