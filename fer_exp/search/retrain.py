"""The best recipe again, with fresh seeds: what a campaign hands over.

In: a campaign's records, the trial to repeat, how many seeds. Out: a record per seed under `retrains/`, and which of
them is to be registered. The seeds are not the one the trial was picked with: part of what made it the best was luck
with that seed.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_exp.campaign import CampaignSpec
from fer_exp.data.prepare import Development
from fer_exp.decide import Row, best, leaderboard
from fer_exp.errors import BadInput, NotFound
from fer_exp.execute.loop import Next
from fer_exp.files import replacing, write_atomically
from fer_exp.recipe import Recipe
from fer_exp.records import DATA, START_MODEL, Kind, Record, State, TrialSpec, records_in

NETWORK = ("widths", "convs_per_block", "last_width", "head_widths", "order")  # fields that shape the weights


@dataclass(frozen=True)
class Repeat:
    """What to train again."""

    campaign: CampaignSpec
    trial: Record
    seeds: int
    epochs: int
    development: Development
    start: Path | None = None  # model whose weights to start from


def choose(folder: Path, campaign: CampaignSpec, number: int | None) -> Record:
    """The trial to train again: number `number`, or the best finished one.

    Raises:
        NotFound: There is none, or it has not finished.
    """
    records = list(records_in(folder / "trials"))
    if number is None:
        record = best(records, campaign.settings.objective)
        if record is None:
            raise NotFound(
                f"campaign {campaign.name!r} has no finished trial with a finite {campaign.settings.objective.metric}",
                f"Nothing was changed. Look at `fer-exp status {campaign.name}`, then go on with `fer-exp search`.",
            )
        return record
    wanted = [record for record in records if record.spec().number == number and record.state() is State.FINISHED]
    if not wanted:
        finished = [str(record.spec().number) for record in records if record.state() is State.FINISHED]
        raise NotFound(
            f"campaign {campaign.name!r}: expected a finished trial, received {number}; finished are "
            f"{', '.join(finished) or 'none'}",
            "Nothing was changed. Choose one of them with --trial.",
        )
    return wanted[0]


class RetrainWork:
    """Hands out one record per seed."""

    def __init__(self, folder: Path, repeat: Repeat) -> None:
        self._repeat = repeat
        self.name = repeat.campaign.name
        self.objective = repeat.campaign.settings.objective.metric
        self.planned = repeat.seeds
        self.planned_epochs = repeat.seeds * repeat.epochs
        first = repeat.campaign.settings.seed + 1
        self._records = [self._record(folder, seed) for seed in range(first, first + repeat.seeds)]
        self._queue = [record for record in self._records if record.outcome() is None]

    def next(self) -> Record | Next:
        """The next seed."""
        return self._queue.pop(0) if self._queue else Next.DONE

    def ended(self, record: Record) -> None:
        """Nothing to do: the record says it all."""

    def rows(self) -> tuple[Row, ...]:
        """The seeds so far, best first."""
        return tuple(leaderboard(self._records, self._repeat.campaign.settings.objective))

    def records(self) -> list[Record]:
        """The records of all seeds."""
        return list(self._records)

    def _record(self, folder: Path, seed: int) -> Record:
        repeat, trial = self._repeat, self._repeat.trial.spec()
        info = repeat.development.info
        spec = TrialSpec(
            campaign=repeat.campaign.name,
            kind=Kind.RETRAIN,
            number=trial.number,
            seed=seed,
            recipe=trial.recipe,
            epochs=repeat.epochs,
            horizon=repeat.epochs,
            data_digest=info.data_digest,
            split_digest=info.split_digest,
            protocol=info.protocol,
            values=trial.values,
            start_from=_sha256(repeat.start) if repeat.start else None,
        )
        record = Record.create(folder / "retrains" / self._folder_name(spec), spec)
        if spec.split_digest != repeat.campaign.data.split_digest:
            write_atomically(record.path / DATA, info.to_json(indent=1))
        if repeat.start is not None and not (record.path / START_MODEL).exists():
            with replacing(record.path / START_MODEL) as temporary:
                shutil.copyfile(repeat.start, temporary)
        return record

    def _folder_name(self, spec: TrialSpec) -> str:
        """Tells retrainings apart that differ in anything: trial, seed, budget, data kept, start."""
        name = f"{spec.number:04d}-seed{spec.seed}-{spec.epochs}e"
        if spec.split_digest != self._repeat.campaign.data.split_digest:
            name += f"-{spec.split_digest[:6]}"
        return name if spec.start_from is None else f"{name}-from-{spec.start_from[:6]}"


def refuse_other_network(start: Recipe, recipe: Recipe) -> None:
    """Weights fit only the network they were trained in.

    Raises:
        BadInput: The networks differ.
    """
    differences = [
        f"{name}: {getattr(start, name)} -> {getattr(recipe, name)}"
        for name in NETWORK
        if getattr(start, name) != getattr(recipe, name)
    ]
    if differences:
        raise BadInput(
            f"--recover: expected the champion's network, but the trial's differs in {'; '.join(differences)}",
            "Nothing was started. Leave --recover out, or choose a trial of the same network with --trial.",
        )


def to_register(records: Sequence[Record], campaign: CampaignSpec) -> Record:
    """The seed with the best objective on validation.

    Raises:
        NotFound: No seed finished.
    """
    record = best(records, campaign.settings.objective)
    if record is None:
        raise NotFound(
            f"no retraining of campaign {campaign.name!r} finished",
            "Nothing was registered. The logs are in its `retrains` folder; what is moved away is trained again.",
        )
    return record


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
