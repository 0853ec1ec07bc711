"""Chosen: which model is to be exported, and what is known of it.

In: what a user said. Out: the model's file, its facts, and where its data come from. A file that lies elsewhere is
known again by its digest where this home has the record of it; of any other, the user names the classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_exp.campaign import CampaignSpec
from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.split.info import DataInfo
from fer_exp.leaderboard.rows import best
from fer_exp.records import Record, records_in
from fer_exp.records.digest import model_is_vouched_for
from fer_exp.records.facts import ModelFacts, facts_of
from fer_exp.system.errors import BadInput, BadRecord, NotFound
from fer_exp.system.files import sha256_of
from fer_exp.system.home import Home
from fer_exp.verdict import find_groups

URI = "models:/"
UNCHANGED = "Nothing was written."


@dataclass(frozen=True)
class Chosen:
    """A kept model's file, and what is known of it."""

    file: Path
    facts: ModelFacts | None  # None where no record speaks for it
    data: DataInfo | None = None  # what it was trained on

    @property
    def title(self) -> str:
        """`retrain 3 seed 2 of demo`, or the name of the file."""
        return (
            f"{self.facts.training} of {self.facts.campaign}" if self.facts and self.facts.campaign else str(self.file)
        )


def choose(home: Home, model: str | None, record: str | None) -> Chosen:
    """The model that exactly one of the two names means.

    Args:
        home: Where campaigns are.
        model: `models:/NAME@champion`, `models:/NAME/1`, `models:/m-...`, or a `.keras` file.
        record: CAMPAIGN, CAMPAIGN:baseline or CAMPAIGN/trials/0003.

    Raises:
        BadInput: Both are given or none, or the record is several trainings.
        NotFound: There is no such model.
        BadRecord: The file is not the one that its record ended with.
        TrackingFailed: MLflow did not answer.
    """
    if (model is None) == (record is None):
        raise BadInput(
            f"export: expected one of --model and --record, received {'none' if model is None else 'both'}",
            f"{UNCHANGED} For example: fer-exp export --model models:/demo@champion --format onnx --out demo.onnx",
        )
    if record is not None:
        found = _recorded(home, record)
        return _of_record(home, found, found.model)
    assert model is not None  # for the types: exactly one is given
    return _by_uri(home, model) if model.startswith(URI) else _by_file(home, Path(model).expanduser())


def _recorded(home: Home, name: str) -> Record:
    """The training that a name means: of a campaign its only retrain, else the first of its leaderboard."""
    records = find_groups(home, name)[0].records
    folder = records[0].path.parents[1]
    if name.strip("/") == folder.name and records[0].path.parent.name == "trials":
        spec = CampaignSpec.read(folder / "campaign.json")
        records = (best(records_in(folder / "trials"), spec.settings.objective) or records[0],)
    if len(records) > 1:
        raise BadInput(
            f"--record: expected one training, received {name!r}, which means {len(records)}",
            f"{UNCHANGED} Name one of {', '.join(one.path.relative_to(home.campaigns).as_posix() for one in records)}",
        )
    if not records[0].model.exists():
        raise NotFound(
            f"that training's model is not kept: {records[0].model}",
            f"{UNCHANGED} Give its models:/m-... where MLflow keeps a copy, or use `fer-exp retrain-best --trial`.",
        )
    return records[0]


def _of_record(home: Home, record: Record, file: Path) -> Chosen:
    model_is_vouched_for(record, file)
    spec = CampaignSpec.read(home.recorded_campaign(record.path.parents[1].name) / "campaign.json")
    return Chosen(file, facts_of(record.read(), spec), record.data(spec.data))


def _by_uri(home: Home, uri: str) -> Chosen:
    if not home.recorded() and home.tracking_uri == home.own_tracking_uri:  # asking MLflow would make a store here
        raise NotFound(
            f"export: expected a campaign in {home.campaigns}, found none",
            f"{UNCHANGED} Give --model a .keras file, or set FER_EXP_HOME to the home that holds the model.",
        )
    from fer_exp.tracking import download_model, find_model

    record = Record(home.root / find_model(home, uri).record)
    there = record.exists() and record.model.exists()
    file = record.model if there else download_model(home, uri, home.cache / "models")
    return _of_record(home, record, file) if record.exists() else _by_file(home, file)


def _by_file(home: Home, file: Path) -> Chosen:
    """A file of any place, with its record where this home holds that."""
    if not file.is_file():
        raise NotFound(
            f"--model: expected models:/NAME@champion or a .keras file, found none at {file}",
            f"{UNCHANGED} Check the path; a training is named by --record CAMPAIGN/trials/0003.",
        )
    digest = sha256_of(file)
    for record in _all_records(home):
        try:
            outcome = record.outcome()
        except BadRecord:  # not the one that is sought, or nothing to be read in it
            continue
        if outcome is not None and outcome.model_sha256 == digest:
            return _of_record(home, record, file)
    return Chosen(file, None)


def _all_records(home: Home) -> Iterator[Record]:
    for name in home.recorded():
        for part in ("trials", "retrains"):
            yield from records_in(home.campaign(name) / part)


def named_classes(file: Path, count: int, given: str | None) -> Classes:
    """The classes of a model that no record speaks for, as the user names them.

    Raises:
        BadInput: They are not named, or not as many as the model has.
    """
    if given is None:
        example = ",".join(FER2013.names) if count == len(FER2013) else "happy,sad,neutral"
        raise BadInput(
            f"{file}: expected a model that a record of this home knows, or --classes with its {count} names; "
            "received neither",
            f"{UNCHANGED} A number means no expression: name them in the order of its answer, as --classes {example}",
        )
    try:
        classes = Classes(given.split(","))
        if len(classes) != count:
            raise ValueError(f"expected {count} names, as many as the model tells apart, received {len(classes)}")
    except ValueError as error:
        raise BadInput(
            f"--classes: {error}", f"{UNCHANGED} Names in the order of the answer, joined by commas."
        ) from error
    return classes
