"""What a search would do, before it does it: space, schedule, totals, and an estimate of the time.

The time of an epoch is measured here and now on a few batches of the baseline, so it is this machine's.
"""

import math
import sys
import time

from fer_exp.campaign import Campaign, Settings
from fer_exp.campaign.changes import describe_hyperparameter
from fer_exp.campaign.objective import refuse_undecided
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.leaderboard.table import duration
from fer_exp.search.proposer import fewer_points
from fer_exp.search.run import DataChoice
from fer_exp.system.home import Home
from fer_exp.system.stderr import stderr_to
from fer_exp.training.balance import oversample

MEASURED_BATCHES = 8
WARM_UP_BATCHES = 3


def say(line: str) -> None:
    """What takes its time, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def describe(campaign: Campaign, settings: Settings, data: DataChoice, home: Home, workers: int) -> str:
    """The whole plan as text; nothing is written but the cache of prepared data."""
    say("Loading Keras and Keras Tuner.")
    with stderr_to():
        from fer_exp.search.keras_tuner_proposer import KerasTunerProposer

        proposer = KerasTunerProposer(campaign, settings)
    say(f"Reading {data.source}.")
    development = prepare(
        data.source,
        protocol=settings.protocol,
        seed=settings.seed,
        limit=settings.limit,
        cache=home.cache,
        skip_bad_rows=data.skip_bad_rows,
        cleaning=settings.cleaning,
    )
    refuse_undecided(settings.objective, development.info)
    say("Measuring the baseline on this machine.")
    with stderr_to():
        seconds = seconds_per_epoch(campaign, settings, development)
    plan = proposer.plan()
    info = development.info
    lines = [
        f"campaign   {campaign.name}: {campaign.question}",
        f"data       {info.source}: {sum(info.train_counts)} to train, {sum(info.validation_counts)} to validate, "
        f"{sum(info.test_counts)} sealed; protocol {info.protocol}",
        f"algorithm  {settings.algorithm}, objective {settings.objective.metric} ({settings.objective.direction}), "
        f"seed {settings.seed}",
        "space",
        *(f"           {describe_hyperparameter(entry)}" for entry in proposer.space()),
        "schedule   baseline first, then",
        *(f"           {line}" for line in proposer.schedule()),
        *(f"           {line}" for line in fewer_points(settings, plan)),
        f"in all     at most {plan.trials} trainings and {plan.epochs} epochs, the baseline included",
        f"time       an epoch of the baseline takes about {duration(seconds)} here (measured on {MEASURED_BATCHES} "
        f"batches); at most about {duration(seconds * plan.epochs)} if trials are like it"
        + (f" and {workers} workers share this machine" if workers > 1 else ""),
    ]
    return "\n".join(lines)


def seconds_per_epoch(campaign: Campaign, settings: Settings, development: Development) -> float:
    """Training of the baseline over all its images, extrapolated from a few batches; validation adds little."""
    import keras
    import numpy as np

    from fer_exp.model import build, compile_model

    recipe = campaign.baseline
    training = development.train(clahe=False)
    images = len(oversample(training.labels, 0.0 if development.info.oversampled else recipe.oversampling, 1))
    model = build(recipe, 1)
    compile_model(model, recipe, steps_per_epoch=math.ceil(images / recipe.batch_size), horizon=settings.epochs)
    batch = np.resize(training.images, (recipe.batch_size, 48, 48, 1))
    targets = keras.utils.to_categorical(np.arange(recipe.batch_size) % 7, 7)
    for _ in range(WARM_UP_BATCHES):
        model.train_on_batch(batch, targets)
    started = time.perf_counter()
    for _ in range(MEASURED_BATCHES):
        model.train_on_batch(batch, targets)
    return (time.perf_counter() - started) / MEASURED_BATCHES * images / recipe.batch_size
