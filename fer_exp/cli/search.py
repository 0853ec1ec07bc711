"""search, baseline and retrain-best."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.cli.names import known_campaign
from fer_exp.cli.place import Place, Settled, takes_place
from fer_exp.cli.reading import Read, reads_data
from fer_exp.cli.settings import cleaned, override, without_clahe
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadInput, ExitCode
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.campaign import Campaign, CampaignSpec, Settings
    from fer_exp.cli.view import View
    from fer_exp.data.reading import Reading
    from fer_exp.recipe import Recipe
    from fer_exp.search.run import Conditions
    from fer_exp.search.values import DataChoice, Result, Retrained

BASELINE_EPOCHS = 100  # the reference's upper bound


@command(app, "search")
@reads_data()
@takes_place
def search(
    file: options.CampaignFile,
    data: options.Data = None,
    protocol: options.ProtocolOption = None,
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
    from fer_exp.campaign import load_campaign

    campaign = load_campaign(file)
    if name is not None:
        campaign = replace(campaign, name=name)
    if no_clahe:
        campaign = without_clahe(campaign)
    settings = override(
        campaign.settings, protocol=protocol, max_trials=max_trials, epochs=epochs, limit=limit, seed=seed
    )
    settings = cleaned(settings, leaks=drop_leaks, conflicts=drop_conflicts, blank=drop_blank)
    if settings.protocol.leaky:
        raise BadInput(
            f"protocol {settings.protocol}: its validation part holds copies of training images, so a search on it "
            "would reward memorising",
            "Nothing was started. Search with --protocol official or stratified; "
            "`fer-exp baseline --protocol reference` reproduces the reference's number.",
        )
    reading = read(settings.reading)
    settings = settings.model_copy(update={"reading": reading})
    choice = _choose_data(data, campaign.data, reading)
    if dry_run:
        from fer_exp.cli.dry_run import describe

        typer.echo(describe(campaign, settings, choice, Home.from_environment(), place.settle(campaign.resources)))
        return
    hours = max_hours if max_hours is not None else settings.max_hours
    settled = place.settle(campaign.resources)
    _search(campaign, settings, file, choice, settled=settled, tracking=not no_tracking, max_hours=hours)


@command(app, "baseline")
@reads_data()
def baseline(
    data: options.Data = None,
    protocol: options.ProtocolOption = Protocol.OFFICIAL,
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
    from fer_exp.campaign import Campaign, Settings
    from fer_exp.recipe import Precision, baseline_recipe

    settings = override(Settings(max_trials=0), protocol=protocol, epochs=epochs, limit=limit, seed=seed)
    settings = cleaned(settings, leaks=drop_leaks, conflicts=drop_conflicts, blank=drop_blank)
    recipe = baseline_recipe().but(clahe=not no_clahe, precision=Precision.BFLOAT16 if bfloat16 else Precision.FLOAT32)
    campaign = Campaign(
        name=name or _baseline_name(settings, recipe),
        question="What does the reference system's model reach under this protocol?",
        space=lambda _: recipe,
        settings=settings,
        baseline=recipe,
    )
    reading = read()
    settings = settings.model_copy(update={"reading": reading})
    choice = _choose_data(data, None, reading)
    settled = Settled(1, campaign.resources)
    _search(campaign, settings, None, choice, settled=settled, tracking=not no_tracking, max_hours=max_hours)
    if settings.protocol.leaky:
        _tell_reproduction(campaign.name, choice.source, tracking=not no_tracking)


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
    home = Home.from_environment()
    spec = known_campaign(home, campaign)
    from fer_exp.data.find import find_recorded
    from fer_exp.search.values import DataChoice

    choice = DataChoice(
        find_recorded(data, spec.data.path),
        spec.data.reading_again.model_copy(update={"skip_bad_rows": skip_bad_rows or bool(spec.data.dropped_total)}),
    )
    from fer_exp.cli.view import View
    from fer_exp.search.run import run_retrain
    from fer_exp.search.values import RetrainOptions

    settled = place.settle()
    options = RetrainOptions(trial, seeds, epochs, limit, recover, replace_champion, against_baseline)
    with View() as view:
        conditions = _conditions(home, view, settled, tracking=not no_tracking, max_hours=max_hours)
        retrained = run_retrain(spec, options, choice, conditions)
    _tell_retrained(home, spec, retrained)


def _choose_data(given: str | None, default: str | None, reading: "Reading") -> "DataChoice":
    from fer_exp.data.find import find_source
    from fer_exp.search.values import DataChoice

    return DataChoice(find_source(given, default), reading)


def _baseline_name(settings: "Settings", recipe: "Recipe") -> str:
    """Says what distinguishes it, so that baselines on other terms stand beside each other."""
    parts = ["baseline", settings.protocol.value, f"{settings.epochs}e"]
    parts += [f"limit{settings.limit}"] if settings.limit else []
    parts += [rule.replace("_", "-") for rule in settings.cleaning.rules]
    parts += [f"seed{settings.seed}"] if settings.seed != 1 else []
    parts += [] if recipe.clahe else ["no-clahe"]
    parts += ["bfloat16"] if recipe.precision == "bfloat16" else []
    return "-".join(parts)


def _search(
    campaign: "Campaign",
    settings: "Settings",
    file: Path | None,
    choice: "DataChoice",
    *,
    settled: Settled,
    tracking: bool,
    max_hours: float | None,
) -> None:
    from fer_exp.campaign import fingerprint
    from fer_exp.cli.view import View
    from fer_exp.search.run import run_search

    home = Home.from_environment()
    mark = fingerprint(file) if file is not None else "built-in"
    with View() as view:
        conditions = _conditions(home, view, settled, tracking=tracking, max_hours=max_hours)
        result = run_search(campaign, settings, str(file or "fer-exp baseline"), mark, choice, conditions)
    _tell_searched(campaign.name, home, conditions, result)


def _conditions(home: Home, view: "View", settled: Settled, *, tracking: bool, max_hours: float | None) -> "Conditions":
    from fer_exp.search.run import Conditions

    return Conditions(
        home,
        view,
        settled.workers,
        tracking=tracking,
        max_hours=max_hours,
        cluster=settled.cluster,
        resources=settled.resources,
    )


def _tell_searched(name: str, home: Home, conditions: "Conditions", result: "Result") -> None:
    from fer_exp.cli.texts import after_search

    text, code = after_search(name, home, result, tracking=conditions.tracking)
    typer.echo(text)
    if code is not ExitCode.OK:
        raise typer.Exit(int(code))


def _tell_reproduction(name: str, source: str, *, tracking: bool) -> None:
    from fer_exp.records import Record, State

    home = Home.from_environment()
    if Record(home.campaign(name) / "trials" / "0000").state() is not State.FINISHED:
        return
    from fer_exp.cli.evaluate import reproduction

    text, opened = reproduction(home, name, source)
    typer.echo(f"\n{text}")
    if tracking and opened:
        from fer_exp.tracking import sync

        sync(home, name)


def _tell_retrained(home: Home, spec: "CampaignSpec", retrained: "Retrained") -> None:
    from fer_exp.cli.texts import after_retrain

    text, code = after_retrain(home, spec, retrained)
    typer.echo(text)
    if code is not ExitCode.OK:
        raise typer.Exit(int(code))
