"""Nothing is trained twice: a finished training that had the same question gives its results to the record that asks.

In: a record without results, and the one that answers it. Out: the first, finished, with the files of the second as
hard links (records never change a file in place).
A training is determined by its recipe, seed, budget and data, and by the code, the libraries and the kind of device
that train it (`Outcome.trained_with`), so what it would find is known once it was found. Records of versions that did
not write down the latter answer for nobody. Decision 0016 has the reasons.
"""

import functools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from fer_exp.execute.devices import device_kind
from fer_exp.records import ASKED, DATA, START_MODEL, Record, State, TrialSpec, records_in
from fer_exp.system.errors import BadRecord
from fer_exp.system.provenance import TRAINING_VERSION, trained_with

# Not shared by a record that answers another.
OWN_FILES = ("trial.json", "outcome.json", "tracking.json", "deaths.jsonl", ASKED, DATA, START_MODEL)


def question(spec: TrialSpec) -> str:
    """What a training depends on within a campaign, as text; data and protocol are the campaign's."""
    return f"{spec.recipe.to_json()} {spec.seed} {spec.epochs} {spec.horizon}"


def untouched(record: Record) -> bool:
    """Whether no process has worked on it yet; what it holds then may be half of a copy, and is made again."""
    return record.outcome() is None and not any(record.path.glob("attempt-*.log"))


def is_loss(record: Record) -> bool:
    """Whether deleting it would lose a training; not where no process has worked on it, or an earlier trial answers."""
    outcome = record.outcome()
    return not untouched(record) and (outcome is None or outcome.same_as is None)


def forget(record: Record) -> None:
    """Deletes a record that is no loss; cut short, it leaves one that is none either, or no record.

    The outcome goes first, since it says that everything is there, and the question last.
    """
    (record.path / "outcome.json").unlink(missing_ok=True)
    for path in record.path.rglob("*"):
        if not path.is_dir() and path.name != "trial.json":
            path.unlink()
    shutil.rmtree(record.path)


_kind: ContextVar[str | None] = ContextVar("kind of device", default=None)


@contextmanager
def training_on(kind: str | None) -> Iterator[None]:
    """Says, while the block runs, on what kind of device trainings run: a cluster's is not this machine's.

    Args:
        kind: "cpu" or "gpu"; None for what this machine has.
    """
    before = _kind.set(kind)
    try:
        yield
    finally:
        _kind.reset(before)


def training_now() -> str:
    """What a training that starts now would be trained with, as far as can be told without starting a device."""
    return _training_on(_kind.get())


@functools.cache
def _training_on(kind: str | None) -> str:
    return trained_with(device_kind() if kind is None else kind)


def answers_now(record: Record) -> bool:
    """Whether the record finished, and was trained with what a training that starts now would be."""
    outcome = record.outcome()
    if outcome is None or outcome.state is not State.FINISHED:
        return False
    now = training_now()
    before = now.replace(f"training {TRAINING_VERSION},", "training 1,", 1)
    return outcome.trained_with == now or (outcome.trained_with == before and not record.spec().recipe.ema)


def trained_elsewhere(campaigns: Path, spec: TrialSpec) -> Record | None:
    """A finished record of any campaign that answers `spec`, with its model; None where there is none."""
    return next((record for record in _all_records(campaigns) if _answers(record, spec)), None)


def give_answer(record: Record, answer: Record, same_as: int | None) -> None:
    """Gives `record` the results of `answer`, which had the same question; the outcome, written last, says so.

    Args:
        record: Untouched so far.
        answer: Finished.
        same_as: Number of the trial that answers; None where it is of another campaign.
    """
    ended = answer.outcome()
    if ended is None:
        raise ValueError(f"{answer.path} has not ended")
    for source in answer.path.rglob("*"):
        within = source.relative_to(answer.path)
        own = source.name in OWN_FILES or source.name.startswith("attempt-")
        if source.is_file() and not own and within.parts[0] != "test":  # the ledger knows who opened the test part
            link(source, record.path / within)
    by = ended.answered_by or answer.path.relative_to(answer.path.parents[2]).as_posix()
    given = {"same_as": same_as, "answered_by": by, "seconds": 0.0, "peak_memory_mib": 0.0}  # nothing was trained here
    record.end(ended.model_copy(update=given), keep_checkpoints=True)


def link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system has none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _all_records(campaigns: Path) -> Iterator[Record]:
    for file in sorted(campaigns.glob("*/campaign.json")):
        yield from records_in(file.parent / "trials")
        yield from records_in(file.parent / "retrains")


def _answers(record: Record, spec: TrialSpec) -> bool:
    try:
        return _terms(record.spec()) == _terms(spec) and answers_now(record) and record.model.exists()
    except BadRecord:  # what another campaign has lost is not this one's matter
        return False


def _terms(spec: TrialSpec) -> tuple[object, ...]:
    data = (spec.data_digest, spec.split_digest, spec.protocol)
    return question(spec), *data, spec.start_from, spec.continues, spec.teacher
