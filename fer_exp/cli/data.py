"""data check and data convert."""

from pathlib import Path
from typing import Annotated

import typer

from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.reading import Read, reads_data

data = typer.Typer(no_args_is_help=True, help="Look at data and convert them.", rich_markup_mode=None)
app.add_typer(data, name="data")

Source = Annotated[str, typer.Argument(metavar="PATH", help="File, folder or demo.")]


def found_at(source: str) -> str:
    """The source as `search --data` takes it: of a folder that holds FER2013 as a file, that file."""
    from fer_exp.data.find import find_source

    found = find_source(source, said_by="PATH")
    typer.echo(f"Reading {found}.", err=True)
    return found


@command(data, "check")
@reads_data()
def check(
    source: Source,
    *,
    read: Read,
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Say what a source is, count classes by usage, name defects."""
    reading = read()
    where = found_at(source)
    from fer_exp.data.check import check as look
    from fer_exp.data.check import describe
    from fer_exp.data.sources.read import read_faces

    found = look(read_faces(where, reading))
    typer.echo(found.to_json(indent=1) if as_json else describe(found))


@command(data, "convert")
@reads_data()
def convert(
    source: Source,
    destination: Annotated[
        Path, typer.Argument(metavar="DST", help=".csv, .csv.gz, .csv.xz, .csv.zst, .csv.zip, .parquet, or a folder.")
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    *,
    read: Read,
    verbose: Verbose = 0,
) -> None:
    """Write a source in another format; pixels and labels stay as they are."""
    reading = read()
    where = found_at(source)
    from fer_exp.data.sources.convert import convert as write

    faces = write(where, destination, reading, overwrite=overwrite)
    for note in faces.notes:
        typer.echo(note, err=True)
    typer.echo(f"{len(faces)} faces written to {destination} (digest {faces.digest})")
