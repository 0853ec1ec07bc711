"""Ensemble: finished trainings averaged into one model, which is a campaign's only record.

In: records by name. Out: a campaign whose trial 1 is their average: predictions, scores and model as any training's, so
that every command takes it like one. Nothing is trained. Averaging is plain: the mean of probabilities, each member
at the temperature that validation asked for, no weights to be fitted.
"""

import json
import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.campaign import NAME, CampaignSpec
from fer_exp.data.split.prepare import Split
from fer_exp.metrics.calibration import calibration_at, fit_temperature
from fer_exp.metrics.temperature import tempered
from fer_exp.model import load_model, predict
from fer_exp.model.ensemble import averaged
from fer_exp.records import Kind, Outcome, Predictions, Record, State, TrialSpec, now_ms
from fer_exp.records.digest import model_is_vouched_for
from fer_exp.records.values import Member
from fer_exp.results import calibration_of, write_results
from fer_exp.system import provenance
from fer_exp.system.errors import BadInput, BadRecord, NotFound
from fer_exp.system.files import replacing, sha256_of, write_atomically
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from fer_exp.tuning.retrain import same_data
from fer_exp.tuning.values import DataChoice
from fer_exp.verdict import Comparison, Group, compare_groups, find_groups

LEAST, MOST = 2, 10  # members; a kept model may hold 500 layers, and one of the reference's network has 25
SUFFIX = "-ensemble"
UNCHANGED = "Nothing was written."
APART = 1e-3  # of a probability: how far a member's model may be from its stored predictions, on another machine
FIRST = "trials/0001"


@dataclass(frozen=True)
class Ensemble:
    """An average that is recorded."""

    campaign: CampaignSpec
    record: Record
    members: tuple[Record, ...]
    comparison: Comparison  # of the average with its best member
    is_new: bool  # False where it was recorded before


def members_of(home: Home, names: Sequence[str]) -> tuple[Record, ...]:
    """The records that `names` mean, each model once; a campaign with retrains means all of their seeds.

    Raises:
        BadInput: They are too few or too many, of other data or splits, or averages themselves.
        NotFound: One is not there, or its model is not kept.
        BadRecord: A model is not the one that its record ended with.
    """
    found: dict[str, Record] = {}
    for name in names:
        for record in find_groups(home, name)[0].records:
            if not record.model.exists():
                raise NotFound(
                    f"{_within(record)}: expected its model, found none at {record.model}",
                    f"{UNCHANGED} Train it again with `fer-exp retrain-best`, or leave it out.",
                )
            model_is_vouched_for(record, record.model)
            found.setdefault(sha256_of(record.model), record)
    records = tuple(found.values())
    if not LEAST <= len(records) <= MOST:
        raise BadInput(
            f"ensemble: expected {LEAST} to {MOST} models that differ, received {len(records)}",
            f"{UNCHANGED} Name trainings such as demo/retrains/0003-seed2-2e, or a campaign for all its seeds.",
        )
    _refuse_mixed(records)
    return records


def _refuse_mixed(records: Sequence[Record]) -> None:
    specs = [record.spec() for record in records]
    for record, spec in zip(records, specs, strict=True):
        if spec.members:
            raise BadInput(
                f"ensemble: expected trainings, received {_within(record)}, which is an average itself",
                f"{UNCHANGED} Name its members.",
            )
        if (spec.data_digest, spec.split_digest) != (specs[0].data_digest, specs[0].split_digest):
            raise BadInput(
                f"ensemble: expected trainings on one split of the same data, received others for {_within(record)}",
                f"{UNCHANGED} A face that one member trained on may be another's validation or test face.",
            )


def ensemble(
    home: Home, names: Sequence[str], name: str | None, data: Callable[[CampaignSpec], DataChoice]
) -> Ensemble:
    """Averages the models that `names` mean, and records the average as the campaign `name`.

    Given again, it finds what it recorded; cut short, it is done again.

    Args:
        home: Where campaigns are.
        names: Of records or campaigns.
        name: Of the new campaign; None for that of the first member with `-ensemble` behind it.
        data: Where the data of a campaign are.

    Raises:
        BadInput: As `members_of`, or the name is no name of a campaign or taken.
        BadData: The data are not those of the members.
        BadRecord: A member's file is damaged, or its model answers otherwise than recorded.
        Busy: Somebody drives the campaign of that name.
    """
    members = members_of(home, names)
    first = CampaignSpec.read(members[0].path.parents[1] / "campaign.json")
    name = _name(first.name, name)
    folder = home.campaign(name)
    asked = _asked(name, members)
    _refuse_taken(folder, asked)
    choice = data(first)
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder):
        spec = _campaign(folder, name, first, members)
        record = Record.create(folder / FIRST, asked)
        is_new = record.outcome() is None
        if is_new:
            limit = members[0].data(first.data).limit or 0
            development = same_data(first, choice.source, home.cache, limit=limit, reading=choice.reading)
            _average(record, members, development.validation(clahe=False), spec)
    best = max(members, key=lambda one: _value(one, spec))
    return Ensemble(spec, record, members, compare_groups(Group.of([record]), Group.of([best])), is_new)


def _name(first: str, name: str | None) -> str:
    found = f"{first}{SUFFIX}" if name is None else name
    if not NAME.fullmatch(found):
        raise BadInput(
            f"--name: expected up to 80 of a-z, A-Z, 0-9, '-' and '_', beginning with a letter or digit, received "
            f"{found[:100]!r}",
            f"{UNCHANGED} Give another --name.",
        )
    return found


def _asked(name: str, members: Sequence[Record]) -> TrialSpec:
    like = members[0].spec()
    return TrialSpec(
        campaign=name,
        kind=Kind.TRIAL,
        number=1,
        seed=like.seed,
        recipe=like.recipe.but(calibrate=False),
        epochs=0,  # nothing is trained, so it answers no question for a training
        horizon=0,
        data_digest=like.data_digest,
        split_digest=like.split_digest,
        protocol=like.protocol,
        members=tuple(_member(record) for record in members),
    )


def _member(record: Record) -> Member:
    known = calibration_of(record)
    temperature = 1.0 if known is None or known.applied else known.temperature
    return Member(record=_within(record), model_sha256=sha256_of(record.model), temperature=temperature)


def _refuse_taken(folder: Path, asked: TrialSpec) -> None:
    record = Record(folder / FIRST)
    if not (folder / "campaign.json").exists() or (record.exists() and record.spec() == asked):
        return
    raise BadInput(
        f"--name: expected a name that no campaign has, or the same average again, received {folder.name!r}",
        f"{UNCHANGED} Give another --name.",
    )


def _campaign(folder: Path, name: str, first: CampaignSpec, members: Sequence[Record]) -> CampaignSpec:
    """What the folder says of itself, where an earlier start wrote it; else what this one writes."""
    file = folder / "campaign.json"
    if file.exists():
        return CampaignSpec.read(file)
    spec = first.model_copy(
        update={
            "name": name,
            "question": f"What does the average of {', '.join(map(_within, members))} reach?",
            "settings": first.settings.model_copy(update={"max_trials": 1, "keep_models": None}),
            "data": members[0].data(first.data),
            "fingerprint": "",
            "space": [],
            "samples": (),
            "file": "",
            "created_ms": now_ms(),
            "identity": secrets.token_hex(4),
        }
    )
    write_atomically(file, spec.sealed(indent=1))
    return spec


def _average(record: Record, members: Sequence[Record], part: Split, spec: CampaignSpec) -> None:
    """Writes the average's model, predictions and scores; the outcome last."""
    info, asked = spec.data, record.spec()
    models = [(load_model(member.model, info.form), one.temperature) for member, one in _pairs(members, asked)]
    with replacing(record.model) as temporary:
        averaged(models, info.form).save(temporary)
    model = load_model(record.model, info.form)  # what is kept is what is asked
    said = predict(model, np.asarray(part.images))
    _refuse_other_answers(members, asked, part, said)
    labels = np.asarray(part.labels)
    predictions = Predictions(labels, said, np.asarray(part.rows), info.classes, part.groups)
    fitted = calibration_at(labels, said, fit_temperature(labels, said), applied=False, classes=info.classes)
    write_results(record, predictions, part.images, "val", fitted)
    facts = {**provenance.collect(), **provenance.device(), "seed": asked.seed, "parameters": _weights(model)}
    write_atomically(record.path / "provenance.json", json.dumps(facts, indent=1))
    record.end(Outcome(state=State.FINISHED))


def _weights(model: keras.Model) -> int:
    return int(model.count_params())


def _pairs(members: Sequence[Record], asked: TrialSpec) -> list[tuple[Record, Member]]:
    return list(zip(members, asked.members, strict=True))


def _refuse_other_answers(members: Sequence[Record], asked: TrialSpec, part: Split, said: NDArray[np.float32]) -> None:
    """Raises BadRecord where the model does not say the mean of what its members are recorded to have said."""
    recorded = []
    for member, one in _pairs(members, asked):
        known = member.predictions()
        if not np.array_equal(known.rows, part.rows):
            raise BadRecord(f"{member.path}: expected predictions of the validation images, received others", UNCHANGED)
        recorded.append(
            known.probabilities if one.temperature == 1.0 else tempered(known.probabilities, one.temperature)
        )
    gap = float(np.abs(np.mean(recorded, axis=0) - said).max())
    if not gap <= APART:
        raise BadRecord(
            f"ensemble: expected the mean of what its members said of validation, to {APART:g}, received {gap:.2g}",
            "The average does not count as recorded. `fer-exp doctor` looks at the members' records.",
        )


def _value(record: Record, spec: CampaignSpec) -> float:
    """The objective, upwards better; what has none is last."""
    objective = spec.settings.objective
    value = record.scores().get(objective.metric, math.nan)
    return -math.inf if math.isnan(value) else value if objective.direction == "max" else -value


def _within(record: Record) -> str:
    return record.path.relative_to(record.path.parents[2]).as_posix()
