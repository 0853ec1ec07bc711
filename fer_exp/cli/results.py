"""status, sync and ui."""

from typing import Annotated

import typer

from fer_exp.api.names import known_campaign
from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import BadRecord
from fer_exp.system.home import Home

UI_PORT = 5000


@command(app, "status")
def status(
    campaign: options.AnyCampaign = None,
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Show campaigns, or the trials of one: state, attempts, scores, recipe."""
    from fer_exp.cli import overview

    home = Home.from_environment()
    damaged: list[str] = []
    if campaign is None:
        names = _campaigns(home)
        show = overview.all_json if as_json else overview.all_text
        typer.echo(show(home, names, damaged))
    else:
        spec = known_campaign(home, campaign)
        show_one = overview.one_json if as_json else overview.one_text
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


def _campaigns(home: Home) -> list[str]:
    return sorted(path.parent.name for path in home.campaigns.glob("*/campaign.json"))


@command(app, "sync")
def sync(
    campaign: options.AnyCampaign = None,
    verbose: Verbose = 0,
) -> None:
    """Bring MLflow level with the records, whatever it missed; any number of times."""
    home = Home.from_environment()
    if campaign is not None:
        known_campaign(home, campaign)
    names = [campaign] if campaign is not None else _campaigns(home)
    damaged: list[str] = []
    if names:
        typer.echo("Loading MLflow.", err=True)
    for name in names:
        _bring_level(home, name, damaged)
    if not names:
        typer.echo(f"No campaign in {home.campaigns}: nothing to bring level.")
    _tell_damaged(damaged)


def _bring_level(home: Home, name: str, damaged: list[str]) -> None:
    from fer_exp.api.texts import after_sync
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
    open_browser: Annotated[bool, typer.Option("--open", help="Open the latest campaign's page in a browser.")] = False,
    verbose: Verbose = 0,
) -> None:
    """Show MLflow's pages on the store of these campaigns, on 127.0.0.1 only, until Ctrl-C."""
    import webbrowser

    typer.echo("Starting MLflow's pages; a few seconds.")
    from fer_exp.tracking import serve_ui

    try:
        code = serve_ui(Home.from_environment(), port, show=webbrowser.open if open_browser else None)
    except KeyboardInterrupt:  # before the pages answered
        code = 0
    raise typer.Exit(code)
