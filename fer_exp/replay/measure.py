"""What replays show: best so far by epochs spent, epochs until a search has arrived, and ratios with intervals.

In: runs of several algorithms on a table, the same seeds for all. Out: a Replay, values only. A search that never
arrives counts with its whole budget, which flatters it; how often that happens stands beside.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fer_exp.replay.player import Run
from fer_exp.system.values import Value

Floats = NDArray[np.float64]

RESAMPLES = 2000
LEVEL = 0.95
PLACES = 60  # numbers of epochs at which curves are told


class Estimate(Value):
    """A number over seeds with its interval."""

    value: float
    low: float
    high: float


class Curve(Value):
    """Best so far against epochs spent."""

    epochs: tuple[int, ...]
    mean: tuple[float | None, ...]  # None until half of the seeds have completed a trial
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


class Arrival(Value):
    """Epochs until a search was within the tolerance of the table's best."""

    mean: Estimate
    median: Estimate
    never: float  # share of seeds


class Result(Value):
    """One algorithm on one table."""

    algorithm: str
    seeds: int
    kept: Arrival  # by the best validation value of a completed trial
    true: Arrival  # by what a full training of that trial's recipe reaches, the mean over seeds
    curve: Curve
    milliseconds: float  # of the algorithm for each proposal
    proposals: float  # a seed
    epochs_of_seeds: tuple[int, ...]  # until arrival by `kept`, the budget where it never came


class Replay(Value):
    """Algorithms on one table."""

    table: str
    source: str
    recipes: int
    epochs: int  # of a full training
    curve_seeds: int  # trainings of a recipe
    best: float  # the highest mean over seeds
    near: int  # recipes whose mean is within the tolerance of that
    budget: int  # epochs of a replay
    within: float
    results: tuple[Result, ...]

    def of(self, algorithm: str) -> Result | None:
        """One algorithm's."""
        return next((one for one in self.results if one.algorithm == algorithm), None)


def result_of(algorithm: str, runs: Sequence[Run], budget: int) -> Result:
    """What an algorithm's runs show, one run a seed."""
    kept = _epochs([run.arrived for run in runs], budget)
    true = _epochs([run.arrived_true for run in runs], budget)
    asked = sum(run.proposals for run in runs)
    return Result(
        algorithm=algorithm,
        seeds=len(runs),
        kept=_arrival(kept, [run.arrived for run in runs]),
        true=_arrival(true, [run.arrived_true for run in runs]),
        curve=_curve(runs, budget),
        milliseconds=1000 * sum(run.seconds for run in runs) / max(asked, 1),
        proposals=asked / len(runs),
        epochs_of_seeds=tuple(int(one) for one in kept),
    )


def ratio(replays: Sequence[Replay], ours: str, theirs: str) -> Estimate | None:
    """Epochs of `ours` for each of `theirs`: the geometric mean over tables of ratios of mean epochs to arrival.

    The interval is by percentiles of 2,000 bootstrap resamples of the seeds, of each algorithm on each table alone. The
    tables are taken as they are: it says nothing about others. None where a table lacks one of the two.
    """
    random = np.random.default_rng(1)
    logarithms, values = np.zeros(RESAMPLES), 0.0
    for replay in replays:
        both = [replay.of(name) for name in (ours, theirs)]
        if any(one is None for one in both):
            return None
        first, second = (np.array(one.epochs_of_seeds, float) for one in both if one is not None)
        values += float(np.log(first.mean() / second.mean()))
        logarithms += np.log(_means(first, random) / _means(second, random))
    count = max(len(replays), 1)
    low, high = np.quantile(logarithms / count, _TAILS)
    return Estimate(value=float(np.exp(values / count)), low=float(np.exp(low)), high=float(np.exp(high)))


def rank_correlations(at_epoch: Mapping[int, Floats]) -> dict[int, float]:
    """Spearman's correlation between recipes' values after each number of epochs and after the last."""
    from scipy.stats import spearmanr

    final = at_epoch[max(at_epoch)]
    return {epoch: float(spearmanr(values, final).statistic) for epoch, values in at_epoch.items()}


_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def _epochs(arrived: Sequence[int | None], budget: int) -> Floats:
    return np.array([budget if one is None else one for one in arrived], float)


def _means(values: Floats, random: np.random.Generator) -> Floats:
    return np.asarray(random.choice(values, size=(RESAMPLES, len(values))).mean(axis=1))


def _arrival(epochs: Floats, arrived: Sequence[int | None]) -> Arrival:
    drawn = np.random.default_rng(1).choice(epochs, size=(RESAMPLES, len(epochs)))
    told = []
    for of, values in ((np.mean, drawn.mean(axis=1)), (np.median, np.median(drawn, axis=1))):
        low, high = np.quantile(values, _TAILS)
        told.append(Estimate(value=float(of(epochs)), low=float(low), high=float(high)))
    return Arrival(mean=told[0], median=told[1], never=sum(one is None for one in arrived) / len(arrived))


def _curve(runs: Sequence[Run], budget: int) -> Curve:
    places = np.unique(np.geomspace(1, budget, PLACES).astype(np.int64))
    values = np.array([run.kept_after(places) for run in runs])  # (seeds, places)
    known = np.isfinite(values)
    enough = known.mean(axis=0) >= 0.5
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / count
    deviation = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(axis=0) / np.maximum(count - 1, 1))
    half = 1.96 * deviation / np.sqrt(count)

    def told(column: Floats) -> tuple[float | None, ...]:
        return tuple(float(one) if here else None for one, here in zip(column, enough, strict=True))

    return Curve(epochs=tuple(map(int, places)), mean=told(mean), low=told(mean - half), high=told(mean + half))
