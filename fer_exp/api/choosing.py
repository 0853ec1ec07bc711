"""From a run, a model or a record by name to the model that is to be evaluated.

In: one of the three names. Out: the record, the model's file, and the run that shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.api.names import known_campaign
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.records import Record


@dataclass(frozen=True)
class Chosen:
    """The model to evaluate."""

    record: "Record"
    file: Path
    run_id: str | None = None  # None where MLflow was not asked

    @property
    def kept(self) -> bool:
        """Whether the model's file is here."""
        return self.file.exists()

    @property
    def campaign(self) -> str:
        """The name of its campaign."""
        return self.record.path.parents[1].name

    @property
    def title(self) -> str:
        """As people call it: `trial 3 of demo`."""
        from fer_exp.records import title_of

        asked = self.record.spec()
        if asked.members:
            return f"the average of {len(asked.members)} models {asked.campaign}"
        return f"{title_of(asked.kind, asked.number, asked.seed)} of {asked.campaign}"


def choose(home: Home, *, record: str | None, run_id: str | None, model: str | None, answered: bool = False) -> Chosen:
    """The model that exactly one of the names means.

    Args:
        home: Where campaigns are.
        record: A record by name.
        run_id: A run in MLflow.
        model: A model in MLflow.
        answered: Whether a record without its model will do where the test part was opened for it.

    Raises:
        BadInput: More than one name is given, or none.
        NotFound: There is no campaign here, or no model of that name.
    """
    given = [
        name for name, value in (("--run-id", run_id), ("--model", model), ("--record", record)) if value is not None
    ]
    if len(given) != 1:
        raise BadInput(
            f"evaluate: expected one of --run-id, --model and --record, received {' and '.join(given) or 'none'}",
            "Nothing was opened. For example: fer-exp evaluate --model models:/demo@champion",
        )
    if not list(home.campaigns.glob("*/campaign.json")):  # before MLflow is asked, which would make a store here
        raise NotFound(
            f"evaluate: expected a campaign in {home.campaigns}, found none",
            "Nothing was opened. Start one with `fer-exp search FILE`, or set FER_EXP_HOME to the home that holds it.",
        )
    return _by_record(home, record, answered=answered) if record is not None else _by_mlflow(home, run_id, model)


def _by_record(home: Home, name: str, *, answered: bool) -> Chosen:
    """The model that a record keeps, found without MLflow."""
    from fer_exp.verdict import find_groups

    records = find_groups(home, name)[0].records if "/" in name or ":" in name else _meant_by(home, name)
    if len(records) > 1:
        there = ", ".join(str(record.path.relative_to(home.campaigns)) for record in records)
        raise BadInput(
            f"--record: expected one training, received {name!r}, which means {len(records)}",
            f"Nothing was opened. Name one of {there}",
        )
    if not records[0].model.exists() and not (answered and (records[0].path / "test" / "predictions.npz").exists()):
        raise NotFound(
            f"that trial's model is not kept: {records[0].model}",
            "Nothing was opened. Give its --run-id where MLflow keeps a copy, or use `fer-exp retrain-best --trial`.",
        )
    return Chosen(records[0], records[0].model)


def _meant_by(home: Home, name: str) -> Sequence["Record"]:
    """Of a campaign its retrains, else the first of its leaderboard, be that a trial or the baseline."""
    from fer_exp.verdict import find_groups

    records = find_groups(home, name)[0].records
    retrained = any(record.path.parent.name == "retrains" for record in records)
    return records if retrained else (_best_trial(home, records[0].path.parents[1].name),)


def _by_mlflow(home: Home, run_id: str | None, model: str | None) -> Chosen:
    """The record that a run or model shows; of a campaign's run, its best trial's."""
    from fer_exp.records import Kind, Record
    from fer_exp.tracking import download_model, find_model, find_run

    found = find_run(home, run_id) if run_id is not None else find_model(home, model or "")
    if found.kind is Kind.CAMPAIGN:
        record = _best_trial(home, found.campaign)
        if not record.model.exists():
            raise NotFound(
                f"the best trial's model is not kept: {record.model}",
                "Nothing was opened. Train it again with `fer-exp retrain-best`.",
            )
        return Chosen(record, record.model, found.run_id)
    record = Record(home.root / found.record)
    if not record.exists():
        raise NotFound(
            f"the record of that run is not here: {record.path}",
            "Nothing was opened. Copy the campaign's folder here, or set FER_EXP_HOME to the home that holds it.",
        )
    what = model or run_id or ""
    file = record.model if record.model.exists() else download_model(home, what, home.cache / "models")
    return Chosen(record, file, found.run_id)


def _best_trial(home: Home, campaign: str) -> "Record":
    from fer_exp.leaderboard.rows import best
    from fer_exp.records import records_in

    spec = known_campaign(home, campaign)
    winner = best(records_in(home.campaign(campaign) / "trials"), spec.settings.objective)
    if winner is None:
        raise NotFound(
            f"campaign {campaign!r} has no finished trial",
            "Nothing was opened. Go on with `fer-exp search`.",
        )
    return winner
