"""ensemble: average several trainings into one model.

In: records by name. Out: the average as a campaign of its own, and whether it is better than its best member.
"""

import json
from typing import Annotated

import typer

from fer_exp.cli import complete, options
from fer_exp.cli.app import Verbose, app, command


@command(app, "ensemble")
def ensemble(
    records: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORDS...",
            help="CAMPAIGN/trials/0003 and the like; a campaign stands for all its retrained seeds.",
            autocompletion=complete.records,
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the average. Default: CAMPAIGN-ensemble.")
    ] = None,
    data: options.Data = None,
    *,
    register: Annotated[
        bool, typer.Option("--register", help="Make it a version of the model NAME in MLflow.")
    ] = False,
    as_json: options.AsJson = False,
    no_tracking: options.NoTracking = False,
    verbose: Verbose = 0,
) -> None:
    """Average the probabilities of several trainings into one model, scored and compared with the best of them."""
    from fer_exp.api.ensembling import ensemble as average

    found = average(records, name=name, register=register, data=data, tracking=not no_tracking, say=_say)
    typer.echo(json.dumps(found.document(), indent=1) if as_json else found.text)
    if found.behind is not None:
        raise found.behind


def _say(line: str) -> None:
    typer.echo(line, err=True)
