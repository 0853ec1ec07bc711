"""The best recipe again, with fresh seeds: what a campaign hands over.

In: a campaign's records, the trial to repeat, how many seeds. Out: a record per seed under `retrains/`, the same of the
baseline where the two are to be compared, and which record is to be registered. The seeds are not the one the trial was
picked with: part of what made it the best was luck with that seed.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_exp.campaign import CampaignSpec
from fer_exp.data.reading import Reading
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.execute.dispatch import Next
from fer_exp.leaderboard.ended import EndedCount
from fer_exp.leaderboard.rows import Row, best, leaderboard, whole
from fer_exp.recipe import Recipe
from fer_exp.records import DATA, START_MODEL, Kind, Record, State, TrialSpec, records_in, title_of
from fer_exp.records.digest import check_last_checkpoint, model_is_vouched_for
from fer_exp.system.errors import BadData, BadInput, NotFound
from fer_exp.system.files import replacing, sha256_of, write_atomically
from fer_exp.system.home import Home
from fer_exp.tuning.reuse import give_answer, trained_elsewhere, untouched
from fer_exp.tuning.teacher import take_teacher

NETWORK = ("widths", "convs_per_block", "last_width", "head_widths", "order", "mirror")  # fields that shape the weights


@dataclass(frozen=True)
class Repeat:
    """What to train again."""

    campaign: CampaignSpec
    trial: Record
    seeds: int
    epochs: int
    development: Development
    start: Path | None = None  # model whose weights to start from
    baseline: Record | None = None  # trained with the same seeds, to compare with; None: no comparison


def choose(folder: Path, campaign: CampaignSpec, number: int | None) -> Record:
    """The trial to train again: number `number`, or the best finished one.

    Raises:
        NotFound: There is none, or it has not finished.
        BadInput: It is an average.
    """
    records = list(records_in(folder / "trials"))
    if number is None:
        record = best(records, campaign.settings.objective)
        if record is None:
            raise NotFound(
                f"campaign {campaign.name!r} has no finished trial with a finite {campaign.settings.objective.metric}",
                f"Nothing was changed. Look at `fer-exp status {campaign.name}`, then go on with `fer-exp search`.",
            )
        return trainable(record)
    wanted = [record for record in records if record.path.name == f"{number:04d}" and record.state() is State.FINISHED]
    if not wanted:  # another one that is damaged is no obstacle
        finished = [str(one.spec.number) for one in whole(records)[0] if one.state is State.FINISHED]
        raise NotFound(
            f"campaign {campaign.name!r}: expected a finished trial, received {number}; finished are "
            f"{', '.join(finished) or 'none'}",
            "Nothing was changed. Choose one of them with --trial.",
        )
    return trainable(wanted[0])


def trainable(record: Record) -> Record:
    """The record, which must be of a training.

    Raises:
        BadInput: It is an average of trainings.
    """
    if members := record.spec().members:
        raise BadInput(
            f"{record.path}: expected a training, received the average of {len(members)}",
            f"Nothing was trained. Train its members: {', '.join(one.record for one in members)}",
        )
    return record


def baseline_to_beat(folder: Path, trial: Record, seeds: int, *, recover: bool, wanted: bool | None) -> Record | None:
    """The baseline's record, where the retrained trial is to be compared with it; None where it is not.

    Args:
        folder: The campaign's.
        trial: What is trained again.
        seeds: How many; one a side cannot speak about seeds, so that alone is no reason to train the baseline again.
        recover: Whether the training starts from a champion's weights.
        wanted: What the user said; None leaves it to what makes sense.

    Raises:
        BadInput: It is wanted and makes no sense.
        NotFound: It is wanted, and the baseline has not finished.
    """
    problem = (
        "the baseline is what is trained again"
        if trial.spec().number == 0
        else "--recover starts from a champion's weights, the baseline from nothing"
        if recover
        else None
    )
    if wanted is False or (wanted is None and (problem or seeds < 2)):
        return None
    if problem:
        raise BadInput(f"--against-baseline: {problem}", "Nothing was started. Leave one of the two out.")
    record = next((found for found in records_in(folder / "trials") if found.spec().number == 0), None)
    if record is not None and record.state() is State.FINISHED:
        return record
    if wanted is None:
        return None
    raise NotFound(
        "--against-baseline: the campaign's baseline has not finished",
        "Nothing was started. Go on with `fer-exp search`, or leave the option out.",
    )


def same_data(campaign: CampaignSpec, source: str, cache: Path, *, limit: int | None, reading: Reading) -> Development:
    """The development part of the campaign, prepared from `source`.

    Args:
        campaign: Says which data it was run on.
        source: The data, as the user gave them.
        cache: Prepared data.
        limit: Training images kept; None for the campaign's number, 0 for all.
        reading: As the campaign was run.

    Raises:
        BadData: The source holds other data.
    """
    info = campaign.data
    development = prepare(
        source,
        protocol=info.protocol,
        seed=info.seed,
        limit=info.limit if limit is None else (limit or None),
        cache=cache,
        reading=reading,
        cleaning=info.cleaning,
        fold=info.fold,
    )
    if development.info.data_digest != info.data_digest:
        raise BadData(
            f"{source}: expected the data of campaign {campaign.name!r} (digest {info.data_digest}), "
            f"received others ({development.info.data_digest})",
            f"Nothing was started. Give the data it was run on with --data; it was {info.path}.",
        )
    return development


class RetrainWork:
    """Hands out one record per seed, and behind them the baseline's."""

    def __init__(self, folder: Path, repeat: Repeat) -> None:
        self._repeat = repeat
        self.notes: list[str] = []  # for the user
        self.name = repeat.campaign.name
        self.objective = repeat.campaign.settings.objective.metric
        first = repeat.campaign.settings.seed + 1
        seeds = range(first, first + repeat.seeds)
        self._records = [self._record(folder, repeat.trial, seed) for seed in seeds]
        to_beat = repeat.baseline
        self._baselines = [] if to_beat is None else [self._record(folder, to_beat, seed) for seed in seeds]
        everything = [*self._records, *self._baselines]
        self.planned = len(everything)
        self.planned_epochs = len(everything) * repeat.epochs
        self._queue = [record for record in everything if record.outcome() is None]
        for record in self._queue:
            check_last_checkpoint(record)

    def next(self) -> Record | Next:
        """The next seed."""
        return self._queue.pop(0) if self._queue else Next.DONE

    def ended(self, record: Record) -> None:
        """Nothing to do: the record says it all."""

    def rows(self) -> tuple[Row, ...]:
        """The seeds so far, best first."""
        return tuple(leaderboard([*self._records, *self._baselines], self._repeat.campaign.settings.objective))

    def so_far(self) -> EndedCount:
        """How many of them have ended."""
        return EndedCount.of(self.rows())

    def records(self) -> list[Record]:
        """The records of all seeds."""
        return list(self._records)

    def baselines(self) -> list[Record]:
        """The baseline's records with the same seeds; none where there is to be no comparison."""
        return list(self._baselines)

    def _record(self, folder: Path, again: Record, seed: int) -> Record:
        repeat, trial = self._repeat, again.spec()
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
            start_from=sha256_of(repeat.start) if repeat.start else None,
            teacher=trial.teacher,
        )
        record = Record.create(folder / "retrains" / self._folder_name(spec), spec)
        if spec.split_digest != repeat.campaign.data.split_digest:
            write_atomically(record.path / DATA, info.sealed(indent=1))
        if repeat.start is not None and not (record.path / START_MODEL).exists():
            with replacing(record.path / START_MODEL) as temporary:
                shutil.copyfile(repeat.start, temporary)
        take_teacher(record, again)
        answer = trained_elsewhere(folder.parent, spec) if untouched(record) else None
        if answer is not None:
            give_answer(record, answer, None)
            by = answer.path.relative_to(folder.parent).as_posix()
            self.notes.append(f"{title_of(spec.kind, spec.number, seed)}: trained already as {by}, not trained again.")
        elif record.outcome() is not None:
            self.notes.append(f"{title_of(spec.kind, spec.number, seed)}: ended before, not trained again.")
        return record

    def _folder_name(self, spec: TrialSpec) -> str:
        """Tells retrainings apart that differ in anything: trial, seed, budget, data kept, start."""
        name = f"{spec.number:04d}-seed{spec.seed}-{spec.epochs}e"
        if spec.split_digest != self._repeat.campaign.data.split_digest:
            name += f"-{spec.split_digest[:6]}"
        return name if spec.start_from is None else f"{name}-from-{spec.start_from[:6]}"


def champion_model(home: Home, campaign: CampaignSpec, trial: Record) -> Path:
    """The file of the champion's model, whose network must be the trial's.

    Raises:
        NotFound: The campaign has no champion.
        BadInput: Its network is another one.
        BadRecord: The file is not the model that was recorded.
    """
    from fer_exp.tracking import champion, download_model

    present = champion(home, campaign.name)
    if present is None:
        raise NotFound(
            f"--recover: campaign {campaign.name!r} has no champion to start from",
            f"Nothing was started. Register one first: fer-exp retrain-best {campaign.name}",
        )
    if present.identity != campaign.identity:
        raise NotFound(
            f"--recover: the champion, version {present.version}, is of an earlier campaign called {campaign.name!r}, "
            "which is not recorded here any more",
            "Nothing was started. Register one of this campaign first, without --recover: "
            f"fer-exp retrain-best {campaign.name} --replace-champion",
        )
    record = Record(home.root / present.record)
    refuse_other_network(record.spec().recipe, trial.spec().recipe)
    file = record.model if record.model.exists() else download_model(home, present.run_id, home.cache / "models")
    model_is_vouched_for(record, file)
    return file


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
