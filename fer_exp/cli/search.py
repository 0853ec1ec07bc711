"""search, baseline and retrain-best: options into calls of `fer_exp.api`, results into text and an exit code."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.api.place import Place
from fer_exp.api.searching import BASELINE_EPOCHS
from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.place import takes_place
from fer_exp.cli.reading import Read, reads_data
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import ExitCode
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.api.retraining import RetrainResult
    from fer_exp.api.searched import SearchResult


@command(app, "search")
@reads_data()
@takes_place
def search(
    file: options.CampaignFile,
    data: options.Data = None,
    protocol: options.ProtocolOption = None,
    folds: options.Folds = None,
    fold: options.OneFold = None,
    max_trials: Annotated[int | None, typer.Option("--max-trials", min=0, help="Trials besides the baseline.")] = None,
    epochs: options.Epochs = None,
    max_hours: options.MaxHours = None,
    limit: options.Limit = None,
    seed: options.Seed = None,
    name: Annotated[str | None, typer.Option("--name", help="Run it under another name.")] = None,
    drop_leaks: options.DropLeaks = False,
    drop_conflicts: options.DropConflicts = False,
    drop_blank: options.DropBlank = False,
    no_clahe: options.NoClahe = False,
    *,
    place: Place,
    read: Read,
    no_tracking: options.NoTracking = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and how long it takes.")] = False,
    verbose: Verbose = 0,
) -> None:
    """Run a campaign: the baseline first, then trials. The same command again goes on where it stopped."""
    from fer_exp.api.request import requested
    from fer_exp.api.searching import planned, run
    from fer_exp.api.source import sourced

    source = sourced(file, Home.from_environment())
    asked = requested(
        source,
        data=data,
        home=None,
        name=name,
        place=place,
        clahe=not no_clahe,
        reading=read(source.campaign.settings.reading),
        changes={
            **{"protocol": protocol, "folds": folds, "fold": fold},
            **{"max_trials": max_trials, "epochs": epochs, "limit": limit, "seed": seed},
        },
        cleaning=(drop_leaks, drop_conflicts, drop_blank),
    )
    if dry_run:
        typer.echo(str(planned(asked)))
        return
    _tell(lambda: run(asked, tracking=not no_tracking, max_hours=max_hours))


@command(app, "baseline")
@reads_data()
def baseline(
    data: options.Data = None,
    protocol: options.ProtocolOption = Protocol.OFFICIAL,
    folds: options.Folds = None,
    fold: options.OneFold = None,
    epochs: options.Epochs = BASELINE_EPOCHS,
    limit: options.Limit = None,
    seed: options.Seed = 1,
    max_hours: options.MaxHours = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of its campaign.")] = None,
    drop_leaks: options.DropLeaks = False,
    drop_conflicts: options.DropConflicts = False,
    drop_blank: options.DropBlank = False,
    no_clahe: options.NoClahe = False,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Train in bfloat16: faster where the processor multiplies it itself.")
    ] = False,
    *,
    read: Read,
    no_tracking: options.NoTracking = False,
    verbose: Verbose = 0,
) -> None:
    """Train the reference system's model alone: 626,791 parameters, its data handling, its regime.

    Under the protocol reference the test part is opened at the end, as the notebook does. The reference's figures are
    shown beside what came out, unless --no-clahe or --bfloat16 made it another recipe.
    """
    from fer_exp.api.searching import baseline as run

    _tell(
        lambda: run(
            data=data,
            protocol=protocol,
            folds=folds,
            fold=fold,
            epochs=epochs,
            limit=limit,
            seed=seed,
            max_hours=max_hours,
            name=name,
            drop_leaks=drop_leaks,
            drop_conflicts=drop_conflicts,
            drop_blank=drop_blank,
            clahe=not no_clahe,
            bfloat16=bfloat16,
            reading=read(),
            tracking=not no_tracking,
        )
    )


@command(app, "retrain-best")
@takes_place
def retrain_best(
    campaign: options.CampaignName,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=100, help="Trainings, each with a seed of its own.")] = 1,
    trial: Annotated[
        int | None, typer.Option("--trial", min=0, help="Another trial than the best; 0: baseline.")
    ] = None,
    epochs: options.Epochs = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help="Training images to keep; 0: all. Default: as in the search.")
    ] = None,
    recover: Annotated[bool, typer.Option("--recover", help="Start from the champion's weights.")] = False,
    replace_champion: Annotated[
        bool, typer.Option("--replace-champion", help="Make it the champion whatever the verdict.")
    ] = False,
    against_baseline: Annotated[
        bool | None,
        typer.Option(
            "--against-baseline/--no-baseline",
            help="Train the baseline with the same seeds and say whether the recipe is better. Default: from 2 seeds.",
            show_default=False,
        ),
    ] = None,
    data: options.Data = None,
    max_hours: options.MaxHours = None,
    skip_bad_rows: options.SkipBadRows = False,
    *,
    place: Place,
    no_tracking: options.NoTracking = False,
    verbose: Verbose = 0,
) -> None:
    """Train the best trial's recipe again with fresh seeds and register the model."""
    from fer_exp.api.retraining import retrain_best as run

    _tell(
        lambda: run(
            campaign,
            seeds=seeds,
            trial=trial,
            epochs=epochs,
            limit=limit,
            recover=recover,
            replace_champion=replace_champion,
            against_baseline=against_baseline,
            data=data,
            **place.said,
            max_hours=max_hours,
            skip_bad_rows=skip_bad_rows,
            tracking=not no_tracking,
        )
    )


def _tell(call: "Callable[[], SearchResult | RetrainResult]") -> None:
    """Prints what came out, also where it was stopped, and leaves with its exit code."""
    from fer_exp.api.retraining import RetrainStopped
    from fer_exp.api.searched import SearchStopped

    try:
        result = call()
    except (SearchStopped, RetrainStopped) as stop:
        result = stop.result
    text, code = result.told()
    typer.echo(text)
    if result.behind is not None:
        raise result.behind
    if code is not ExitCode.OK:
        raise typer.Exit(int(code))
