"""A record trained again beside itself: what differs from when it was trained, and whether it comes out equal.

In: a finished record and its data. Out: a record of the same question in a campaign of its own, `NAME-reproduction`,
and a Reproduction: equal to the last bit, or by how much not. Nothing is checked out and nothing installed: what
differs is told. The first record is not touched, and reuse is not asked, since it would answer with that very record.
"""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_exp.campaign import AT_REST, CampaignSpec
from fer_exp.campaign.campaign import NAME
from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.execute.devices import device_kind
from fer_exp.execute.dispatch import Next
from fer_exp.execute.local import start_fork_server
from fer_exp.execute.loop import Ending
from fer_exp.leaderboard.ended import EndedCount
from fer_exp.leaderboard.rows import Row, leaderboard
from fer_exp.records import DATA, START_MODEL, Epoch, Record, State, now_ms
from fer_exp.records.digest import check_last_checkpoint
from fer_exp.system.errors import BadData, BadInput, BadRecord, FerExpError, NotFound
from fer_exp.system.files import read_file, sha256_of, write_atomically
from fer_exp.system.lock import lock
from fer_exp.system.provenance import collect, trained_with
from fer_exp.tuning.conditions import Conditions
from fer_exp.tuning.interrupts import interruptible
from fer_exp.tuning.retrain import trainable
from fer_exp.tuning.reuse import link
from fer_exp.tuning.run import FORK_SERVER_LOG, run_loop
from fer_exp.tuning.store_check import refuse_moved_store
from fer_exp.tuning.teacher import take_teacher
from fer_exp.tuning.values import DataChoice, Result
from fer_exp.verdict import Comparison, Group, compare_groups

SUFFIX = "-reproduction"
LONGEST_NAME = 80  # of a campaign
OF_TRAINING = ("fer_exp", "git_commit", "git_dirty", "python", "platform", "processor", "cores")  # and all versions
MEASURED = {
    "seconds": 0.0,
    "images_per_second": 0.0,
    "time_ms": 0,
    "checkpoint_sha256": None,
}  # of an epoch: no results


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was when the record was trained."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Reproduction:
    """A record beside the one that was trained again."""

    recorded: Record
    again: Record
    epochs: int  # of the recorded history
    first_other_epoch: int | None  # from which on the histories differ; None where they are equal
    images: int
    labels_changed: int  # predictions with another most probable class
    largest_gap: float  # of a probability
    comparison: Comparison | None  # of the second with the first, where they are not equal
    uncompared: str  # why there is none although they are not equal

    @property
    def equal(self) -> bool:
        """Whether every number of every epoch and every probability is the same to the last bit."""
        return self.first_other_epoch is None and self.largest_gap == 0.0


def finished_record(record: Record) -> Record:
    """The record, which must have finished.

    Raises:
        NotFound: It has not.
        BadRecord: It cannot be read.
    """
    if not record.exists() or record.state() is not State.FINISHED:
        raise NotFound(
            f"{record.path}: expected a training that finished, found none",
            "Nothing was trained. `fer-exp status CAMPAIGN` shows what has finished.",
        )
    return trainable(record)


def differences(record: Record) -> list[Difference]:
    """What is recorded of code, versions and machine, and is otherwise now; a commit only where both know one."""
    then, now = _provenance(record), {key: str(value) for key, value in collect().items()}
    names = [*OF_TRAINING, *sorted(name for name in {*then, *now} if name.startswith("version."))]
    found = [
        Difference(name.removeprefix("version."), then.get(name, "not installed"), now.get(name, "not installed"))
        for name in names
        if then.get(name) != now.get(name) and (name.startswith("version.") or (name in then and name in now))
    ]
    outcome = record.outcome()
    before, after = "" if outcome is None else outcome.trained_with, trained_with(device_kind())
    if before and before != after:
        found.append(Difference("trained with", before, after))
    return found if then else [Difference("provenance", "not recorded", "known")]


def _provenance(record: Record) -> dict[str, str]:
    try:
        stored = json.loads(read_file(record.path / "provenance.json"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: str(value) for key, value in stored.items()} if isinstance(stored, Mapping) else {}


def name_of(campaign: str) -> str:
    """The campaign that reproductions of `campaign` are kept in."""
    name = f"{campaign[: LONGEST_NAME - len(SUFFIX)]}{SUFFIX}"
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a campaign")
    return name


class ReproductionWork:
    """Hands out the one record, unless it ended before."""

    planned = 1

    def __init__(self, folder: Path, record: Record, campaign: CampaignSpec) -> None:
        self.name = folder.name
        self.objective = campaign.settings.objective.metric
        self.record = record
        self.planned_epochs = record.spec().epochs
        self._campaign = campaign
        self._left = [record] if record.outcome() is None else []
        for one in self._left:
            check_last_checkpoint(one)

    def next(self) -> Record | Next:
        """The record."""
        return self._left.pop() if self._left else Next.DONE

    def ended(self, record: Record) -> None:
        """Nothing to do: the record says it all."""

    def rows(self) -> tuple[Row, ...]:
        """The one row."""
        return tuple(leaderboard([self.record], self._campaign.settings.objective))

    def so_far(self) -> EndedCount:
        """How many of them have ended."""
        return EndedCount.of(self.rows())


def run_reproduction(
    campaign: CampaignSpec, record: Record, data: DataChoice, conditions: Conditions
) -> tuple[Result, Reproduction | None]:
    """Trains `record` of `campaign` again, and compares; None where that was stopped before the end.

    Raises:
        FerExpError: The data are others, or the training failed.
    """
    with interruptible():
        return _run(campaign, record, data, conditions)


def _run(
    campaign: CampaignSpec, record: Record, data: DataChoice, conditions: Conditions
) -> tuple[Result, Reproduction | None]:
    home, watcher = conditions.home, conditions.watcher
    name = name_of(campaign.name)
    folder = home.campaign(name)
    if conditions.tracking:
        refuse_moved_store(home, name)
    watcher.say(f"Reading {data.source}.")
    development = _same_data(record, campaign, data, home.cache)
    with lock(folder, watcher.say) as holding:
        spec = _spec_of(folder, campaign, development.info)
        again = _record_of(folder, spec, record, development.info)
        if again.outcome() is not None:
            watcher.say(
                f"{name}/{_within(again)} ended before, and is not trained again; fer-exp delete {name} clears it."
            )
        watcher.say("Loading Keras.")
        context = start_fork_server(home.cache / FORK_SERVER_LOG, conditions.to_load)
        work = ReproductionWork(folder, again, spec)
        engine = conditions.engine_on(development.folder, context)
        result = run_loop(work, engine, context, conditions, holding, lambda: None, AT_REST)
    if result.ending is Ending.STOPPED:
        return result, None
    outcome = again.outcome()
    if outcome is None or outcome.state is not State.FINISHED:
        why = outcome.reason if outcome else "no reason was recorded"
        raise BadInput(
            f"{name}/{_within(again)}: expected a training that finishes, as the recorded one did; it failed: {why}",
            "The recorded one is unchanged. The log says more; move that folder away to train it again.",
        )
    return result, compare_with(record, again)


def _same_data(record: Record, campaign: CampaignSpec, data: DataChoice, cache: Path) -> Development:
    info = record.data(campaign.data)
    development = prepare(
        data.source,
        protocol=info.protocol,
        seed=info.seed,
        limit=info.limit,
        cache=cache,
        reading=data.reading,
        cleaning=info.cleaning,
    )
    found = development.info
    if (found.data_digest, found.split_digest) != (info.data_digest, info.split_digest):
        raise BadData(
            f"{data.source}: expected the data of {campaign.name} (digest {info.data_digest}, split "
            f"{info.split_digest}), received digest {found.data_digest}, split {found.split_digest}",
            f"Nothing was trained: on other data nothing is reproduced. Give those with --data; they were {info.path}.",
        )
    return development


def _spec_of(folder: Path, campaign: CampaignSpec, info: DataInfo) -> CampaignSpec:
    """The campaign of reproductions: there already, or made."""
    path = folder / "campaign.json"
    if path.exists():
        return CampaignSpec.read(path)
    spec = campaign.model_copy(
        update={
            "name": folder.name,
            "question": f"Do trainings of {campaign.name} come out equal when they are trained again?",
            "data": info,
            "file": "fer-exp reproduce",
            "created_ms": now_ms(),
            "samples": (),
            "identity": secrets.token_hex(8),
        }
    )
    write_atomically(path, spec.sealed(indent=1))
    return spec


def _record_of(folder: Path, spec: CampaignSpec, record: Record, info: DataInfo) -> Record:
    """The same question under another campaign's name; a promoted trial is trained from its first epoch."""
    asked = record.spec().model_copy(update={"campaign": folder.name, "continues": None})
    again = Record.create(folder / _within(record), asked)
    if asked.split_digest != spec.data.split_digest:
        write_atomically(again.path / DATA, info.sealed(indent=1))
    if asked.start_from is not None:
        start = record.path / START_MODEL
        if not start.exists() or sha256_of(start) != asked.start_from:
            shutil.rmtree(again.path)
            raise BadRecord(
                f"{start}: expected the model that the training started from, found another or none",
                "Nothing was trained. Without it the training cannot be repeated; bring the file back from a pack.",
            )
        link(start, again.path / START_MODEL)
    take_teacher(again, record)
    return again


def _within(record: Record) -> str:
    return f"{record.path.parent.name}/{record.path.name}"


def compare_with(recorded: Record, again: Record) -> Reproduction:
    """Whether `again` came out equal to `recorded`, and by how much not.

    Raises:
        BadRecord: One of them cannot be read.
    """
    ours, theirs = recorded.predictions(), again.predictions()
    order, others = np.argsort(ours.rows, kind="stable"), np.argsort(theirs.rows, kind="stable")
    then, now = ours.probabilities[order], theirs.probabilities[others]
    first = _first_other(recorded.history(), again.history())
    gap = float(np.abs(then - now).max())
    changed = int((then.argmax(axis=1) != now.argmax(axis=1)).sum())
    comparison, why = None, ""
    if first is not None or gap > 0:
        try:
            comparison = compare_groups(Group.of([again]), Group.of([recorded]))
        except FerExpError as error:
            why = error.problem
    return Reproduction(recorded, again, len(recorded.history()), first, len(then), changed, gap, comparison, why)


def _first_other(then: list[Epoch], now: list[Epoch]) -> int | None:
    longest = max(len(then), len(now))
    padded = [[*history, *[None] * (longest - len(history))] for history in (then, now)]
    for number, pair in enumerate(zip(*padded, strict=True), start=1):
        one, other = (None if epoch is None else epoch.model_copy(update=MEASURED) for epoch in pair)
        if one != other:
            return number
    return None
