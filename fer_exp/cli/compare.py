"""compare: is one group of trainings really better than another?

In: two names. Out: the verdict as text or JSON, and an exit code for scripts.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.api.names import refuse_no_page
from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import ExitCode

if TYPE_CHECKING:
    from fer_exp.api.comparing import ComparisonResult

Name = Annotated[
    str,
    typer.Argument(
        help="A campaign (its retrains, else its best trial), CAMPAIGN:baseline, CAMPAIGN/trials/0003, "
        "CAMPAIGN/retrains, or an MLflow run id."
    ),
]


@command(app, "compare")
def compare(
    a: Name,
    b: Name,
    level: Annotated[float, typer.Option("--level", help="Confidence of the intervals, such as 0.95.")] = 0.95,
    equivalence: Annotated[
        float | None, typer.Option("--equivalence", help="Say too whether both are alike within so many points.")
    ] = None,
    fail_if_not_better: Annotated[
        bool, typer.Option("--fail-if-not-better", help="Exit with 3 unless A is better than B.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the comparison as one HTML page, too.")
    ] = None,
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Say whether A is better than B on the same validation images: better, not shown, or worse."""
    from fer_exp.api.comparing import compare as judge
    from fer_exp.verdict import Answer

    refuse_no_page(report, "--report")
    typer.echo("Reading what both said of the validation images.", err=True)
    found = judge(a, b, level=level, equivalence=equivalence)
    typer.echo(_as_json(found) if as_json else found.text)
    if report is not None:
        typer.echo(f"Report: {found.write_report(report)}", err=True)
    if fail_if_not_better and found.answer is not Answer.BETTER:
        raise typer.Exit(int(ExitCode.NOT_BETTER))


def _as_json(found: "ComparisonResult") -> str:
    answer: dict[str, object] = {"answer": found.answer.value, "sentence": found.sentence}
    if found.equivalent is not None:
        answer["equivalent"] = found.equivalent
    return json.dumps(answer | json.loads(found.comparison.to_json()), indent=1)
