"""Judge: two groups of models, and the models each was picked from, to a verdict.

In: predictions on the same images. Out: per metric what each side reached, the difference and its interval; McNemar's
test where each side is one model; and better, not shown or worse, by the deciding metric.
Nothing here knows records: the same maths serves simulated predictions, which is how it is tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from statsmodels.stats.contingency_tables import mcnemar

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.faces import Labels
from fer_exp.metrics.registry import resampled
from fer_exp.system.values import Value
from fer_exp.verdict.interval import Measured, difference, half_width, seeds_to_decide, spreads, wider_for_picking
from fer_exp.verdict.resample import (
    ACCURACY,
    RESAMPLES,
    Predicted,
    bootstrap_weights,
    group_weights,
    measure,
    once,
)

LEVEL = 0.95


class Answer(StrEnum):
    """What was shown about A against B."""

    BETTER = "better"
    NOT_SHOWN = "not shown"
    WORSE = "worse"


class Scope(StrEnum):
    """What a difference is about."""

    RECIPES = "recipes"  # two seeds or more a side: what another seed would bring is part of the interval
    MODELS = "models"  # one seed on a side: these very models on other images of the same kind


@dataclass(frozen=True)
class Side:
    """A group of models of one recipe, one per seed."""

    predicted: Predicted  # (seeds, n)
    picked_from: Predicted | None = None  # (candidates, n) models it was picked from by these images; None: it was not


class Spread(Value):
    """A metric over the seeds of a group."""

    mean: float
    deviation: float | None  # standard deviation over seeds; None with one seed


class MetricVerdict(Value):
    """A against B by one metric. Shares from 0 to 1; a point is 0.01."""

    metric: str
    a: Spread
    b: Spread
    difference: float  # A less B
    low: float  # of the interval, for having been picked included
    high: float
    low_unpicked: float  # of the interval that would hold had nothing been picked
    high_unpicked: float
    answer: Answer
    seeds_to_decide: int | None = (
        None  # a side, if all stays as measured; None: it is decided, or MOST_SEEDS are too few
    )


class Equivalence(Value):
    """Whether A and B are alike up to a margin, by the deciding metric: two one-sided tests (Schuirmann 1987).

    Each of them, that A is not worse and not better than B by the margin, is at 1 - level; both are passed where the
    interval at 2 level - 1 lies inside the margin.
    """

    within: float  # the margin, a share
    level: float  # of the interval
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether the interval lies inside the margin."""
        return -self.within < self.low and self.high < self.within


class McNemar(Value):
    """Of two models, the images that one recognised and the other did not; the exact test of their balance."""

    a_alone: int
    b_alone: int
    p: float  # two-sided, binomial (McNemar 1947)


class Judgement(Value):
    """A against B."""

    level: float
    scope: Scope
    images: int
    seeds: tuple[int, int]  # models a side
    picked_from: tuple[int, int]  # models each side was picked from by these images; 1 where it was not picked
    deciding: str  # metric
    metrics: tuple[MetricVerdict, ...]
    mcnemar: McNemar | None = Field(default=None)  # where each side is one model, of images that are independent
    groups: int | None = None  # that the images come in; None where nothing says so
    equivalence: Equivalence | None = None  # where a margin was given

    def of(self, metric: str) -> MetricVerdict:
        """What was found by one metric."""
        return next(found for found in self.metrics if found.metric == metric)

    @property
    def answer(self) -> Answer:
        """What was shown, by the deciding metric."""
        return self.of(self.deciding).answer


@dataclass(frozen=True)
class Terms:
    """How to judge."""

    level: float = LEVEL
    deciding: str = ACCURACY
    metrics: Sequence[str] = ()  # all that are resampled where none is named
    classes: Classes = FER2013
    resamples: int = RESAMPLES
    equivalence: float | None = None  # the margin within which two sides count as alike, a share


def judge(
    labels: Labels, a: Side, b: Side, terms: Terms | None = None, clusters: NDArray[np.int64] | None = None
) -> Judgement:
    """The verdict on A against B.

    Args:
        labels: `(n,)` true label numbers.
        a: Predictions on the same n images.
        b: The same of what A is compared with.
        clusters: `(n,)` numbers, equal where two images show one person, sequence or photo. The interval then allows
            for other people, and not only for other images of these. None: the images are independent.
        terms: Level, metrics, and which of them decides; metrics of classes that do not occur are left out.
    """
    terms = terms or Terms()
    metrics = terms.metrics or resampled(terms.classes)
    groups = [a.predicted, b.predicted, *(side.picked_from for side in (a, b) if side.picked_from is not None)]
    order = np.argsort(labels, kind="stable")
    sorted_labels, together = labels[order], np.concatenate(groups)[:, order]
    plain = measure(sorted_labels, together, once(labels.size), metrics, terms.classes)
    weights = (
        bootstrap_weights(labels.size, terms.resamples)
        if clusters is None
        else group_weights(clusters[order], terms.resamples)
    )
    drawn = measure(sorted_labels, together, weights, metrics, terms.classes)
    many = None if clusters is None else len(np.unique(clusters))
    cuts = np.cumsum([len(group) for group in groups])[:-1]
    found = []
    equivalence: Equivalence | None = None
    deciding = terms.deciding if np.isfinite(plain[terms.deciding]).all() else ACCURACY
    picked = (a.picked_from is not None, b.picked_from is not None)
    for metric in (name for name in metrics if np.isfinite(plain[name]).all()):
        values, redrawn = np.split(plain[metric][0], cuts), np.split(drawn[metric], cuts, axis=1)
        whole = np.isfinite(drawn[metric]).all(axis=1)  # a resample may hold no image of a rare class
        parts = [Measured(*pair) for pair in zip(values, (part[whole] for part in redrawn), strict=True)]
        found.append(_by_metric(metric, parts, picked, terms.level, many))
        if metric == deciding and terms.equivalence is not None:
            equivalence = _equivalence(parts, picked, terms.equivalence, terms.level, many)
    seeds = (len(a.predicted), len(b.predicted))
    return Judgement(
        level=terms.level,
        scope=Scope.RECIPES if min(seeds) > 1 else Scope.MODELS,
        images=labels.size,
        seeds=seeds,
        picked_from=(_count(a), _count(b)),
        deciding=deciding,
        metrics=tuple(found),
        mcnemar=_mcnemar(labels, a.predicted[0], b.predicted[0]) if seeds == (1, 1) and clusters is None else None,
        groups=many,
        equivalence=equivalence,
    )


def _count(side: Side) -> int:
    return 1 if side.picked_from is None else len(side.picked_from)


def _by_metric(
    metric: str, parts: Sequence[Measured], picked: tuple[bool, bool], level: float, groups: int | None
) -> MetricVerdict:
    a, b = parts[:2]
    spread, gap = spreads(a, b, groups), difference(a, b)
    factor = _wider(parts, picked, level)
    half, wide = half_width(spread, level), half_width(spread, level, factor)
    seeds = (a.values.size, b.values.size)
    open_ = abs(gap) <= wide and min(seeds) > 1
    return MetricVerdict(
        metric=metric,
        a=_spread(a),
        b=_spread(b),
        difference=gap,
        low=max(gap - wide, -1.0),  # no two shares differ by more
        high=min(gap + wide, 1.0),
        low_unpicked=max(gap - half, -1.0),
        high_unpicked=min(gap + half, 1.0),
        answer=Answer.BETTER if gap > wide else Answer.WORSE if gap < -wide else Answer.NOT_SHOWN,
        seeds_to_decide=seeds_to_decide(spread, seeds, gap, level, factor) if open_ else None,
    )


def _equivalence(
    parts: Sequence[Measured], picked: tuple[bool, bool], within: float, level: float, groups: int | None
) -> Equivalence:
    a, b = parts[:2]
    inner = 2 * level - 1
    gap, half = difference(a, b), half_width(spreads(a, b, groups), inner, _wider(parts, picked, inner))
    return Equivalence(within=within, level=inner, low=max(gap - half, -1.0), high=min(gap + half, 1.0))


def _wider(parts: Sequence[Measured], picked: tuple[bool, bool], level: float) -> float:
    """How much wider the images' part is, for having been picked; `parts` are both sides, then what they came from."""
    if not any(picked):
        return 1.0
    a, b, *candidates = parts
    all_a = candidates[0] if picked[0] else _together(a)
    all_b = candidates[-1] if picked[1] else _together(b)
    return wider_for_picking(all_a, all_b, level)


def _together(group: Measured) -> Measured:
    """A group that was not picked counts as one candidate: its mean."""
    return Measured(group.values.mean(keepdims=True), group.resampled.mean(axis=1, keepdims=True))


def _spread(group: Measured) -> Spread:
    many = group.values.size > 1
    return Spread(mean=float(group.values.mean()), deviation=float(group.values.std(ddof=1)) if many else None)


def _mcnemar(labels: Labels, a: Predicted, b: Predicted) -> McNemar:
    right_a, right_b = a == labels, b == labels
    alone_a, alone_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    result = mcnemar([[0, alone_a], [alone_b, 0]], exact=True)  # the images on which they agree say nothing
    return McNemar(a_alone=alone_a, b_alone=alone_b, p=float(result.pvalue) if alone_a + alone_b else 1.0)
