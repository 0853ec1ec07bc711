"""status, sync and ui."""

import json
from typing import Annotated

import typer

from fer_exp.campaign import CampaignSpec
from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.search import known_campaign
from fer_exp.errors import BadRecord
from fer_exp.home import Home
from fer_exp.records import Record, State, records_in

UI_PORT = 5000


@command(app, "status")
def status(
    campaign: Annotated[str | None, typer.Argument(metavar="[CAMPAIGN]", help="Default: all campaigns.")] = None,
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Show campaigns, or the trials of one: state, attempts, scores, recipe."""
    home = Home.from_environment()
    damaged: list[str] = []
    if campaign is None:
        names = _campaigns(home)
        show = _all_json if as_json else _all
        typer.echo(show(home, names, damaged))
    else:
        spec = known_campaign(home, campaign)
        show_one = _one_json if as_json else _one
        typer.echo(show_one(home, spec, damaged))
    _tell_damaged(damaged)


def _tell_damaged(damaged: list[str]) -> None:
    """Ends with what cannot be read, after all that can was shown.

    Raises:
        BadRecord: There is anything damaged.
    """
    if damaged:
        more = f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else ""
        raise BadRecord(
            damaged[0] + more,
            "Nothing was changed; all that can be read was shown. Restore the file, or move its folder away to do that "
            "part again.",
        )


def _one(home: Home, spec: CampaignSpec, damaged: list[str]) -> str:
    from fer_exp.decide import leaderboard, whole
    from fer_exp.summary import leaderboard_table

    folder, objective = home.campaign(spec.name), spec.settings.objective
    (trials, lost), (retrains, more) = (whole(records_in(folder / part)) for part in ("trials", "retrains"))
    damaged += [*lost, *more]
    lines = [f"{spec.name}: {spec.question}", f"{spec.data.source}, protocol {spec.data.protocol}", ""]
    lines.append(leaderboard_table(leaderboard(trials, objective)))
    for row in leaderboard(retrains, objective):
        shown = "-" if row.objective is None else f"{row.objective:.4f}"
        lines.append(f"retrain {row.number} seed {row.seed}: {row.state}, {objective.metric} {shown}")
    return "\n".join([*lines, *(f"damaged: {problem}" for problem in damaged)])


def _campaigns(home: Home) -> list[str]:
    return sorted(path.parent.name for path in home.campaigns.glob("*/campaign.json"))


def _all(home: Home, names: list[str], damaged: list[str]) -> str:
    if not names:
        return f"No campaign in {home.campaigns} yet. Start one: fer-exp search experiments/demo.py"
    lines = []
    for name in names:
        lost = len(damaged)
        states = [_state(record, damaged) for record in records_in(home.campaign(name) / "trials")]
        counts = [f"{states.count(state)} {state}" for state in State if state in states]
        if len(damaged) > lost:
            counts.append(f"{len(damaged) - lost} damaged")
        try:
            known_campaign(home, name)
        except BadRecord as error:
            damaged.append(error.problem)
            counts.append("campaign.json damaged")
        lines.append(f"{name}: {', '.join(counts) or 'nothing started'}")
    return "\n".join(lines)


def _state(record: Record, damaged: list[str]) -> State | None:
    try:
        return record.state()
    except BadRecord as error:
        damaged.append(error.problem)
        return None


def _all_json(home: Home, names: list[str], damaged: list[str]) -> str:
    found: list[dict[str, object]] = []
    for name in names:
        try:
            found.append(_campaign_json(home, known_campaign(home, name)))
        except BadRecord as error:
            damaged.append(error.problem)
            found.append({"folder": str(home.campaign(name)), "damaged": [error.problem]})
    return json.dumps(found, indent=1)


def _one_json(home: Home, spec: CampaignSpec, damaged: list[str]) -> str:
    from fer_exp.decide import whole

    folder = home.campaign(spec.name)
    found, lost = whole(record for part in ("trials", "retrains") for record in records_in(folder / part))
    damaged += lost
    told = {"trials": _trials_json(home, found), "damaged": lost}
    return json.dumps(_campaign_json(home, spec) | told, indent=1)


def _campaign_json(home: Home, spec: CampaignSpec) -> dict[str, object]:
    return {"folder": str(home.campaign(spec.name)), **json.loads(spec.to_json())}


def _trials_json(home: Home, records: list[Record]) -> list[dict[str, object]]:
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
        for record in records
    ]


@command(app, "sync")
def sync(
    campaign: Annotated[str | None, typer.Argument(metavar="[CAMPAIGN]", help="Default: all campaigns.")] = None,
    verbose: Verbose = 0,
) -> None:
    """Bring MLflow level with the records, whatever it missed; any number of times."""
    home = Home.from_environment()
    if campaign is not None:
        known_campaign(home, campaign)
    names = [campaign] if campaign is not None else _campaigns(home)
    damaged: list[str] = []
    for name in names:
        _bring_level(home, name, damaged)
    if not names:
        typer.echo(f"No campaign in {home.campaigns}: nothing to bring level.")
    _tell_damaged(damaged)


def _bring_level(home: Home, name: str, damaged: list[str]) -> None:
    from fer_exp.cli.texts import after_sync
    from fer_exp.tracking import sync as bring_level

    try:
        known_campaign(home, name)
        report = bring_level(home, name)
    except BadRecord as error:  # of this campaign alone: the others are brought level
        damaged.append(error.problem)
        typer.echo(f"{name}: left out: {error.problem}")
    else:
        damaged += report.skipped
        typer.echo(after_sync(name, report))


@command(app, "ui")
def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")] = UI_PORT,
    verbose: Verbose = 0,
) -> None:
    """Show MLflow's pages on the store of these campaigns, on 127.0.0.1 only, until Ctrl-C."""
    from fer_exp.tracking import serve_ui

    raise typer.Exit(serve_ui(Home.from_environment(), port))
