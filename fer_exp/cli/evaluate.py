"""evaluate: open the test part for one model, or hold it against another face set.

In: a run, a model or a record by name. Out: the report on test with validation beside it, as text or JSON.
"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import complete, options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.reading import OF_ANOTHER_SET, Read, reads_data
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.api.evaluated import Evaluation, ExternalEvaluation
    from fer_exp.api.folding import FoldsEvaluation


@command(app, "evaluate")
@reads_data(*OF_ANOTHER_SET)
def evaluate(
    what: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The same as --record.", show_default=False)
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run-id", help="A run in MLflow: trial, retrain or campaign.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="URI",
            help="models:/NAME@champion, models:/NAME/1 or models:/m-...",
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
    again: Annotated[
        str, typer.Option("--again", metavar="REASON", help="Why the test part is opened for another model.")
    ] = "",
    data: options.Data = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="PATH", help="Another face set, instead of the test part.")
    ] = None,
    *,
    read: Read,
    as_json: options.AsJson = False,
    no_tracking: options.NoTracking = False,
    verbose: Verbose = 0,
) -> None:
    """Open the test part for one model: report, figures, metrics test/... in its run, a line in the ledger."""
    if what is not None and record is not None:
        raise BadInput(
            f"evaluate: expected one model, received {what!r} and --record {record!r}",
            "Nothing was opened. Name one of them.",
        )
    record = what if record is None else record
    from fer_exp.api import evaluating, folding

    found: Evaluation | ExternalEvaluation | FoldsEvaluation
    alone = record is not None and model is None and run_id is None and on is None
    if record is not None and alone and folding.is_of_folds(Home.from_environment(), record):
        found = folding.evaluate_folds(record, data=data, tracking=not no_tracking, say=_say)
    elif on is None:
        found = evaluating.evaluate(
            record, model=model, run_id=run_id, again=again, data=data, tracking=not no_tracking, say=_say
        )
    else:
        found = evaluating.evaluate_on(
            on, record, model=model, run_id=run_id, again=again, reading=read(), tracking=not no_tracking, say=_say
        )
    typer.echo(json.dumps(found.document(), indent=1) if as_json else found.text)
    if found.behind is not None:
        raise found.behind


def _say(line: str) -> None:
    typer.echo(line, err=True)
