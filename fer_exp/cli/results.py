"""status, sync and ui."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fer_exp.campaign import CampaignSpec
from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.search import known_campaign
from fer_exp.home import Home
from fer_exp.records import State, records_in

UI_PORT = 5000


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
