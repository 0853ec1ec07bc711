"""records pack and records unpack."""

from pathlib import Path
from typing import Annotated

import typer

from fer_exp.api.names import known_campaign
from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.home import Home
from fer_exp.system.words import counted

records = typer.Typer(no_args_is_help=True, help="Carry records to another machine.", rich_markup_mode=None)
app.add_typer(records, name="records")


@command(records, "pack")
def pack(
    campaign: options.CampaignName,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Default: CAMPAIGN.fer-exp.tar.zst.")] = None,
    *,
    light: Annotated[
        bool, typer.Option("--light", help="Without models, checkpoints, figures and logs: small enough to commit.")
    ] = False,
    verbose: Verbose = 0,
) -> None:
    """Pack a campaign's records into one file, with the SHA-256 of each."""
    home = Home.from_environment()
    known_campaign(home, campaign)
    from fer_exp.portable import pack as write
    from fer_exp.portable.manifest import SUFFIX

    target = Path(campaign + SUFFIX) if file is None else file
    manifest = write(home.campaign(campaign), target, light=light)
    typer.echo(
        f"{counted(len(manifest.files), 'file')} ({manifest.size:,} bytes) of {campaign} packed into {target} "
        f"({target.stat().st_size:,} bytes)"
    )
    if manifest.light:
        typer.echo("Light: compare, evaluate and report tell from it what was measured; no model can be asked.")


@command(records, "unpack")
def unpack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `records pack` wrote.")],
    verbose: Verbose = 0,
) -> None:
    """Unpack records into this home; they go on, are evaluated and shown as if they had run here."""
    from fer_exp.portable import unpack as read

    home = Home.from_environment()
    done = read(home, file)
    name = done.manifest.campaign
    if not done.added:
        typer.echo(f"{name} is here already, with the same records: {done.folder}")
        return
    typer.echo(f"{done.added} of {len(done.manifest.files)} files unpacked into {done.folder}")
    typer.echo(f"Next:    fer-exp sync {name} shows them in MLflow; fer-exp status {name} lists them")
