"""The interval of a difference, from resamples: two sources of randomness, and the luck of having been picked.

In: a metric of two groups of models, as measured and as resampled. Out: the difference, its interval, its spread.
The decision that is not obvious: what images contribute is measured by the bootstrap, what seeds contribute by the
spread between seeds, and Student's quantile pays for how few they are. A bootstrap that resamples seeds as well does
not do: of three seeds it sees two thirds of their variance. `docs/verdict.md` has the measurements.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special  # its quantiles are those of scipy.stats, without what that checks at every call

from fer_exp.verdict.resample import Values

Floats = NDArray[np.float64]
MOST_SEEDS = 100  # a side; nobody plans more


@dataclass(frozen=True)
class Measured:
    """A metric of several models on the same images."""

    values: Floats  # (models,) on the images themselves
    resampled: Values  # (resamples, models) on resampled ones, the same resamples for all


@dataclass(frozen=True)
class Spreads:
    """Standard errors of a difference of means, by source."""

    images: float  # of what validation images happened to be drawn
    seeds: float  # of which seeds happened to be trained with; 0 where the difference is about the models themselves
    seed_freedom: float  # degrees of freedom of `seeds`; infinite where it is 0
    image_freedom: float = np.inf  # of `images`; groups less one where images come in groups


def difference(a: Measured, b: Measured) -> float:
    """Mean of `a` less mean of `b`."""
    return float(a.values.mean() - b.values.mean())


def spreads(a: Measured, b: Measured, groups: int | None = None) -> Spreads:
    """Where the difference's randomness comes from.

    With two or more seeds a side the difference is one between recipes: what two seeds have in common is the images'
    part, what sets seeds apart (their interaction with the images included) is the seeds' part, as in a two-way random
    effects model (Searle, Casella, McCulloch 1992). With one seed on a side it is one between these very models.
    Where whole groups of images were drawn, their part is known from so many groups alone.
    """
    many_a, many_b = a.values.size, b.values.size
    covariance = np.atleast_2d(np.cov(np.hstack([a.resampled, b.resampled]), rowvar=False))
    of_images = np.inf if groups is None else groups - 1
    if groups is not None and groups > 1:
        covariance = covariance * groups / (groups - 1)  # a bootstrap of few draws is that much too small
    if min(many_a, many_b) < 2:
        share = np.r_[np.full(many_a, 1 / many_a), np.full(many_b, -1 / many_b)]
        images = float(np.sqrt(max(share @ covariance @ share, 0.0)))
        return Spreads(images, seeds=0.0, seed_freedom=np.inf, image_freedom=of_images)
    common = (
        _between(covariance[:many_a, :many_a])
        + _between(covariance[many_a:, many_a:])
        - 2 * covariance[:many_a, many_a:].mean()
    )
    parts = np.array([a.values.var(ddof=1) / many_a, b.values.var(ddof=1) / many_b])
    freedom = np.array([many_a - 1, many_b - 1])
    seeds = float(parts.sum())
    return Spreads(
        images=float(np.sqrt(max(common, 0.0))),
        seeds=float(np.sqrt(seeds)),
        seed_freedom=seeds**2 / float((parts**2 / freedom).sum())
        if seeds
        else np.inf,  # Welch 1947, Satterthwaite 1946
        image_freedom=of_images,
    )


def _between(covariance: Floats) -> float:
    """The mean covariance of two different models of a group."""
    many = len(covariance)
    return float((covariance.sum() - np.trace(covariance)) / (many * (many - 1)))


def half_width(spread: Spreads, level: float, wider: float = 1.0) -> float:
    """Half the interval's width: Student's quantile times the joint standard error.

    Its degrees of freedom are Satterthwaite's (1946) for the sum of a part that thousands of images have measured well
    and one that a few seeds have measured badly.

    Args:
        spread: Standard errors by source.
        level: Such as 0.95.
        wider: What the images' part is multiplied with, for having been picked on these images.
    """
    images, seeds = spread.images**2, spread.seeds**2
    error = np.hypot(wider * spread.images, spread.seeds)
    tail = (1 + level) / 2
    # The freedom is that of the error before it was widened: widening must not make the quantile smaller.
    known_badly = images**2 / spread.image_freedom + seeds**2 / spread.seed_freedom
    if known_badly == 0:
        return float(special.ndtri(tail) * error)
    return float(special.stdtrit((images + seeds) ** 2 / known_badly, tail) * error)


def seeds_to_decide(spread: Spreads, seeds: tuple[int, int], gap: float, level: float, wider: float) -> int | None:
    """The fewest seeds a side whose interval would exclude 0, if difference and spreads stayed as they are.

    Args:
        spread: Standard errors by source, with `seeds`.
        seeds: Models on the two sides, two or more each.
        gap: The difference.
        level: Such as 0.95.
        wider: As in `half_width`.

    Returns:
        None where `MOST_SEEDS` would not do: then the images are too few, or the difference too small.
    """
    # The variance of a mean of n is that of one through n; the sides' parts are taken together, as one of equal sizes.
    of_one = spread.seeds**2 / float(np.mean([1 / seeds[0], 1 / seeds[1]]))
    for many in range(2, MOST_SEEDS + 1):
        planned = Spreads(spread.images, float(np.sqrt(of_one / many)), 2 * (many - 1), spread.image_freedom)
        if half_width(planned, level, wider) < abs(gap):
            return many
    return None


def wider_for_picking(a: Measured, b: Measured, level: float) -> float:
    """How much wider an interval must be to cover all differences between `a`'s models and `b`'s at once.

    The quantile of the largest studentised difference over bootstrap resamples (single-step maxT: Westfall and Young
    1993, Romano and Wolf 2005), as a multiple of the normal quantile; at least 1. Whichever pair was picked, and
    however, its interval then holds at `level`. Candidates that err alike count for less than as many that err each in
    its own way.

    Args:
        a: One column for each model that the one in question was picked from.
        b: The same of the other side.
        level: Such as 0.95.
    """
    largest = np.zeros(len(a.resampled))
    moved_a, moved_b = a.resampled - a.values, b.resampled - b.values
    for column in moved_b.T:
        moved = moved_a - column[:, None]
        error = moved.std(axis=0, ddof=1)
        moves = error > 0  # two models that say the same differ by nothing
        if moves.any():
            largest = np.maximum(largest, np.abs(moved[:, moves] / error[moves]).max(axis=1))
    return max(float(np.quantile(largest, level) / special.ndtri((1 + level) / 2)), 1.0)
