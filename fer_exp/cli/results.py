"""evaluate, status, sync and ui."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.campaign import CampaignSpec
from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.search import known_campaign
from fer_exp.errors import BadInput, NotFound
from fer_exp.home import Home
from fer_exp.records import Kind, Record, State, records_in, title_of

if TYPE_CHECKING:
    from fer_exp.opening import TestResult
    from fer_exp.tracking import RunRef

UI_PORT = 5000


@command(app, "evaluate")
def evaluate(
    run_id: Annotated[str | None, typer.Option("--run-id", help="A run in MLflow: trial, retrain or campaign.")] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="URI", help="models:/NAME@champion, models:/NAME/1 or models:/m-..."),
    ] = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
    no_tracking: options.NoTracking = False,
    verbose: Verbose = 0,
) -> None:
    """Open the test part for one model: report, figures, metrics test/... in its run, a line in the ledger."""
    if (run_id is None) == (model is None):
        raise BadInput(
            "evaluate: expected either --run-id or --model, received " + ("none" if run_id is None else "both"),
            "Nothing was opened. For example: fer-exp evaluate --model models:/demo@champion",
        )
    home = Home.from_environment()
    if not _campaigns(home):  # before MLflow is asked, which would make a store here
        raise NotFound(
            f"evaluate: expected a campaign in {home.campaigns}, found none",
            "Nothing was opened. Start one with `fer-exp search FILE`, or set FER_EXP_HOME to the home that holds it.",
        )
    typer.echo("Finding the model.", err=True)
    from fer_exp.tracking import find_model, find_run

    found = find_run(home, run_id) if run_id is not None else find_model(home, model or "")
    record = _record_of(home, found)
    spec = known_campaign(home, found.campaign)
    file = _model_file(home, record, model or run_id or "", exact=found.kind is not Kind.CAMPAIGN)
    from fer_exp.data.find import find_source

    source = find_source(data, spec.data.path)
    typer.echo(f"Opening the test part of {spec.data.source}.", err=True)
    result = _open(home, spec, record, file, source)
    typer.echo(_as_json(found, record, home) if as_json else _as_text(spec, record, result))
    if not no_tracking:  # last: what was opened is told even where MLflow does not answer
        from fer_exp.tracking import sync

        sync(home, found.campaign)


def _open(home: Home, spec: CampaignSpec, record: Record, file: Path, source: str) -> "TestResult":
    from fer_exp.quiet import stderr_to

    with stderr_to():
        from fer_exp.opening import open_and_evaluate

        return open_and_evaluate(home.campaign(spec.name), record, file, source, spec.data, home.cache)


def _record_of(home: Home, found: "RunRef") -> Record:
    """The record that a run shows; of a campaign's run, its best trial's."""
    if found.kind is not Kind.CAMPAIGN:
        record = Record(home.root / found.record)
        if not record.exists():
            raise NotFound(
                f"the record of that run is not here: {record.path}",
                "Nothing was opened. Copy the campaign's folder here, or set FER_EXP_HOME to the home that holds it.",
            )
        return record
    from fer_exp.decide import best

    spec = known_campaign(home, found.campaign)
    winner = best(records_in(home.campaign(found.campaign) / "trials"), spec.settings.objective)
    if winner is None:
        raise NotFound(
            f"campaign {found.campaign!r} has no finished trial",
            "Nothing was opened. Go on with `fer-exp search`.",
        )
    return winner


def _model_file(home: Home, record: Record, what: str, *, exact: bool) -> Path:
    """The record's own model, else MLflow's copy of it."""
    if record.model.exists():
        return record.model
    if not exact:
        raise NotFound(
            f"the best trial's model is not kept: {record.model}",
            "Nothing was opened. Train it again with `fer-exp retrain-best`.",
        )
    from fer_exp.tracking import download_model

    return download_model(home, what, home.cache / "models")


def _title(record: Record) -> str:
    spec = record.spec()
    return title_of(spec.kind, spec.number, spec.seed)


def _as_text(spec: CampaignSpec, record: Record, result: "TestResult") -> str:
    from fer_exp.cli.texts import after_evaluation
    from fer_exp.evaluate import report_text

    title = f"{spec.name} {_title(record)} on the test part, protocol {spec.data.protocol}"
    return after_evaluation(title, report_text(result.scores), result, record.path / "test")


def _as_json(found: "RunRef", record: Record, home: Home) -> str:
    document = {
        "campaign": found.campaign,
        "record": str(record.path.relative_to(home.root)),
        "run_id": found.run_id,
        "metrics": record.test_scores(),
        "report": json.loads((record.path / "test" / "report.json").read_text()),
    }
    return json.dumps(document, indent=1)


@command(app, "status")
def status(
    campaign: Annotated[str | None, typer.Argument(metavar="[CAMPAIGN]", help="Default: all campaigns.")] = None,
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Show campaigns, or the trials of one: state, attempts, scores, recipe."""
    home = Home.from_environment()
    if campaign is None:
        names = _campaigns(home)
        typer.echo(
            json.dumps([_campaign_json(home, name) for name in names], indent=1) if as_json else _all(home, names)
        )
        return
    spec = known_campaign(home, campaign)
    if as_json:
        typer.echo(json.dumps(_campaign_json(home, campaign) | {"trials": _trials_json(home, campaign)}, indent=1))
        return
    typer.echo(_one(home.campaign(campaign), spec))


def _one(folder: Path, spec: CampaignSpec) -> str:
    from fer_exp.decide import leaderboard
    from fer_exp.summary import leaderboard_table

    objective = spec.settings.objective
    lines = [f"{spec.name}: {spec.question}", f"{spec.data.source}, protocol {spec.data.protocol}", ""]
    lines.append(leaderboard_table(leaderboard(records_in(folder / "trials"), objective)))
    for row in leaderboard(records_in(folder / "retrains"), objective):
        shown = "-" if row.objective is None else f"{row.objective:.4f}"
        lines.append(f"retrain {row.number} seed {row.seed}: {row.state}, {objective.metric} {shown}")
    return "\n".join(lines)


def _campaigns(home: Home) -> list[str]:
    return sorted(path.parent.name for path in home.campaigns.glob("*/campaign.json"))


def _all(home: Home, names: list[str]) -> str:
    if not names:
        return f"No campaign in {home.campaigns} yet. Start one: fer-exp search experiments/demo.py"
    lines = []
    for name in names:
        states = [record.state() for record in records_in(home.campaign(name) / "trials")]
        counts = ", ".join(f"{states.count(state)} {state}" for state in State if state in states)
        lines.append(f"{name}: {counts or 'nothing started'}")
    return "\n".join(lines)


def _campaign_json(home: Home, name: str) -> dict[str, object]:
    return {"folder": str(home.campaign(name)), **json.loads(known_campaign(home, name).to_json())}


def _trials_json(home: Home, name: str) -> list[dict[str, object]]:
    return [
        {
            "folder": str(record.path.relative_to(home.root)),
            "state": record.state(),
            "spec": json.loads(record.spec().to_json()),
            "outcome": None if (outcome := record.outcome()) is None else json.loads(outcome.to_json()),
            "epochs": len(record.history()),
            "scores": record.scores(),
            "test_scores": record.test_scores(),
        }
        for part in ("trials", "retrains")
        for record in records_in(home.campaign(name) / part)
    ]


@command(app, "sync")
def sync(
    campaign: Annotated[str | None, typer.Argument(metavar="[CAMPAIGN]", help="Default: all campaigns.")] = None,
    verbose: Verbose = 0,
) -> None:
    """Bring MLflow level with the records, whatever it missed; any number of times."""
    home = Home.from_environment()
    names = [campaign] if campaign is not None else _campaigns(home)
    for name in names:
        known_campaign(home, name)
    from fer_exp.cli.texts import after_sync
    from fer_exp.tracking import sync as bring_level

    for name in names:
        typer.echo(after_sync(name, bring_level(home, name)))
    if not names:
        typer.echo(f"No campaign in {home.campaigns}: nothing to bring level.")


@command(app, "ui")
def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")] = UI_PORT,
    verbose: Verbose = 0,
) -> None:
    """Show MLflow's pages on the store of these campaigns, on 127.0.0.1 only, until Ctrl-C."""
    from fer_exp.tracking import serve_ui

    raise typer.Exit(serve_ui(Home.from_environment(), port))
