"""What a search would do, before it does it: space, schedule, totals, and an estimate of the time.

The time is measured here and now on a few batches of the baseline, so it is this machine's.
"""

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_exp.api.loading import load_keras
from fer_exp.api.place import Settled
from fer_exp.campaign import Campaign, Settings
from fer_exp.campaign.changes import describe_hyperparameter
from fer_exp.campaign.folds import folds_asked
from fer_exp.campaign.objective import refuse_undecided
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.recipe import Recipe
from fer_exp.system.home import Home
from fer_exp.system.stderr import stderr_to
from fer_exp.training.balance import oversample
from fer_exp.tuning.proposer import Plan, fewer_points
from fer_exp.tuning.values import DataChoice

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

MEASURED_BATCHES = 8
WARM_UP_BATCHES = 3
FIRST = 3.0  # first batches that a training costs besides its epochs; 12 s against 3.7 s, seen on the demo
VALIDATION = 1 / 3  # of a training image's time goes into looking at one without learning
SPREAD = 0.3  # of a total, to either side
EARLY = 0.4  # of a total, where most trainings stop early
UNSTEADY = 3.0  # times the fastest batch


def say(line: str) -> None:
    """What takes its time, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def describe(campaign: Campaign, settings: Settings, data: DataChoice, home: Home, settled: Settled) -> str:
    """The whole plan as text; nothing is written but the cache of prepared data."""
    say("Loading Keras and Keras Tuner.")
    began = time.perf_counter()
    with stderr_to():
        load_keras()
        from fer_exp.tuning.make import make_proposer

        proposer = make_proposer(campaign, settings)
    loading = time.perf_counter() - began
    say(f"Reading {data.source}.")
    development = prepare(
        data.source,
        protocol=settings.protocol,
        seed=settings.seed,
        limit=settings.limit,
        cache=home.cache,
        reading=data.reading,
        cleaning=settings.cleaning,
        fold=settings.test_fold,
    )
    refuse_undecided(settings.objective, development.info)
    say("Measuring the baseline on this machine.")
    with stderr_to():
        cost = measure(campaign, settings, development)
    plan = proposer.plan()
    info = development.info
    lines = [
        f"campaign   {campaign.name}: {campaign.question}",
        f"data       {info.source}: {sum(info.train_counts):,} to train, {sum(info.validation_counts):,} to validate, "
        f"{sum(info.test_counts):,} sealed; protocol {info.split_title}",
        f"algorithm  {settings.algorithm}, objective {settings.objective.metric} ({settings.objective.direction}), "
        f"seed {settings.seed}",
        "space",
        *(f"           {describe_hyperparameter(entry)}" for entry in proposer.space()),
        "schedule   baseline first, then",
        *(f"           {line}" for line in proposer.schedule()),
        *(f"           {line}" for line in fewer_points(settings, plan)),
        f"in all     at most {plan.trials} trainings and {plan.epochs} epochs, the baseline included",
        *_folds(settings),
        *_power(sum(info.validation_counts)),
        *_time(cost, plan, loading, campaign.baseline, settings, settled),
    ]
    return "\n".join(lines)


def _folds(settings: Settings) -> Iterator[str]:
    """That all of it is done once in every fold."""
    many = len(folds_asked(settings))
    if many > 1:
        yield f"folds      all of the above and the time below {many} times, once in each fold"


def _power(images: int) -> Iterator[str]:
    """What can be shown at all, so that nobody spends a night on what cannot be seen."""
    from fer_exp.verdict.power import power_lines

    if images:
        first, *more = power_lines(images)
        yield f"power      {first}"
        yield from (f"           {line}" for line in more)


def _time(
    cost: "Cost", plan: Plan, loading: float, baseline: Recipe, settings: Settings, settled: Settled
) -> Iterator[str]:
    """How long it may take, as a range: early stopping, other networks and the machine's other work decide."""
    workers = settled.workers
    total = loading + plan.trials * cost.training + plan.epochs * cost.epoch
    stops_early = 0 < baseline.stop_patience < settings.epochs
    # Workers here share this machine's cores; machines of a cluster have their own.
    shared = workers if settled.cluster is not None else max(1, workers / 2)
    low, high = total * (EARLY if stops_early else 1 - SPREAD) / workers, total * (1 + SPREAD) / shared
    told = "this machine" if settled.cluster is None else "the cluster, whose nodes are taken to be like this machine"
    yield (
        f"time       {roughly(low)} to {roughly(high)} if trials are like the baseline: {roughly(cost.epoch)} an "
        f"epoch, {roughly(cost.training)} besides for each training, measured here on {MEASURED_BATCHES} batches"
        + (f"; {workers} workers share {told}" if workers > 1 or settled.cluster is not None else "")
    )
    if cost.unsteady > UNSTEADY:
        yield "           the batches took very different times: this machine is busy, and all may be far quicker"


def roughly(seconds: float) -> str:
    """Seconds to two digits, as no measurement of a few batches deserves more: `45 s`, `12 min`, `390 h`."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= (100 if unit == "h" else 1.6) * 60:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


@dataclass(frozen=True)
class Cost:
    """What a training of the baseline costs here, in seconds."""

    epoch: float
    training: float  # besides its epochs: tracing, predictions, figures
    unsteady: float  # the slowest measured batch against the fastest


def measure(campaign: Campaign, settings: Settings, development: Development) -> Cost:
    """A training of the baseline over all its images, extrapolated from a few batches."""
    import keras
    import numpy as np

    from fer_exp.model import build, compile_model

    recipe = campaign.baseline
    training = development.train(clahe=False)
    images = len(oversample(training.labels, 0.0 if development.info.oversampled else recipe.oversampling, 1))
    form = development.info.form
    model = build(recipe, 1, form, to_train=True)
    compile_model(model, recipe, steps_per_epoch=math.ceil(images / recipe.batch_size), horizon=settings.epochs)
    batch = np.resize(training.images, (recipe.batch_size, *form.face))
    targets = keras.utils.to_categorical(np.arange(recipe.batch_size) % form.classes, form.classes)
    first, *took = [_seconds_of(model, batch, targets) for _ in range(1 + WARM_UP_BATCHES + MEASURED_BATCHES)]
    took = took[WARM_UP_BATCHES:]
    validated = sum(development.info.validation_counts) * VALIDATION  # as many training images cost the same
    epoch = sum(took) / len(took) * (images + validated) / recipe.batch_size
    return Cost(epoch, FIRST * first, max(took) / min(took))


def _seconds_of(model: "keras.Model", batch: "NDArray[Any]", targets: "NDArray[Any]") -> float:
    began = time.perf_counter()
    model.train_on_batch(batch, targets)
    return time.perf_counter() - began
