"""predict: the expression that faces in pictures and videos appear to show, as rows.

In: paths, and a model by name. Out: rows on standard output or in a file, annotated pictures, explanations; what was
counted on standard error.
"""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import complete
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import BadInput, Interrupted

if TYPE_CHECKING:
    from fer_exp.prediction.models import FaceModel
    from fer_exp.prediction.run import Seen, Tally

STDIN = "-"
SHOWN = 20  # files that could not be read, a line each; the others are counted


@command(app, "predict")
def predict(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...", help="Pictures, videos, folders; - reads a list of paths.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="models:/NAME@champion, or a .keras file. Default: the only champion.",
            autocompletion=complete.models,
        ),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record", metavar="NAME", help="A training: CAMPAIGN/trials/0003.", autocompletion=complete.records
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help=".csv, .jsonl or .parquet. Default: CSV on stdout.")
    ] = None,
    annotate: Annotated[
        Path | None, typer.Option("--annotate", metavar="DIR", help="Write pictures and videos with boxes and labels.")
    ] = None,
    explain: Annotated[
        Path | None, typer.Option("--explain", metavar="DIR", help="Write what in each face speaks for its label.")
    ] = None,
    no_detect: Annotated[bool, typer.Option("--no-detect", help="Every picture is one face, cut out already.")] = False,
    detector: Annotated[
        str | None, typer.Option("--detector", metavar="mtcnn|haar", help="Default: the best that is installed.")
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option("--boxes", metavar="FILE", help="CSV or JSON lines: file, left, top, width, height, frame."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", min=-0.4, max=2.0, help="Added around a box, as a share. Default: as FER2013."),
    ] = None,
    least_face: Annotated[
        int | None,
        typer.Option("--least-face", min=8, help="Pixels of the smallest face. Default: 1/20 of the shorter side."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option("--classes", metavar="A,B,...", help="Names, where the model has no record.")
    ] = None,
    *,
    verbose: Verbose = 0,
) -> None:
    """Name the expression that each face appears to show: one row a face a frame.

    A prediction is of an expression in a picture; it does not say what a person feels. Not for decisions about people
    at work or in education (EU AI Act, Article 5); tell people when it looks at them.
    """
    from fer_exp.cli.watch import Watch
    from fer_exp.prediction.annotate import require_apart
    from fer_exp.prediction.api import Finding, load_named, require_some
    from fer_exp.prediction.inputs import sources
    from fer_exp.prediction.rows import require_ending, rows_of, writing
    from fer_exp.prediction.run import Tally, look

    given = _require_inputs(inputs or [])
    if out is not None:
        require_ending(out)
    for folder in (annotate, explain):
        if folder is not None:
            require_apart(folder, (one for one in given if one != STDIN))
    looking = Finding(not no_detect, detector, boxes, margin, least_face).looking()
    typer.echo("Loading the model.", err=True)
    loaded = load_named(model, record, None if classes is None else classes.split(","))
    for line in _before(loaded, looking):
        _say(line)
    total = None if STDIN in given else sum(1 for _ in sources(given))
    rows_are_seen = out is None and sys.stdout.isatty()  # a line that is drawn over would stand among them
    tally, watch = Tally(), Watch(total, drawn=not rows_are_seen)
    try:
        with writing(out, loaded.classes, loaded.title) as writer, watch, ExitStack() as stack:
            takers = _takers(stack, loaded, annotate, explain)
            pictures = bool(annotate)
            for seen in look(sources(_given(given)), looking, loaded, tally, keep_images=pictures, moved=watch.moved):
                writer.write(rows_of(seen, loaded.classes))
                for take in takers:
                    take(seen)
            require_some(tally)
    except KeyboardInterrupt as error:
        kept = "Every row so far was written" if out is None else f"{out} holds every row so far"
        raise Interrupted(
            f"predict: stopped after {tally.frames:,} frames of {tally.sources:,} files", f"{kept}; none is cut off."
        ) from error
    for line in _after(tally, watch.seconds, looking, (out, annotate, explain)):
        _say(line)


def _require_inputs(inputs: list[str]) -> list[str]:
    """The inputs; what can be refused before a model is loaded, which takes longer, is.

    Raises:
        BadInput: There is none, or there is nothing of any of their names.
    """
    from fer_exp.prediction.api import require_some
    from fer_exp.prediction.run import NOTHING_THERE, Tally

    if not inputs:
        raise BadInput(
            "predict: expected pictures, videos or folders, received none",
            "Nothing was predicted. For example: fer-exp predict photo.jpg, or: ls *.jpg | fer-exp predict -",
        )
    if all(_is_missing(one) for one in inputs):
        require_some(Tally(sources=len(inputs), unreadable=[(one, NOTHING_THERE) for one in inputs]))
    return inputs


def _is_missing(path: str) -> bool:
    """Whether there is nothing of that name."""
    if path == STDIN:
        return False
    try:
        Path(path).stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # told when it is opened
        return False
    return False


def _say(line: str) -> None:
    """A line for the user; on a terminal it ends between words."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
    typer.echo(line, err=True)


def _given(inputs: list[str]) -> Iterator[str]:
    """The paths, with those of standard input in the place of `-`, as they come."""
    for one in inputs:
        if one == STDIN:
            yield from (line.removesuffix("\n") for line in sys.stdin if line.strip())
        else:
            yield one


def _before(model: "FaceModel", looking: object) -> Iterator[str]:
    from fer_exp.prediction.looking import Detecting
    from fer_exp.prediction.meaning import MEANING, USE

    how = f", faces found by {looking.detector.name}" if isinstance(looking, Detecting) else ""
    yield f"Model: {model.title}: {', '.join(model.classes.names)}{how}."
    yield from model.notes
    yield MEANING
    yield USE


def _takers(
    stack: ExitStack, model: "FaceModel", annotate: Path | None, explain: Path | None
) -> "list[Callable[[Seen], None]]":
    """What is done with each frame besides its rows."""
    takers: list[Callable[[Seen], None]] = []
    if annotate is not None:
        from fer_exp.prediction.annotate import Annotator

        takers.append(stack.enter_context(Annotator(annotate, model.classes)).add)
    if explain is not None:
        from fer_exp.prediction.explain import Explainer

        takers.append(Explainer(explain, model.probabilities, model.classes).add)
    return takers


def _after(tally: "Tally", seconds: float, looking: object, written: tuple[Path | None, ...]) -> Iterator[str]:
    """What was counted, and what could not be read, a line each."""
    for told, files in (("not read", tally.unreadable), ("read in part", tally.cut_short)):
        yield from (f"{told}: {file}: {why}" for file, why in files[:SHOWN])
        if len(files) > SHOWN:
            yield f"{told}: {len(files) - SHOWN:,} more"
    counted = {
        "files": tally.sources,
        "not read": len(tally.unreadable),
        "read in part": len(tally.cut_short),
        "frames": tally.frames,
        "without a face": tally.without_face,
        "faces": tally.faces,
    }
    always = ("files", "frames", "faces")
    yield ", ".join(f"{what}: {count:,}" for what, count in counted.items() if count or what in always) + "."
    told = f"{seconds:.1f} s, {tally.frames / max(seconds, 1e-9):.1f} frames/s"
    if tally.seconds:
        told += f"; {tally.seconds:.1f} s of video, {tally.seconds / max(seconds, 1e-9):.2f} times real time"
    yield f"{told}."
    if (unused := getattr(getattr(looking, "boxes", None), "unused", 0)) > 0:
        yield f"Boxes of files that were not looked at: {unused:,}."
    yield from (f"Written: {path}" for path in written if path is not None)
