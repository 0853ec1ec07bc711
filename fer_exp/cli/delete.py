"""delete."""

from typing import Annotated

import typer

from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from fer_exp.system.words import counted


def _confirmed(what: str) -> bool:
    try:
        return typer.confirm(f"Delete {what}? It cannot be undone.", err=True)
    except typer.Abort:  # Ctrl-C, or nobody there to ask
        typer.echo(err=True)
        return False


@command(app, "delete")
def delete(
    campaign: options.CampaignName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_tracking: Annotated[bool, typer.Option("--no-tracking", help="Leave MLflow as it is.")] = False,
    verbose: Verbose = 0,
) -> None:
    """Delete a campaign with its records, runs, models and files. The ledger of test parts keeps what it says."""
    home = Home.from_environment()
    home.recorded_campaign(campaign)  # refused before anything is loaded
    from fer_exp.portable.deletion import contents_of, delete_campaign

    found = contents_of(home, campaign)
    models = f", {counted(found.handed_over, 'registered model')}" if found.handed_over else ""
    what = f"{campaign}: {counted(found.records, 'record')}{models}, {found.bytes / 1e6:.0f} MB"
    if not yes and not _confirmed(what):
        raise BadInput(f"{campaign} was not deleted: it was not confirmed", "Nothing was changed. --yes does not ask.")
    delete_campaign(home, campaign, tracking=not no_tracking)
    typer.echo(f"Deleted {what}.")
