"""search, dry_run and baseline: a campaign is run, or gone on with.

In: a campaign file, or a Campaign made in Python, and what is to be different from it. Out: a SearchResult. The command
line calls these same functions.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fer_exp.api.pages import write_pages
from fer_exp.api.place import EngineName, Place, Settled
from fer_exp.api.request import SearchRequest, requested, require_here, with_data
from fer_exp.api.searched import SearchResult, SearchStopped
from fer_exp.api.settings import cleaned, override, refuse_foldless
from fer_exp.api.told import Text
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.api.source import Sourced
    from fer_exp.campaign import Campaign, Settings
    from fer_exp.data.reading import Reading
    from fer_exp.execute.progress import Watcher
    from fer_exp.recipe import Recipe

SECONDS = 3600.0  # in an hour
BASELINE_EPOCHS = 100  # the reference's upper bound


def search(
    campaign: "Campaign | Path | str | Sourced",
    *,
    data: Path | str | None = None,
    protocol: Protocol | str | None = None,
    folds: int | None = None,
    fold: int | None = None,
    workers: int | Literal["auto"] = 1,
    engine: EngineName | Literal["local", "ray"] = EngineName.LOCAL,
    ray_address: str | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
    max_trials: int | None = None,
    epochs: int | None = None,
    max_hours: float | None = None,
    limit: int | None = None,
    seed: int | None = None,
    name: str | None = None,
    drop_leaks: bool = False,
    drop_conflicts: bool = False,
    drop_blank: bool = False,
    clahe: bool = True,
    reading: "Reading | None" = None,
    tracking: bool = True,
    home: Path | str | Home | None = None,
    watcher: "Watcher | None" = None,
) -> SearchResult:
    """Runs a campaign: the baseline first, then trials. The same call again goes on where it stopped.

    Args:
        campaign: A campaign file, or a Campaign made in Python, as in a notebook's cell.
        data: A file or folder, or "demo"; else what the campaign names, else `FER_EXP_DATA`, else `data/`.
        protocol: How rows become train, validation and test; None as the campaign says.
        folds: Of the protocol `subject-kfold`; each is searched in turn, as a campaign of its own.
        fold: One fold alone.
        workers: Trials at the same time; "auto" as the machine or the cluster has room.
        engine: "local" on this machine, "ray" on the machines of a Ray cluster.
        ray_address: The cluster: "auto" (one that this machine is part of), "local" (started for this process) or
            HOST:PORT; None is "auto".
        cpus_per_trial: Processors of a trial; None for an equal share, on a cluster one.
        gpus_per_trial: GPUs of a trial, or a part of one; None for one, if there are any.
        max_trials: Besides the baseline.
        epochs: Of a trial at most.
        max_hours: Stop after so many; the same call goes on.
        limit: Training images kept, stratified.
        seed: Of proposals, splits and trainings.
        name: Another name than the campaign's.
        drop_leaks: Train without what validation or test holds too.
        drop_conflicts: Train without images of several labels.
        drop_blank: Train without images of a single grey level.
        clahe: Whether recipes may use CLAHE; False leaves it out of all.
        reading: How the source is read; None as the campaign says.
        tracking: Whether MLflow shows the records while they are made.
        home: Where everything is written; None for `FER_EXP_HOME`, else `./mlruns`.
        watcher: Who is shown the progress; None for a notebook's output or the terminal.

    Raises:
        SearchStopped: By Ctrl-C, or the kernel was interrupted; what was complete is kept.
        FerExpError: Campaign, data or records cannot be used, or trials fail; the error says what to do.
    """
    asked = requested(
        campaign,
        data=data,
        home=home,
        name=name,
        place=Place.of(workers, engine, ray_address, cpus_per_trial, gpus_per_trial),
        clahe=clahe,
        reading=reading,
        changes={
            **{"protocol": protocol, "folds": folds, "fold": fold},
            **{"max_trials": max_trials, "epochs": epochs, "limit": limit, "seed": seed},
        },
        cleaning=(drop_leaks, drop_conflicts, drop_blank),
    )
    return run(asked, tracking=tracking, max_hours=max_hours, watcher=watcher)


def dry_run(
    campaign: "Campaign | Path | str | Sourced",
    *,
    data: Path | str | None = None,
    protocol: Protocol | str | None = None,
    folds: int | None = None,
    fold: int | None = None,
    workers: int | Literal["auto"] = 1,
    engine: EngineName | Literal["local", "ray"] = EngineName.LOCAL,
    ray_address: str | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
    max_trials: int | None = None,
    epochs: int | None = None,
    limit: int | None = None,
    seed: int | None = None,
    name: str | None = None,
    drop_leaks: bool = False,
    drop_conflicts: bool = False,
    drop_blank: bool = False,
    clahe: bool = True,
    reading: "Reading | None" = None,
    home: Path | str | Home | None = None,
) -> Text:
    """What `search` with the same arguments would do: space, schedule, totals, and the time it takes here.

    Raises:
        FerExpError: What `search` would refuse.
    """
    asked = requested(
        campaign,
        data=data,
        home=home,
        name=name,
        place=Place.of(workers, engine, ray_address, cpus_per_trial, gpus_per_trial),
        clahe=clahe,
        reading=reading,
        changes={
            **{"protocol": protocol, "folds": folds, "fold": fold},
            **{"max_trials": max_trials, "epochs": epochs, "limit": limit, "seed": seed},
        },
        cleaning=(drop_leaks, drop_conflicts, drop_blank),
    )
    return planned(asked)


def baseline(
    *,
    data: Path | str | None = None,
    protocol: Protocol | str | None = Protocol.OFFICIAL,
    folds: int | None = None,
    fold: int | None = None,
    epochs: int | None = BASELINE_EPOCHS,
    limit: int | None = None,
    seed: int | None = 1,
    max_hours: float | None = None,
    name: str | None = None,
    drop_leaks: bool = False,
    drop_conflicts: bool = False,
    drop_blank: bool = False,
    clahe: bool = True,
    bfloat16: bool = False,
    reading: "Reading | None" = None,
    tracking: bool = True,
    home: Path | str | Home | None = None,
    watcher: "Watcher | None" = None,
) -> SearchResult:
    """Trains the reference system's model alone: 626,791 parameters, its data handling, its regime.

    Under the protocol `reference` the test part is opened at the end, as the reference notebook does, and
    `reproduction` shows validation, test and the notebook's figures. Arguments are those of `search`. A `name` of None
    is one that says what distinguishes the run. `clahe=False` and `bfloat16=True` (faster where the processor
    multiplies it itself) make it another recipe than the reference's.

    Raises:
        SearchStopped: As of `search`.
        FerExpError: As of `search`.
    """
    from fer_exp.campaign import Campaign, Settings
    from fer_exp.recipe import Precision, baseline_recipe

    require_here()
    changes: dict[str, object] = {"protocol": protocol, "folds": folds, "fold": fold}
    changes |= {"epochs": epochs, "limit": limit, "seed": seed}
    settings = override(Settings(max_trials=0), **changes)
    refuse_foldless(settings, changes)
    settings = cleaned(settings, leaks=drop_leaks, conflicts=drop_conflicts, blank=drop_blank)
    recipe = baseline_recipe().but(clahe=clahe, precision=Precision.BFLOAT16 if bfloat16 else Precision.FLOAT32)
    campaign = Campaign(
        name=name or _baseline_name(settings, recipe),
        question="What does the reference system's model reach under this protocol?",
        space=lambda _: recipe,
        settings=settings,
        baseline=recipe,
    )
    settings, choice = with_data(settings, data, None, reading)
    asked = SearchRequest(None, campaign, settings, choice, Home.at(home), Settled(1, campaign.resources))
    result = run(asked, tracking=tracking, max_hours=max_hours, watcher=watcher)
    if not settings.protocol.leaky or result.stopped:
        return result
    from fer_exp.api.evaluating import reproduction

    text, behind = reproduction(asked.home, campaign.name, choice.source, tracking=tracking)
    return replace(result, reproduction=text, behind=behind)


def planned(asked: SearchRequest) -> Text:
    """What would be done; see `dry_run`."""
    from fer_exp.api.dry_run import describe

    return Text(describe(asked.campaign, asked.settings, asked.data, asked.home, asked.settled))


def run(
    asked: SearchRequest, *, tracking: bool = True, max_hours: float | None = None, watcher: "Watcher | None" = None
) -> SearchResult:
    """Carries out what was asked; see `search`.

    Raises:
        SearchStopped: As of `search`.
        FerExpError: As of `search`.
    """
    from fer_exp.campaign.folds import folds_asked, of_fold

    hours = max_hours if max_hours is not None else asked.settings.max_hours
    folds = folds_asked(asked.settings)
    if not folds:
        return _run(asked, tracking, hours, watcher)
    began, ended = time.monotonic(), list[SearchResult]()
    for fold in folds:
        campaign, settings = of_fold(asked.campaign, asked.settings, fold)
        left = None if hours is None else max(hours - (time.monotonic() - began) / SECONDS, 0.0)
        one = replace(asked, campaign=campaign, settings=settings)
        try:
            ended.append(_run(one, tracking, left, watcher))
        except SearchStopped as stop:
            raise SearchStopped(_of_folds(asked, [*ended, stop.result])) from stop
        if ended[-1].stopped or ended[-1].failed:
            break
    return _of_folds(asked, ended)


def _of_folds(asked: SearchRequest, ended: list[SearchResult]) -> SearchResult:
    """The result of the last fold, with those of all."""
    return replace(ended[-1], folds=tuple(ended), of_folds=(asked.campaign.name, asked.settings.folds))


def _run(asked: SearchRequest, tracking: bool, hours: float | None, watcher: "Watcher | None") -> SearchResult:
    from fer_exp.api.watching import watching
    from fer_exp.tuning.run import Conditions, run_search

    source = asked.source
    file, mark = ("fer-exp baseline", "built-in") if source is None else (source.file, source.fingerprint)
    with watching(watcher) as view:
        conditions = Conditions(
            asked.home,
            view,
            asked.settled.workers,
            tracking,
            hours,
            cluster=asked.settled.cluster,
            resources=asked.settled.resources,
            report=write_pages,
        )
        text = None if source is None else source.text
        result = run_search(asked.campaign, asked.settings, file, mark, asked.data, conditions, text)
    found = SearchResult(asked.campaign.name, asked.home, tracking, result)
    if result.requested and found.stopped:
        raise SearchStopped(found)
    return found


def _baseline_name(settings: "Settings", recipe: "Recipe") -> str:
    """Says what distinguishes it, so that baselines on other terms stand beside each other."""
    parts = ["baseline", settings.protocol.value, f"{settings.epochs}e"]
    parts += [f"limit{settings.limit}"] if settings.limit else []
    parts += [rule.replace("_", "-") for rule in settings.cleaning.rules]
    parts += [f"seed{settings.seed}"] if settings.seed != 1 else []
    parts += [] if recipe.clahe else ["no-clahe"]
    parts += ["bfloat16"] if recipe.precision == "bfloat16" else []
    return "-".join(parts)
