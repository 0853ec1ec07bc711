"""app: a page to try one model or two on pictures, on this machine only unless told otherwise.

In: models by name. Out: a server until Ctrl-C.
"""

from typing import Annotated

import typer

from fer_exp.cli import complete
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home

PORT = 7860  # gradio's own default
HERE = ("127.0.0.1", "::1", "localhost")


@command(app, "app")
def page(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="models:/NAME@champion, or a .keras file; twice for two models. Default: the only champion.",
            autocompletion=complete.models,
        ),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            "--record", metavar="NAME", help="A training: CAMPAIGN/trials/0003.", autocompletion=complete.records
        ),
    ] = None,
    detector: Annotated[
        str | None, typer.Option("--detector", metavar="mtcnn|haar", help="Default: the best that is installed.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = PORT,
    listen: Annotated[
        str, typer.Option("--listen", metavar="ADDRESS", help="Another address than this machine's own, for others.")
    ] = HERE[0],
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    verbose: Verbose = 0,
) -> None:
    """Show a page with webcam and upload: boxes, bars, heat maps, worst mistakes; one model, or two side by side.

    A prediction is of an expression in a picture; it does not say what a person feels. Not for decisions about people
    at work or in education (EU AI Act, Article 5); tell people when it looks at them. Nothing leaves this machine.
    """
    import webbrowser

    from fer_exp.system.stderr import stderr_to

    asked = [*((one, None) for one in model or ()), *((None, one) for one in record or ())] or [(None, None)]
    if len(asked) > 2:
        raise BadInput(
            f"app: expected one model or two, received {len(asked)}", "Nothing was started. Name at most two."
        )
    home = Home.from_environment()
    typer.echo("Loading; a few seconds.", err=True)
    with stderr_to():
        from fer_exp.choosing import Recorded
        from fer_exp.prediction.api import Finding
        from fer_exp.prediction.app import require_gradio, serve
        from fer_exp.prediction.models import find, load

        require_gradio()
        finding = Finding(detector=detector)
        finding.looking()  # an unknown detector is refused here
        found = [find(home, by_model, by_record) for by_model, by_record in asked]
        loaded = [load(one) for one in found]
        records = [one.record if isinstance(one, Recorded) else None for one in found]
    for note in (note for one in loaded for note in one.notes):
        typer.echo(note, err=True)
    if listen not in HERE:
        typer.echo(f"Whoever reaches {listen} may use it: no password is asked for.", err=True)

    def say(line: str) -> None:
        typer.echo(line)
        if open_browser and line.startswith("The page: "):
            webbrowser.open(line.removeprefix("The page: "))

    serve(loaded, records, finding, listen, port, say=say)
