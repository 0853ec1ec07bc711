"""export: a kept model as a file that others can run.

In: a model, a format, a path. Out: the file, and its parity with Keras as text or JSON.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import complete, options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.export.formats import Format
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.export.run import Exported


@command(app, "export")
def export(
    form: Annotated[Format, typer.Option("--format", help="What to write.")],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="Where; nothing may be there yet.")],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="URI|FILE",
            help="models:/NAME@champion, models:/NAME/1, models:/m-... or a .keras file.",
            autocompletion=complete.models,
        ),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record",
            metavar="NAME",
            help="CAMPAIGN, CAMPAIGN:baseline or CAMPAIGN/trials/0003.",
            autocompletion=complete.records,
        ),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise the network to whole numbers, calibrated on training faces.")
    ] = False,
    classes: Annotated[
        str | None,
        typer.Option("--classes", metavar="A,B,...", help="Names, for a .keras file that no record here knows."),
    ] = None,
    data: options.Data = None,
    runtime_dir: Annotated[
        Path | None,
        typer.Option("--runtime-dir", metavar="FOLDER", help="web: onnxruntime-web's files; default: fetched by npm."),
    ] = None,
    *,
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Write a model as ONNX, LiteRT, SavedModel, OpenVINO or a web page, and measure that it answers the same."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whose exporters are used; a kept model fits every backend
    from fer_exp.export.run import Order, export_model

    done = export_model(
        Home.from_environment(),
        Order(form, out, int8, data, classes, runtime_dir),
        model=model,
        record=record,
        say=lambda line: typer.echo(line, err=True),
    )
    typer.echo(done.to_json(indent=1) if as_json else _as_text(done))


def _as_text(done: "Exported") -> str:
    """What was written, what is inside, and how it compares."""
    facts = done.facts
    what = f"{done.format.value}{', int8' if done.int8 else ''}"
    views = "" if facts.views == "one" else f", the mean over {facts.views} views"
    calm = (
        "no temperature, since none is recorded" if facts.temperature is None else f"temperature {facts.temperature:g}"
    )
    lines = [
        f"Wrote {done.title} as {what}: {done.path} ({done.bytes / 1e6:.1f} MB)",
        f"Inside: preprocessing, {len(facts.classes)} classes ({', '.join(facts.classes)}), {calm}{views}",
        f"Takes {facts.takes}",
        *_parity(done),
        facts.notice,
    ]
    return "\n".join(lines)


def _parity(done: "Exported") -> Iterator[str]:
    from fer_exp.export.parity import LARGEST

    for found in (done.parity, *([done.by_default] if done.by_default else [])):
        bound = "" if done.int8 or found is done.by_default else f" (at most {LARGEST:g})"
        yield (
            f"Against Keras, by {found.runtime} on {found.which}: largest difference of a probability "
            f"{found.largest:.2g}{bound}, {found.changed:,} of {found.faces:,} labels changed"
        )
        if done.int8 and found.lost is not None:
            lost = found.lost
            yield (
                f"Accuracy {100 * lost.keras:.2f} % in float, {100 * lost.export:.2f} % in int8: "
                f"{100 * lost.difference:+.2f} points, 95 % interval {100 * lost.low:+.2f} to {100 * lost.high:+.2f}, "
                "paired on the same faces"
            )
    if done.by_default is not None:
        yield (
            "OpenVINO takes that precision by itself on this machine; for Keras's answers compile the model with "
            'INFERENCE_PRECISION_HINT "f32"'
        )
