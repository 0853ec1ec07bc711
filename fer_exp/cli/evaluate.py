"""evaluate: open the test part for one model; and the end of `baseline --protocol reference`, which does so too.

In: a run, a model or a record by name. Out: the report on test with validation beside it, as text or JSON.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import complete, options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.names import known_campaign
from fer_exp.cli.reading import OF_ANOTHER_SET, Read, reads_data
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.campaign import CampaignSpec
    from fer_exp.data.reading import Reading
    from fer_exp.holdout.evaluate import TestResult
    from fer_exp.records import Record


# No choice follows from this look: the procedure that is reproduced ends with it.
REPRODUCES = "it reproduces the reference's procedure, which ends on test"


@dataclass(frozen=True)
class _Chosen:
    """The model to open the test part for."""

    record: "Record"
    file: Path
    run_id: str | None  # None where MLflow was not asked


@command(app, "evaluate")
@reads_data(*OF_ANOTHER_SET)
def evaluate(
    what: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The same as --record.", show_default=False)
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run-id", help="A run in MLflow: trial, retrain or campaign.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="URI",
            help="models:/NAME@champion, models:/NAME/1 or models:/m-...",
            autocompletion=complete.models,
        ),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record",
            metavar="NAME",
            help="CAMPAIGN, CAMPAIGN:baseline or CAMPAIGN/trials/0003.",
            autocompletion=complete.records,
        ),
    ] = None,
    again: Annotated[
        str, typer.Option("--again", metavar="REASON", help="Why the test part is opened for another model.")
    ] = "",
    data: options.Data = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="PATH", help="Another face set, instead of the test part.")
    ] = None,
    *,
    read: Read,
    as_json: options.AsJson = False,
    no_tracking: options.NoTracking = False,
    verbose: Verbose = 0,
) -> None:
    """Open the test part for one model: report, figures, metrics test/... in its run, a line in the ledger."""
    if what is not None and record is not None:
        raise BadInput(
            f"evaluate: expected one model, received {what!r} and --record {record!r}",
            "Nothing was opened. Name one of them.",
        )
    record = what if record is None else record
    given = [
        name for name, value in (("--run-id", run_id), ("--model", model), ("--record", record)) if value is not None
    ]
    if len(given) != 1:
        raise BadInput(
            f"evaluate: expected one of --run-id, --model and --record, received {' and '.join(given) or 'none'}",
            "Nothing was opened. For example: fer-exp evaluate --model models:/demo@champion",
        )
    home = Home.from_environment()
    if not list(home.campaigns.glob("*/campaign.json")):  # before MLflow is asked, which would make a store here
        raise NotFound(
            f"evaluate: expected a campaign in {home.campaigns}, found none",
            "Nothing was opened. Start one with `fer-exp search FILE`, or set FER_EXP_HOME to the home that holds it.",
        )
    typer.echo("Finding the model.", err=True)
    chosen = _by_record(home, record) if record is not None else _by_mlflow(home, run_id, model)
    spec = known_campaign(home, chosen.record.path.parents[1].name)
    from fer_exp.data.find import find_recorded
    from fer_exp.holdout.ledger import refuse_early

    if on is None:
        refuse_early(home, chosen.record, chosen.file, spec.data, again)  # before Keras is loaded and faces are read
    if not no_tracking:
        from fer_exp.search.store_check import refuse_moved_store

        refuse_moved_store(home, spec.name)  # the result is to be shown there; before the test part is opened
    if on is not None:
        asked = read()
        typer.echo(_evaluate_on(home, spec, chosen, on, asked, again, as_json=as_json))
        _show(home, spec, tracking=not no_tracking)
        return
    source = find_recorded(data, spec.data.path)
    typer.echo(f"Opening the test part of {spec.data.source} for {_title(chosen.record)}.", err=True)
    if chosen.record.test_scores():
        typer.echo("It was opened for this model before; this look is written down too.", err=True)
    result = _open(home, spec, chosen, source, again)
    typer.echo(_as_json(spec, chosen, home) if as_json else _as_text(spec, chosen.record, result))
    _show(home, spec, tracking=not no_tracking)


def _show(home: Home, spec: "CampaignSpec", *, tracking: bool) -> None:
    """Last: what was opened is told even where no page can be made and MLflow does not answer."""
    from fer_exp.report import refresh_pages

    problem = refresh_pages(home, spec.name)
    if problem:
        typer.echo(problem, err=True)
    if tracking:
        from fer_exp.tracking import sync

        sync(home, spec.name)


def _evaluate_on(
    home: Home, spec: "CampaignSpec", chosen: "_Chosen", source: str, asked: "Reading", again: str, *, as_json: bool
) -> str:
    """The model on another set, as text or JSON."""
    from fer_exp.cli.texts import after_external
    from fer_exp.data.find import find_source
    from fer_exp.system.stderr import stderr_to

    found = find_source(source, said_by="--on")
    typer.echo(f"Reading {found} for {_title(chosen.record)}.", err=True)
    with stderr_to():
        from fer_exp.holdout.external import evaluate_on

        result = evaluate_on(home, chosen.record, chosen.file, found, spec.data, asked, again=again)
    if as_json:
        report = json.loads((chosen.record.path / result.folder / "report.json").read_text())
        document = {
            "campaign": spec.name,
            "record": str(chosen.record.path.relative_to(home.root)),
            "on": result.source,
            "accuracy_error": result.error,
            "left_out": result.left_out,
            "unused": result.unused,
            "report": report,
        }
        return json.dumps(document, indent=1)
    return after_external(_title(chosen.record), result, chosen.record.path / result.folder)


def reproduction(home: Home, campaign: str, source: str) -> tuple[str, bool]:
    """Validation, test and the reference side by side for a finished baseline, and whether the test part was opened.

    It is opened once: a second call tells what the first one found.
    """
    from fer_exp.holdout.gap import GAP, Gap, gap_table
    from fer_exp.records import Record

    record = Record(home.campaign(campaign) / "trials" / "0000")
    opened = not (record.path / GAP).exists()
    if opened:
        _open(home, known_campaign(home, campaign), _Chosen(record, record.model, None), source, REPRODUCES)
    return gap_table(Gap.read(record.path / GAP)), opened


def _open(home: Home, spec: "CampaignSpec", chosen: _Chosen, source: str, again: str) -> "TestResult":
    from fer_exp.system.stderr import stderr_to

    with stderr_to():
        from fer_exp.holdout.evaluate import open_and_evaluate

        return open_and_evaluate(home, chosen.record, chosen.file, source, spec.data, again=again)


def _by_record(home: Home, name: str) -> _Chosen:
    """The model that a record keeps, found without MLflow."""
    from fer_exp.verdict import find_groups

    records = find_groups(home, name)[0].records if "/" in name or ":" in name else _meant_by(home, name)
    if len(records) > 1:
        there = ", ".join(str(record.path.relative_to(home.campaigns)) for record in records)
        raise BadInput(
            f"--record: expected one training, received {name!r}, which means {len(records)}",
            f"Nothing was opened. Name one of {there}",
        )
    if not records[0].model.exists():
        raise NotFound(
            f"that trial's model is not kept: {records[0].model}",
            "Nothing was opened. Give its --run-id where MLflow keeps a copy, or use `fer-exp retrain-best --trial`.",
        )
    return _Chosen(records[0], records[0].model, None)


def _meant_by(home: Home, name: str) -> tuple["Record", ...]:
    """Of a campaign its retrains, else the first of its leaderboard, be that a trial or the baseline."""
    from fer_exp.verdict import find_groups

    records = find_groups(home, name)[0].records
    retrained = any(record.path.parent.name == "retrains" for record in records)
    return records if retrained else (_best_trial(home, records[0].path.parents[1].name),)


def _title(record: "Record") -> str:
    from fer_exp.records import title_of

    asked = record.spec()
    return f"{title_of(asked.kind, asked.number, asked.seed)} of {asked.campaign}"


def _by_mlflow(home: Home, run_id: str | None, model: str | None) -> _Chosen:
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
        return _Chosen(record, record.model, found.run_id)
    record = Record(home.root / found.record)
    if not record.exists():
        raise NotFound(
            f"the record of that run is not here: {record.path}",
            "Nothing was opened. Copy the campaign's folder here, or set FER_EXP_HOME to the home that holds it.",
        )
    what = model or run_id or ""
    file = record.model if record.model.exists() else download_model(home, what, home.cache / "models")
    return _Chosen(record, file, found.run_id)


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


def _as_text(spec: "CampaignSpec", record: "Record", result: "TestResult") -> str:
    from fer_exp.cli.texts import after_evaluation
    from fer_exp.records import title_of
    from fer_exp.results import full_report

    asked = record.spec()
    title = f"{spec.name} {title_of(asked.kind, asked.number, asked.seed)} on the test part, "
    title += f"protocol {spec.data.protocol}"
    report = full_report(result.scores, result.calibration, "test")
    return after_evaluation(title, report, result, record.path / "test")


def _as_json(spec: "CampaignSpec", chosen: _Chosen, home: Home) -> str:
    document = {
        "campaign": spec.name,
        "record": str(chosen.record.path.relative_to(home.root)),
        "run_id": chosen.run_id,
        "metrics": chosen.record.test_scores(),
        "report": json.loads((chosen.record.path / "test" / "report.json").read_text()),
    }
    return json.dumps(document, indent=1)
