"""Which kept model a user means: by run, by model or by record, for every command that takes one.

In: one of the three names, and the words of whoever asks. Out: the model's file, the record that speaks for it, and the
run that shows it. A `.keras` file that lies anywhere is known again by its digest where this home has its record.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.system.errors import BadInput, BadRecord, NotFound
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.campaign import CampaignSpec
    from fer_exp.data.split.info import DataInfo
    from fer_exp.records import Record

ENDING = ".keras"
URI = "models:/"


@dataclass(frozen=True)
class Asker:
    """The command that asks, as its errors speak."""

    command: str
    unchanged: str  # "Nothing was written."
    example: str  # a command that would do
    takes: tuple[str, ...] = ("--model", "--record")


@dataclass(frozen=True)
class Chosen:
    """A kept model's file."""

    file: Path
    title: str  # as outputs name it: `trial 3 of demo`
    run_id: str | None = None  # None where MLflow was not asked for a run


@dataclass(frozen=True, kw_only=True)
class Recorded(Chosen):
    """A kept model's file for which a record of this home speaks."""

    record: "Record"

    @property
    def kept(self) -> bool:
        """Whether the model's file is here."""
        return self.file.exists()

    def campaign(self) -> "CampaignSpec":
        """What the record's campaign asks.

        Raises:
            BadRecord: The campaign's file is damaged.
        """
        from fer_exp.campaign import CampaignSpec

        return CampaignSpec.read(self.record.path.parents[1] / "campaign.json")

    def data(self) -> "DataInfo":
        """What the model was trained on; raises as `campaign` does."""
        return self.record.data(self.campaign().data)

    def vouch(self) -> None:
        """Raises BadRecord where the file is not the one that the record ended with."""
        from fer_exp.records.digest import model_is_vouched_for

        model_is_vouched_for(self.record, self.file)


def choose(
    home: Home,
    asker: Asker,
    *,
    model: str | None = None,
    record: str | None = None,
    run_id: str | None = None,
    answered: str = "",
) -> Chosen:
    """The model that exactly one of the names means.

    Args:
        home: Where campaigns are.
        asker: Who asks.
        model: `models:/NAME@champion`, `models:/NAME/1`, `models:/m-...`, or the path of a `.keras` file.
        record: CAMPAIGN (its only retrain, else the first of its leaderboard), CAMPAIGN:baseline or
            CAMPAIGN/trials/0003.
        run_id: A run in MLflow; of a campaign's run, its best trial is meant.
        answered: A pattern of files; a record that has one will do without its model.

    Raises:
        BadInput: More than one name is given or none, or the record is several trainings.
        NotFound: There is no such model.
        TrackingFailed: MLflow did not answer.
    """
    given = [
        name for name, value in (("--run-id", run_id), ("--model", model), ("--record", record)) if value is not None
    ]
    if len(given) != 1:
        *first, last = asker.takes
        raise BadInput(
            f"{asker.command}: expected one of {', '.join(first)} and {last}, received {' and '.join(given) or 'none'}",
            f"{asker.unchanged} For example: {asker.example}",
        )
    if record is not None:
        return _by_record(home, asker, record, answered=answered)
    if run_id is not None:
        return _by_run(home, asker, run_id)
    assert model is not None  # for the types: exactly one is given
    return _by_uri(home, asker, model) if model.startswith(URI) else _by_file(home, asker, Path(model).expanduser())


def only_champion(home: Home, asker: Asker) -> Chosen:
    """The champion of a home that has one alone.

    Raises:
        NotFound: There is none, or more than one.
        TrackingFailed: MLflow did not answer.
    """
    _require_campaigns(home, asker)
    from fer_exp.tracking.registry import champions

    there = champions(home)
    if len(there) == 1:
        return _by_uri(home, asker, f"{URI}{there[0]}@champion")
    if not there:
        raise NotFound(
            f"{asker.command}: expected a champion among the registered models, found none",
            f"{asker.unchanged} Name a model with --model or --record, or make a champion: fer-exp retrain-best "
            "CAMPAIGN",
        )
    raise NotFound(
        f"{asker.command}: expected one champion, found {len(there)}: {', '.join(there)}",
        f"{asker.unchanged} Name one: --model {URI}{there[0]}@champion",
    )


def choose_recorded(
    home: Home,
    asker: Asker,
    *,
    model: str | None = None,
    record: str | None = None,
    run_id: str | None = None,
    answered: str = "",
) -> Recorded:
    """As `choose`, for whoever needs the record; NotFound where no record of this home speaks for the model."""
    chosen = choose(home, asker, model=model, record=record, run_id=run_id, answered=answered)
    if isinstance(chosen, Recorded):
        return chosen
    raise NotFound(
        f"{asker.command}: expected a model whose record is in {home.campaigns}, received {chosen.title}",
        f"{asker.unchanged} Copy the campaign's folder here, or set FER_EXP_HOME to the home that holds it.",
    )


def _require_campaigns(home: Home, asker: Asker) -> None:
    """Before MLflow is asked, which would make a store in an empty home."""
    if not home.recorded() and home.tracking_uri == home.own_tracking_uri:
        raise NotFound(
            f"{asker.command}: expected a campaign in {home.campaigns}, found none",
            f"{asker.unchanged} Start one with `fer-exp search FILE`, or set FER_EXP_HOME to the home that holds it.",
        )


def _by_record(home: Home, asker: Asker, name: str, *, answered: str) -> Chosen:
    from fer_exp.verdict import find_groups

    records = find_groups(home, name)[0].records
    folder = records[0].path.parents[1]
    if name.strip("/") == folder.name and records[0].path.parent.name == "trials":
        records = (_best(home, asker, folder.name),)
    if len(records) > 1:
        there = ", ".join(record.path.relative_to(home.campaigns).as_posix() for record in records)
        raise BadInput(
            f"--record: expected one training, received {name!r}, which means {len(records)}",
            f"{asker.unchanged} Name one of {there}",
        )
    if not (answered and any(records[0].path.glob(answered))):
        _require_model(records[0], asker)
    return _of_record(records[0], records[0].model)


def _best(home: Home, asker: Asker, campaign: str) -> "Record":
    """The first of a campaign's leaderboard, be that a trial or the baseline."""
    from fer_exp.campaign import CampaignSpec
    from fer_exp.leaderboard.rows import best
    from fer_exp.records import records_in

    folder = home.recorded_campaign(campaign)
    spec = CampaignSpec.read(folder / "campaign.json")
    winner = best(records_in(folder / "trials"), spec.settings.objective)
    if winner is None:
        raise NotFound(
            f"campaign {campaign!r} has no finished trial", f"{asker.unchanged} Go on with `fer-exp search`."
        )
    return winner


def _require_model(record: "Record", asker: Asker) -> None:
    if not record.model.exists():
        raise NotFound(
            f"that training's model is not kept: {record.model}",
            f"{asker.unchanged} Give its models:/m-... or run where MLflow keeps a copy, or train it again with "
            "`fer-exp retrain-best --trial`.",
        )


def _of_record(record: "Record", file: Path, run_id: str | None = None, uri: str = "") -> Recorded:
    from fer_exp.records import title_of

    asked = record.spec()
    name = record.path.parents[1].name
    title = f"{title_of(asked.kind, asked.number, asked.seed)} of {name}"
    if asked.members:
        title = f"the average of {len(asked.members)} models {name}"
    return Recorded(file, f"{uri} ({title})" if uri else title, run_id, record=record)


def _by_run(home: Home, asker: Asker, run_id: str) -> Chosen:
    _require_campaigns(home, asker)
    from fer_exp.records import Kind, Record
    from fer_exp.tracking import download_model, find_run

    found = find_run(home, run_id)
    if found.kind is Kind.CAMPAIGN:
        record = _best(home, asker, found.campaign)
        _require_model(record, asker)
        return _of_record(record, record.model, found.run_id)
    record = Record(home.root / found.record)
    if not record.exists():
        raise NotFound(
            f"the record of that run is not here: {record.path}",
            f"{asker.unchanged} Copy the campaign's folder here, or set FER_EXP_HOME to the home that holds it.",
        )
    there = record.model.exists()
    file = record.model if there else download_model(home, run_id, home.cache / "models")
    return _of_record(record, file, found.run_id)


def _by_uri(home: Home, asker: Asker, uri: str) -> Chosen:
    _require_campaigns(home, asker)
    from fer_exp.records import Record
    from fer_exp.tracking import download_model, find_model

    found = find_model(home, uri)
    record = Record(home.root / found.record)
    there = record.exists() and record.model.exists()
    file = record.model if there else download_model(home, uri, home.cache / "models")
    if not record.exists():
        known = _record_of(home, file)
        return Chosen(file, uri) if known is None else _of_record(known, file, uri=uri)
    return _of_record(record, file, found.run_id, uri)


def _by_file(home: Home, asker: Asker, file: Path) -> Chosen:
    """A file of any place, with its record where this home holds that."""
    if not file.is_file():
        raise NotFound(
            f"--model: expected models:/NAME@champion or a {ENDING} file, found none at {file}",
            f"{asker.unchanged} Check the path; a training is named by --record CAMPAIGN/trials/0003.",
        )
    known = _record_of(home, file)
    return Chosen(file, str(file)) if known is None else _of_record(known, file)


def _record_of(home: Home, file: Path) -> "Record | None":
    """The record that ended with this file, by the file's digest."""
    from fer_exp.system.files import sha256_of

    digest = sha256_of(file)
    for record in _all_records(home):
        try:
            outcome = record.outcome()
        except BadRecord:  # not the one that is sought, or nothing to be read in it
            continue
        if outcome is not None and outcome.model_sha256 == digest:
            return record
    return None


def _all_records(home: Home) -> Iterator["Record"]:
    from fer_exp.records import records_in

    for name in home.recorded():
        for part in ("trials", "retrains"):
            yield from records_in(home.campaign(name) / part)
