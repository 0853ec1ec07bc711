"""compare: is one group of trainings really better than another?

In: two names. Out: the verdict as text or JSON, and an exit code for scripts.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.names import refuse_no_page
from fer_exp.system.errors import BadInput, ExitCode
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.verdict import Comparison

RUN_ID = re.compile("[0-9a-f]{32}")
LEVELS = (0.5, 0.999)  # the first left out; beyond the second, 2,000 resamples say too little about the tail

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
    if not LEVELS[0] < level <= LEVELS[1]:
        raise BadInput(
            f"--level: expected a number above {LEVELS[0]:g}, at most {LEVELS[1]:g}, received {level:g}",
            "Nothing was compared. 0.95 is usual.",
        )
    refuse_no_page(report, "--report")
    home = Home.from_environment()
    typer.echo("Reading what both said of the validation images.", err=True)
    from fer_exp.verdict import Answer, compare_groups, find_groups, matching, verdict_text

    ours = find_groups(home, record_of(home, a))[0]
    theirs = matching(find_groups(home, record_of(home, b)), ours)
    comparison = compare_groups(ours, theirs, level)
    typer.echo(_as_json(comparison) if as_json else verdict_text(comparison))
    if report is not None:
        from fer_exp.report import write_comparison

        write_comparison(ours, theirs, comparison, report)
        typer.echo(f"Report: {report}", err=True)
    if fail_if_not_better and comparison.judgement.answer is not Answer.BETTER:
        raise typer.Exit(int(ExitCode.NOT_BETTER))


def record_of(home: Home, name: str) -> str:
    """The folder that a run of MLflow shows; any other name as it is."""
    if not RUN_ID.fullmatch(name) or home.campaign(name).exists():
        return name
    typer.echo(f"Finding run {name}.", err=True)
    from fer_exp.tracking import find_run

    return find_run(home, name).record.as_posix()


def _as_json(comparison: "Comparison") -> str:
    from fer_exp.verdict import sentence

    judged = comparison.judgement
    answer = {"answer": judged.answer.value, "sentence": sentence(comparison)}
    return json.dumps(answer | json.loads(comparison.to_json()), indent=1)
