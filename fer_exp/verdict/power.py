"""Power: the smallest difference between two recipes that images and seeds can show, before anything is trained.

In: numbers of validation images and of seeds. Out: a difference, or the chance that one is shown. The variance is that
of `interval.py`, with what is known only afterwards taken from FER2013: on how many images two seeds and two recipes
disagree, and how much a recipe's accuracy differs between seeds. `docs/verdict.md` holds it against simulations.
"""

import numpy as np
from scipy import stats

LEVEL = 0.95
POWER = 0.8  # four of five
SEEDS_DISAGREE = 0.16  # share of images, of two seeds of a recipe
RECIPES_DISAGREE = 0.21  # of two recipes
SEED_DEVIATION = 0.006  # of a model's true accuracy over seeds


def smallest_difference(images: int, seeds: int, level: float = LEVEL, power: float = POWER) -> float:
    """The difference of two recipes' accuracies that a comparison calls better with a chance of `power`.

    Args:
        images: For validation, independent of one another.
        seeds: A side, two or more.
        level: Of the interval.
        power: The chance.

    Returns:
        A share; a point is 0.01.
    """
    of_images = (RECIPES_DISAGREE - SEEDS_DISAGREE) / images
    of_seeds = 2 * (SEED_DEVIATION**2 + SEEDS_DISAGREE / (2 * images)) / seeds
    freedom = (of_images + of_seeds) ** 2 / (of_seeds**2 / (2 * (seeds - 1)))  # Satterthwaite 1946
    quantiles = stats.t.ppf((1 + level) / 2, freedom) + stats.t.ppf(power, freedom)
    return float(quantiles * np.sqrt(of_images + of_seeds))


def power_lines(images: int, seeds: tuple[int, ...] = (3, 5, 10)) -> list[str]:
    """What that means for a campaign, in words."""
    first, *more = (f"{100 * smallest_difference(images, many):.1f}" for many in seeds)
    rest = ", ".join(f"{points} with {many}" for points, many in zip(more, seeds[1:], strict=True))
    return [
        f"a gain of {first} points is called better in four of five cases with {seeds[0]} seeds a side ({rest}),",
        f"on {images:,} independent validation images, if seeds differ by {100 * SEED_DEVIATION:.1f} points: see "
        "docs/verdict.md",
    ]
