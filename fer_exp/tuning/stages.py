"""Stages: which recipe is trained next, and how far, when short trainings are told from long ones by a forecast.

In: the trainings so far. Out: the candidate whose expected improvement at full budget is largest, from the start or on
from where it stopped. All randomness is drawn from (seed, number of the trial), so that the same conversation leads to
the same choice.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from fer_exp.campaign.space import Scalar
from fer_exp.tuning.declared import tidy
from fer_exp.tuning.forecast import Forecast, first_parameters

Floats = NDArray[np.float64]

FACTOR = 3  # from stage to stage, as of Hyperband
STAGES = 4  # at most
WHOLE = 1000  # points up to which a space is looked at whole
DRAWN = 300  # points looked at where it is larger
NEAR = 60  # of them near the best so far
FLOOR = 2.0  # values lower than so many times the upper half's span below the median count alike


@dataclass(frozen=True)
class Trained:
    """A trial as far as the choice is concerned."""

    number: int
    values: Mapping[str, Scalar]
    stage: int
    epochs: int
    value: float | None  # larger is better; None where it runs or failed
    running: bool
    last: bool  # no other trial goes on from it


@dataclass(frozen=True)
class Candidate:
    """What could be trained next."""

    values: dict[str, Scalar]
    stage: int  # that it would reach
    continues: int | None
    cost: int  # epochs


def stages_of(epochs: int) -> tuple[int, ...]:
    """Epochs at which a training may pause, ascending to full budget: 27 gives 1, 3, 9, 27."""
    stages = {max(1, round(epochs / FACTOR**step)) for step in range(STAGES)}
    return tuple(sorted(stages))


class Chooser:
    """Chooses among recipes of a space.

    Args:
        declared: Keras Tuner's hyperparameters.
        stages: Of a training.
        seed: Of the search.
    """

    def __init__(self, declared: Sequence[Any], stages: tuple[int, ...], seed: int) -> None:
        self._declared, self._stages, self._seed = list(declared), stages, seed
        finite = all(getattr(hp, "step", 0) is not None for hp in self._declared)
        self._count = math.prod(len(list(hp.values)) for hp in self._declared) if finite else None
        self._whole: list[dict[str, Scalar]] | None = None
        self._vectors: dict[tuple[Scalar, ...], Floats] = {}
        if self._count is not None and self._count <= WHOLE:
            axes = [[tidy(value) for value in hp.values] for hp in self._declared]
            names = [hp.name for hp in self._declared]
            self._whole = [dict(zip(names, point, strict=True)) for point in itertools.product(*axes)]

    def choose(
        self, trials: Sequence[Trained], left: int, learnt: list[float], number: int
    ) -> tuple[Candidate | None, list[float]]:
        """The next to train, and what was learnt of the forecast's parameters.

        Args:
            trials: So far.
            left: Epochs of the budget.
            learnt: Parameters that the last choice ended with; empty before the first.
            number: Of the trial that is chosen.
        """
        random = np.random.default_rng((self._seed, number))
        candidates = [one for one in self._candidates(trials, random) if one.cost <= left]
        if not candidates:
            return None, learnt
        valued = [trial for trial in trials if trial.value is not None]
        begun = {self._key(trial.values) for trial in trials}
        if len(begun) < self._first() or len(valued) < 2:
            new = [one for one in candidates if one.continues is None]
            if new and len(begun) < self._first():
                if not begun:
                    default = self._key({hp.name: tidy(hp.default) for hp in self._declared})
                    return next((one for one in new if self._key(one.values) == default), new[0]), learnt
                return new[int(random.integers(len(new)))], learnt
        if not valued:
            return candidates[int(random.integers(len(candidates)))], learnt
        return self._promising(candidates, trials, learnt, random)

    def _first(self) -> int:
        """How many recipes are begun before a forecast is believed."""
        return len(self._declared) + 2

    def _promising(
        self, candidates: list[Candidate], trials: Sequence[Trained], learnt: list[float], random: np.random.Generator
    ) -> tuple[Candidate, list[float]]:
        ended = [trial for trial in trials if not trial.running]
        values = _tamed([trial.value for trial in ended])
        centre, scale = float(values.mean()), float(values.std()) or 1.0
        values = (values - centre) / scale
        points = self._vectors_of(trial.values for trial in ended)
        stages = self._times(trial.epochs for trial in ended)
        forecast = Forecast(points, stages, values, learnt or first_parameters(points.shape[1]))
        forecast.learn()
        learnt = forecast.parameters
        best = float(values.max())
        running = [trial for trial in trials if trial.running]
        if running:  # taken to end as forecast, so that others are chosen meanwhile
            at, times = self._vectors_of(t.values for t in running), self._times(t.epochs for t in running)
            expected, _ = forecast.at(at, times)
            forecast = Forecast(np.vstack([points, at]), np.r_[stages, times], np.r_[values, expected], learnt)
        worth = self._worth(candidates, forecast, best, len(ended))
        return candidates[int(np.argmax(worth))], learnt

    def _worth(self, candidates: list[Candidate], forecast: Forecast, best: float, ended: int) -> Floats:
        """Expected improvement of each at full budget over the best value so far (Jones, Schonlau and Welch 1998)."""
        mean, deviation = forecast.at_full_budget(self._vectors_of(one.values for one in candidates))
        ahead = (mean - best) / deviation
        return np.asarray(deviation * (ahead * norm.cdf(ahead) + norm.pdf(ahead)))

    # -- candidates

    def _candidates(self, trials: Sequence[Trained], random: np.random.Generator) -> list[Candidate]:
        """Paused trainings one stage further, and recipes that were not begun."""
        begun = {self._key(trial.values) for trial in trials}
        paused = [
            Candidate(
                {name: value for name, value in trial.values.items()},
                trial.stage + 1,
                trial.number,
                self._stages[trial.stage + 1] - trial.epochs,
            )
            for trial in trials
            if trial.last and trial.value is not None and trial.stage + 1 < len(self._stages)
        ]
        new = [values for values in self._points(trials, random) if self._key(values) not in begun]
        return [*paused, *(Candidate(values, 0, None, self._stages[0]) for values in new)]

    def _points(self, trials: Sequence[Trained], random: np.random.Generator) -> Iterable[dict[str, Scalar]]:
        if self._whole is not None:
            return self._whole
        places = random.random((DRAWN, len(self._declared)))
        drawn = [{hp.name: hp.default for hp in self._declared}] if not trials else []
        drawn += [self._values(place) for place in places]
        best = sorted((t for t in trials if t.value is not None), key=lambda t: -float(t.value or 0))[:3]
        for number in range(NEAR if best else 0):
            near = dict(best[number % len(best)].values)
            for index in random.choice(len(self._declared), size=min(2, len(self._declared)), replace=False):
                hp = self._declared[index]
                place = hp.value_to_prob(near[hp.name]) + random.normal(0, 0.1)
                near[hp.name] = hp.prob_to_value(float(np.clip(place, 0, 1 - 1e-9)))
            drawn.append(near)
        tidied = [{name: tidy(value) for name, value in values.items()} for values in drawn]
        return {self._key(values): values for values in tidied}.values()

    def _values(self, place: Floats) -> dict[str, Scalar]:
        return {hp.name: hp.prob_to_value(float(at)) for hp, at in zip(self._declared, place, strict=True)}

    # -- as numbers

    def _key(self, values: Mapping[str, Scalar]) -> tuple[Scalar, ...]:
        return tuple(tidy(values[hp.name]) for hp in self._declared)

    def _times(self, epochs: Iterable[int]) -> Floats:
        full = self._stages[-1]
        return np.array([1.0 if full == 1 else math.log(max(epoch, 1)) / math.log(full) for epoch in epochs])

    def _vectors_of(self, points: Iterable[Mapping[str, Scalar]]) -> Floats:
        return np.array([self._vector(values) for values in points])

    def _vector(self, values: Mapping[str, Scalar]) -> Floats:
        key = self._key(values)
        known = self._vectors.get(key)
        if known is None:
            parts = [_place(hp, value) for hp, value in zip(self._declared, key, strict=True)]
            known = self._vectors[key] = np.concatenate(parts)
        return known


def _place(hp: Any, value: Scalar) -> Floats:
    """Numbers from 0 to 1 as they are sampled; words each an axis of its own."""
    choices = list(hp.values) if getattr(hp, "step", 0) is not None else []
    if isinstance(value, str):
        return np.array([float(value == choice) / math.sqrt(2) for choice in choices])
    if choices and len(choices) > 1:
        index = min(range(len(choices)), key=lambda at: abs(choices[at] - value))
        return np.array([index / (len(choices) - 1)])
    return np.array([0.0 if choices else hp.value_to_prob(value)])


def _tamed(values: Sequence[float | None]) -> Floats:
    """Values with failures as the lowest, and a long tail below cut: how bad a bad recipe is teaches little."""
    told = np.array([value for value in values if value is not None])
    lowest = float(told.min())
    filled = np.array([lowest if value is None else value for value in values])
    middle, highest = float(np.median(told)), float(told.max())
    return np.maximum(filled, middle - FLOOR * (highest - middle)) if highest > middle else filled
