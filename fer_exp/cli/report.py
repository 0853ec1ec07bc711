"""report: a campaign as one HTML file.

In: a campaign's name. Out: the page, and its model card beside it.
"""

from pathlib import Path
from typing import Annotated

import typer

from fer_exp.api.names import known_campaign, refuse_no_page
from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.home import Home


@command(app, "report")
def report(
    campaign: options.CampaignName,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write. Default: the campaign's folder.")
    ] = None,
    no_faces: Annotated[
        bool, typer.Option("--no-faces", help="Leave faces out, where the data may not be handed on.")
    ] = False,
    verbose: Verbose = 0,
) -> None:
    """Write a campaign's report: one HTML file that opens without a network, in light, dark and on paper."""
    home = Home.from_environment()
    known_campaign(home, campaign)
    refuse_no_page(out, "--out")
    typer.echo("Reading the records.", err=True)
    from fer_exp.report import REPORT, write_pages, write_report

    if out is None and not no_faces:
        write_pages(home, campaign)
        path = home.campaign(campaign) / REPORT
    else:
        path = write_report(home, campaign, out, pictures=not no_faces)
    typer.echo(f"Report: {path}")
