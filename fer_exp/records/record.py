"""The record of a training: a folder that is the only truth about it. What is not in a record did not happen.

In: what a trial process found. Out: the same, later, on any machine. Files and their order of writing:

    trial.json                  what was asked for; written once, before any training
    asked.json                  where in the search's conversation with its oracle it was proposed
    attempt-<k>.log             everything the k-th process printed
    checkpoint-<e>.weights.h5   weights and optimizer after epoch e; written before the epoch's line of history
    history.jsonl               one line an epoch, appended
    provenance.json, predictions.npz, scores.json, calibration.json, report.*, figures/, model.keras
    outcome.json                how it ended; written last, so its presence means that everything before it is there
    tracking.json               what MLflow has been told (a note of the tracker, not part of the truth)

JSON files and lines that are read again are sealed (see `values.py`): what was altered since is refused, never half
believed.

So a start after any interruption needs no guess: with an outcome the trial is over, without one it goes on behind the
last line of its history, from that epoch's checkpoint.
"""

import contextlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fer_exp.data.split.info import DataInfo
from fer_exp.records.predictions import Predictions, read_predictions, store_predictions
from fer_exp.records.values import Epoch, Metrics, Outcome, State, TrialSpec, best_epoch, now_ms
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import append_line, drop_torn_line, is_there, sha256_of, whole_lines, write_atomically
from fer_exp.system.values import first_line

DATA = "data.json"  # in a record: what it was trained on, where that is not what its campaign was (`--limit`)
ASKED = "asked.json"  # in a record: where in the conversation with the oracle it was proposed (tuning/resume.py)
CAMPAIGN_FILE = "campaign.py"  # in a campaign's folder: the file that defines it, as it was when it last started
START_MODEL = "start.keras"  # in a record: the model whose weights its training starts from (`--recover`)

TRAIN_AGAIN = "Nothing was changed. Move the trial's folder away to train it again."


@dataclass(frozen=True)
class Record:
    """The folder of one training."""

    path: Path

    def read(self) -> "RecordContents":
        """All that the record says of its training, each file read once; results on test when they are asked for.

        Raises:
            BadRecord: A file is missing or damaged.
        """
        spec, outcome = self.spec(), self.outcome()
        return RecordContents(
            record=self,
            spec=spec,
            outcome=outcome,
            history=tuple(self._history(outcome)),
            scores=self._scores(outcome),
        )

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
        write_atomically(path / "trial.json", spec.sealed(indent=1))
        return record

    def exists(self) -> bool:
        """Whether something was asked for here. A history without what was asked for is damage, and not nothing."""
        return any(is_there(self.path / name) for name in ("trial.json", "history.jsonl", "outcome.json"))

    def spec(self) -> TrialSpec:
        """What was asked for."""
        return TrialSpec.read(self.path / "trial.json")

    def data(self, campaign: DataInfo) -> DataInfo:
        """What it was trained on: its campaign's data, or what it says itself where that was other (`--limit`).

        Raises:
            BadRecord: The file that says so is damaged.
        """
        path = self.path / DATA
        return DataInfo.read(path) if is_there(path) else campaign

    # -- epochs

    def history(self) -> list[Epoch]:
        """The epochs trained so far, in order and without gap.

        Raises:
            BadRecord: A line is damaged, an epoch is missing or there twice, or there are fewer than at the end.
        """
        return self._history(self.outcome())  # that first: what ends meanwhile must not look as if epochs had been lost

    def _history(self, outcome: Outcome | None) -> list[Epoch]:
        path = self.path / "history.jsonl"
        epochs = []
        for number, line in enumerate(whole_lines(path), start=1):
            try:
                epoch = Epoch.from_json(line)
            except ValueError as error:
                raise BadRecord(f"{path} line {number}: {first_line(error)}", TRAIN_AGAIN) from error
            if epoch.epoch != number:
                raise BadRecord(f"{path} line {number}: expected epoch {number}, received {epoch.epoch}", TRAIN_AGAIN)
            epochs.append(epoch)
        if outcome is not None and outcome.epochs not in (None, len(epochs)):
            raise BadRecord(f"{path}: expected {outcome.epochs} epochs, received {len(epochs)}", TRAIN_AGAIN)
        return epochs

    def checkpoint(self, epoch: int) -> Path:
        """Where the weights and optimizer after `epoch` are."""
        return self.path / f"checkpoint-{epoch:04d}.weights.h5"

    def append(self, epoch: Epoch) -> None:
        """Adds an epoch; its checkpoint must be written already. Checkpoints other than the last and the best go."""
        self.extend([epoch])

    def extend(self, epochs: Sequence[Epoch]) -> None:
        """Adds epochs from a copy of this record; the last's and the best's checkpoint must be written already."""
        history = self.history()
        for number, epoch in enumerate(epochs, start=len(history) + 1):
            if epoch.epoch != number:
                raise ValueError(f"expected epoch {number}, received {epoch.epoch}")
        drop_torn_line(self.path / "history.jsonl")
        append_line(self.path / "history.jsonl", "\n".join(epoch.sealed() for epoch in epochs))
        keep = {self.checkpoint(epochs[-1].epoch), self.checkpoint(best_epoch([*history, *epochs]))}
        self._drop_checkpoints(keep)

    def _drop_checkpoints(self, keep: set[Path]) -> None:
        for path in self.path.glob("checkpoint-*.weights.h5"):
            if path not in keep:
                path.unlink(missing_ok=True)

    # -- end

    def outcome(self) -> Outcome | None:
        """How it ended, or None while it has not."""
        path = self.path / "outcome.json"
        return Outcome.read(path) if is_there(path) else None

    def state(self) -> State:
        """How far it has come. RUNNING means trained in part; whether a process is at work only the search knows."""
        outcome = self.outcome()
        if outcome is not None:
            return outcome.state
        return State.RUNNING if whole_lines(self.path / "history.jsonl") else State.WAITING

    def end(self, outcome: Outcome, *, keep_checkpoints: bool = False) -> None:
        """Writes how it ended. The best weights live on in model.keras; promotion needs last and best checkpoint."""
        digest = sha256_of(self.model) if self.model.exists() else None
        ending = {"ended_ms": now_ms(), "epochs": self._epochs(), "model_sha256": digest}
        write_atomically(self.path / "outcome.json", outcome.model_copy(update=ending).sealed(indent=1))
        needed = set()
        if keep_checkpoints and outcome.state is State.FINISHED:  # history() may be why another one failed
            history = self.history()
            needed = {self.checkpoint(len(history)), self.checkpoint(best_epoch(history))}
        self._drop_checkpoints(needed)

    def _epochs(self) -> int | None:
        try:
            return len(whole_lines(self.path / "history.jsonl"))
        except BadRecord:  # which may be why it failed, and must not keep it from ending
            return None

    # -- results

    def scores(self) -> dict[str, float]:
        """Final metrics by MLflow name (`val/accuracy`); empty while there are none.

        Raises:
            BadRecord: The file is damaged, or has gone although the training finished.
        """
        return self._scores(self.outcome())

    def _scores(self, outcome: Outcome | None) -> dict[str, float]:
        found = self._metrics("scores.json")
        if not found and outcome is not None and outcome.state is State.FINISHED:
            raise BadRecord(f"{self.path / 'scores.json'}: expected final metrics, found none", TRAIN_AGAIN)
        return found

    def test_scores(self) -> dict[str, float]:
        """Final metrics on the test part (`test/accuracy`); empty until `evaluate` opened it."""
        return self._metrics("test/scores.json")

    def external_scores(self) -> dict[str, float]:
        """Final metrics on other face sets (`external/<set>/accuracy`); empty until `evaluate --on` made some."""
        found: dict[str, float] = {}
        for path in sorted(self.path.glob("external/*/scores.json")):
            found |= Metrics.read(path).values
        return found

    def _metrics(self, name: str) -> dict[str, float]:
        path = self.path / name
        return dict(Metrics.read(path).values) if is_there(path) else {}

    def write_scores(self, values: Mapping[str, float], name: str = "scores.json") -> None:
        """Stores final metrics."""
        write_atomically(self.path / name, Metrics(values=dict(values)).sealed(indent=1))

    def predictions(self, name: str = "predictions.npz") -> Predictions:
        """The stored predictions on validation (or on test: `test/predictions.npz`).

        Raises:
            BadRecord: The file is missing or damaged.
        """
        return read_predictions(self.path / name)

    def write_predictions(self, predictions: Predictions, name: str = "predictions.npz") -> None:
        """Stores predictions."""
        store_predictions(self.path / name, predictions)

    @property
    def model(self) -> Path:
        """The trained model with its preprocessing: raw grey faces in, probabilities out."""
        return self.path / "model.keras"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.path / "figures"

    def attempt_log(self, attempt: int) -> Path:
        """Everything that attempt's process printed."""
        return self.path / f"attempt-{attempt}.log"


@dataclass(frozen=True)
class RecordContents:
    """A record as it was when it was read."""

    record: Record
    spec: TrialSpec
    outcome: Outcome | None  # None while it has not ended
    history: tuple[Epoch, ...]
    scores: dict[str, float]  # final metrics on validation; empty while there are none

    @cached_property
    def test_scores(self) -> dict[str, float]:
        """Final metrics on test; empty until `evaluate` opened it. Read when asked for: no leaderboard rests on them.

        Raises:
            BadRecord: The file is damaged.
        """
        return self.record.test_scores()

    @property
    def state(self) -> State:
        """How far it had come."""
        if self.outcome is not None:
            return self.outcome.state
        return State.RUNNING if self.history else State.WAITING

    @property
    def attempts(self) -> int:
        """Processes that had worked on it."""
        return self.outcome.attempts if self.outcome else len(list(self.record.path.glob("attempt-*.log")))


def records_in(folder: Path) -> Iterator[Record]:
    """The records in a campaign's `trials` or `retrains` folder, by number, then by the rest of their names."""
    if folder.is_dir():
        yield from (record for record in map(Record, sorted(folder.iterdir(), key=by_number)) if record.exists())


def by_number(path: Path) -> tuple[int, str]:
    """Sorts folders by the number that their names begin with, so that 10000 comes behind 9999; others come last."""
    number = re.match(r"\d{1,18}", path.name)
    return (int(number[0]) if number else sys.maxsize, path.name)


def seconds_trained(record: Record, history: Sequence[Epoch] | None = None) -> float:
    """Seconds of the epochs that the record itself trained, over all attempts; 0 where a history is damaged.

    Those of the trial that it goes on from are in its history too, and count there.

    Args:
        record: A trial.
        history: The record's, where it was read already.
    """
    with contextlib.suppress(BadRecord):
        epochs = record.history() if history is None else history
        source = record.spec().continues
        before = 0 if source is None else len(Record(record.path.parent / f"{source:04d}").history())
        return sum(row.seconds for row in epochs[before:])
    return 0.0
