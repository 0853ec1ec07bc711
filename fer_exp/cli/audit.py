"""data audit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import options
from fer_exp.cli.app import Verbose, command
from fer_exp.cli.data import Source, data, found_at
from fer_exp.cli.reading import Read, reads_data
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.data.reading import Reading


@command(data, "audit")
@reads_data()
def audit(
    source: Source,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write. Default: mlruns/audits/<digest>.")
    ] = None,
    other: Annotated[
        str | None,
        typer.Option("--against", metavar="PATH", help="Say instead how much of another set lies in this one."),
    ] = None,
    label_noise: Annotated[
        bool, typer.Option("--label-noise", help="Also look for wrong labels; trains four small networks.")
    ] = False,
    label_epochs: Annotated[
        int | None, typer.Option("--label-epochs", min=1, help="Epochs of each of these networks. Default: 12.")
    ] = None,
    *,
    read: Read,
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Find copies, near copies, conflicting labels, blank images and non-faces; write a page with contact sheets."""
    reading = read()
    from fer_exp.audit.look import LABEL_EPOCHS, audit
    from fer_exp.audit.text import describe
    from fer_exp.audit.write import PAGE, refuse_foreign, write_audit
    from fer_exp.data.sources.read import read_faces

    if other is not None:
        typer.echo(_overlap(source, other, reading, as_json=as_json))
        return
    if out is not None:
        refuse_foreign(out)  # before minutes of work, not after
    faces = read_faces(found_at(source), reading)
    folder = out or Home.from_environment().audits / faces.digest
    refuse_foreign(folder)
    epochs = (label_epochs or LABEL_EPOCHS) if label_noise or label_epochs else None
    found = audit(faces, label_epochs=epochs, say=lambda line: typer.echo(line, err=True))
    write_audit(found, faces, folder)
    typer.echo(found.to_json(indent=1) if as_json else f"{describe(found)}\n\nPage: {folder / PAGE}")


def _overlap(source: str, other: str, reading: "Reading", *, as_json: bool) -> str:
    """How much of one set lies in the other; both are read alike."""
    from fer_exp.audit.against import against, describe_overlap
    from fer_exp.data.find import find_source
    from fer_exp.data.sources.read import read_faces

    one = read_faces(found_at(source), reading)
    where = find_source(other, said_by="--against")
    typer.echo(f"Reading {where}.", err=True)
    found = against(one, read_faces(where, reading))
    return found.to_json(indent=1) if as_json else describe_overlap(found)
