"""data fetch: FER2013 from Kaggle, or from a file that was downloaded by hand."""

from pathlib import Path
from typing import Annotated

import typer

from fer_exp.cli.app import Verbose, command
from fer_exp.cli.data import data


@command(data, "fetch")
def fetch(
    given: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A file that was downloaded by hand.")
    ] = None,
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to put it.")] = Path("data"),
    verbose: Verbose = 0,
) -> None:
    """Get FER2013 from Kaggle, check its digest, and put it where commands find it.

    It needs the extra `kaggle` and an account. Without either, it says by which steps the file is had by hand.
    """
    from fer_exp.data.fetch import LICENCE
    from fer_exp.data.fetch import fetch as get

    typer.echo(LICENCE, err=True)
    got = get(given, folder, lambda line: typer.echo(line, err=True))
    there = "is there already" if got.was_there else "written"
    typer.echo(f"{got.path}: {there}, digest {got.digest}, which is FER2013's.")
    typer.echo("Next:    fer-exp data check" + ("" if folder == Path("data") else f" {folder}"))
