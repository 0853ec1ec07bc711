"""Simulated comparisons, to see how often the verdict is right. Nothing is trained and no face is needed.

In: how many images, seeds and experiments. Out: predictions whose truth is known, and how often intervals held it.
An image is recognised if a normal variable stays below a threshold. The variable is the image's own difficulty, shared
by every model (three quarters of its variance), what the recipe makes of the image (a tenth), and what the seed makes
of it (the rest); the threshold is the model's true accuracy, which differs between seeds. Two seeds of a recipe then
disagree on 16 % of the images, two recipes on 21 %.

    python -m tests.simulated                     the tables of docs/verdict.md, ten minutes
    python -m tests.simulated coverage            one of them: coverage, metrics, picking, power or equivalence
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from fer_exp.data.classes import FER2013
from fer_exp.metrics.registry import resampled
from fer_exp.verdict.judge import Answer, Equivalence, Judgement, MetricVerdict, Scope, Side, Terms, judge
from fer_exp.verdict.resample import ACCURACY, Predicted
from tests.made_records import LIKELY, SHARES

IMAGES = 3589  # PublicTest
EXPERIMENTS = 2000
EASY, OWN = 0.75, 0.10  # shares of the variance: difficulty of the image, and what the recipe makes of it
QUICK = Terms(
    metrics=(ACCURACY,), resamples=200, equivalence=1.0
)  # enough for a share of experiments; the product draws more
LABELS = np.zeros(IMAGES, np.uint8)  # accuracy asks only whether a prediction is right: 0 is, 1 is not


@dataclass(frozen=True)
class Truth:
    """A recipe as nature knows it."""

    accuracy: float = 0.65
    seed_deviation: float = 0.006  # standard deviation of a model's true accuracy over seeds


@dataclass(frozen=True)
class Experiment:
    """One simulated comparison, and what it should have found."""

    found: MetricVerdict
    truth: float  # the true difference it is about
    inner: Equivalence | None = None  # of the two one-sided tests

    @property
    def holds(self) -> bool:
        """Whether the interval that does not know of any picking holds the truth."""
        return self.found.low_unpicked <= self.truth <= self.found.high_unpicked

    @property
    def wrong(self) -> bool:
        """Whether A was called better although it is not."""
        return self.found.answer is Answer.BETTER and self.truth <= 0

    @property
    def wrong_uncorrected(self) -> bool:
        """Whether A would have been called better without regard to its having been picked."""
        return self.found.low_unpicked > 0 >= self.truth


class Nature:
    """Draws images, recipes and seeds."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.draw_images()

    def draw_images(self) -> None:
        """New images for a new experiment."""
        self._easy = self._normal(IMAGES) * np.float32(EASY**0.5)

    def recipe(self) -> NDArray[np.float32]:
        """What a new recipe makes of each image."""
        return self._easy + self._normal(IMAGES) * np.float32(OWN**0.5)

    def models(self, recipe: NDArray[np.float32], truth: Truth, seeds: int) -> tuple[Predicted, NDArray[np.float64]]:
        """Predictions `(seeds, n)` of new seeds of a recipe, and their true accuracies `(seeds,)`."""
        accuracies = truth.accuracy + truth.seed_deviation * self._random.standard_normal(seeds)
        return self.wrong(recipe, accuracies[:, None]).astype(np.uint8), accuracies

    def wrong(self, recipe: NDArray[np.float32], accuracies: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where new seeds of a recipe err, `(seeds, n)`; accuracies are `(seeds, 1)`, or by image `(seeds, n)`."""
        own = self._normal((len(accuracies), IMAGES)) * np.float32((1 - EASY - OWN) ** 0.5)
        return np.asarray(recipe + own > norm.ppf(accuracies))

    def _normal(self, shape: int | tuple[int, int]) -> NDArray[np.float32]:
        return self._random.standard_normal(shape, dtype=np.float32)


def fixed(
    a: Truth, b: Truth, seeds: tuple[int, int], experiments: int = EXPERIMENTS, seed: int = 1
) -> list[Experiment]:
    """Comparisons of two recipes chosen beforehand."""
    nature = Nature(seed)
    with threadpool_limits(1):  # the products are small: threads that wait for each other cost more than they bring
        return [_fixed(nature, a, b, seeds) for _ in range(experiments)]


def _fixed(nature: Nature, a: Truth, b: Truth, seeds: tuple[int, int]) -> Experiment:
    nature.draw_images()
    ours, our_accuracies = nature.models(nature.recipe(), a, seeds[0])
    theirs, their_accuracies = nature.models(nature.recipe(), b, seeds[1])
    judged = judge(LABELS, Side(ours), Side(theirs), QUICK)
    recipes = judged.scope is Scope.RECIPES
    truth = a.accuracy - b.accuracy if recipes else float(our_accuracies.mean() - their_accuracies.mean())
    return Experiment(judged.of(ACCURACY), truth, judged.equivalence)


PEOPLE = 40  # whose images are drawn together


def clustered(
    seeds: int, experiments: int = EXPERIMENTS, seed: int = 1, *, known: bool = True, own: float = 0.5
) -> list[Experiment]:
    """Comparisons of two recipes on images of `PEOPLE` people, each of whom suits one recipe better than the other.

    Args:
        seeds: A side.
        experiments: How many.
        seed: Of nature.
        known: Whether the verdict is told whom the images show.
        own: The share of what a recipe makes of an image that it makes of all images of that person.
    """
    random = np.random.default_rng(seed)
    people = np.repeat(np.arange(PEOPLE), IMAGES // PEOPLE)
    labels = np.zeros(people.size, np.uint8)
    truth = Truth(seed_deviation=0.006 if seeds > 1 else 0.0)

    def normal(shape: int | tuple[int, int]) -> NDArray[np.float64]:
        return random.standard_normal(shape)

    def models(easy: NDArray[np.float64]) -> Predicted:
        of_person = normal(PEOPLE)[people] * own**0.5 + normal(people.size) * (1 - own) ** 0.5
        of_seed = normal((seeds, people.size)) * (1 - EASY - OWN) ** 0.5
        accuracies = truth.accuracy + truth.seed_deviation * normal((seeds, 1))
        return np.asarray(easy + of_person * OWN**0.5 + of_seed > norm.ppf(accuracies), np.uint8)

    found = []
    with threadpool_limits(1):
        for _ in range(experiments):
            easy = normal(people.size) * EASY**0.5
            sides = Side(models(easy)), Side(models(easy))
            judged = judge(labels, *sides, QUICK, people if known else None)
            found.append(Experiment(judged.of(ACCURACY), 0.0))
    return found


def picked(
    truth: Truth, trials: int, seeds: int, experiments: int = EXPERIMENTS, seed: int = 1, gain: float = 0.0
) -> list[Experiment]:
    """The best of `trials` recipes, all equally good, against a baseline that is worse by `gain`.

    With one seed the picked model itself is compared; with more, fresh seeds of its recipe, as `retrain-best` does.
    """
    nature = Nature(seed)
    with threadpool_limits(1):
        return [_picked(nature, truth, trials, seeds, gain) for _ in range(experiments)]


def _picked(nature: Nature, truth: Truth, trials: int, seeds: int, gain: float) -> Experiment:
    nature.draw_images()
    below = Truth(truth.accuracy - gain, truth.seed_deviation)
    baseline, baseline_accuracies = nature.models(nature.recipe(), below, seeds)
    recipes = [nature.recipe() for _ in range(trials)]
    drawn = [nature.models(recipe, truth, 1) for recipe in recipes]
    seen = np.concatenate([models for models, _ in drawn])
    best = int(seen.sum(axis=1).argmin())  # fewest errors
    fresh = drawn[best] if seeds == 1 else nature.models(recipes[best], truth, seeds)
    judged = judge(LABELS, Side(fresh[0], seen), Side(baseline), QUICK)
    true = gain if judged.scope is Scope.RECIPES else float(fresh[1].mean() - baseline_accuracies.mean())
    return Experiment(judged.of(ACCURACY), true)


def emotions(seeds: int, seed_deviation: float, experiments: int = EXPERIMENTS, seed: int = 1) -> list[Judgement]:
    """Judgements on two equal recipes by every metric, with FER2013's shares of emotions and the reference's errors."""
    nature = Nature(seed)
    random = np.random.default_rng(seed)
    terms = Terms(resamples=QUICK.resamples)
    with threadpool_limits(1):
        return [_by_emotion(nature, random, seeds, seed_deviation, terms) for _ in range(experiments)]


def _by_emotion(
    nature: Nature, random: np.random.Generator, seeds: int, seed_deviation: float, terms: Terms
) -> Judgement:
    nature.draw_images()
    labels = random.choice(7, IMAGES, p=SHARES).astype(np.uint8)
    mistaken = LIKELY * (1 - np.eye(7))
    edges = np.cumsum(mistaken / mistaken.sum(axis=1, keepdims=True), axis=1)
    taken_for = (random.random(IMAGES)[:, None] > edges[labels]).sum(axis=1).clip(max=6).astype(np.uint8)
    right = LIKELY.diagonal()[labels] / LIKELY.sum(axis=1)[labels]

    def models() -> Predicted:
        wrong = nature.wrong(nature.recipe(), right + seed_deviation * random.standard_normal((seeds, 1)))
        return np.where(wrong, taken_for, labels).astype(np.uint8)

    return judge(labels, Side(models()), Side(models()), terms)


def share(flags: Iterable[bool]) -> float:
    """How many of them are true."""
    return float(np.mean(list(flags)))


def better(experiments: list[Experiment]) -> float:
    """How often A was called better."""
    return share(one.found.answer is Answer.BETTER for one in experiments)


def alike(experiments: list[Experiment], margin: float) -> float:
    """How often A and B were called equivalent within `margin`."""
    return share(-margin < one.inner.low and one.inner.high < margin for one in experiments if one.inner is not None)


def _equivalence(experiments: int) -> Iterable[str]:
    yield "| seeds a side | margin | called equivalent, differing by the margin | by half of it | not differing |"
    yield "|---|---|---|---|---|"
    experiments //= 2
    for seeds in (3, 5, 10):
        for margin in (0.01, 0.02, 0.03):
            sides = [Truth(0.65 + gain) for gain in (margin, margin / 2, 0.0)]
            told = [f"{alike(fixed(one, Truth(), (seeds, seeds), experiments), margin):.3f}" for one in sides]
            yield f"| {seeds} | {100 * margin:.1f} | {' | '.join(told)} |"


def _coverage(experiments: int) -> Iterable[str]:
    yield "| seeds A, B | seed deviation | holds the truth | mean half width | called better | called worse |"
    yield "|---|---|---|---|---|---|"
    for seeds in ((1, 1), (1, 3), (2, 2), (3, 3), (5, 5), (10, 10)):
        for deviation in (0.003, 0.006, 0.010):
            done = fixed(Truth(seed_deviation=deviation), Truth(seed_deviation=deviation), seeds, experiments)
            half = np.mean([one.found.high - one.found.low for one in done]) / 2
            worse = share(one.found.answer is Answer.WORSE for one in done)
            yield (
                f"| {seeds[0]}, {seeds[1]} | {100 * deviation:.1f} | {share(one.holds for one in done):.3f} "
                f"| {100 * half:.2f} | {better(done):.3f} | {worse:.3f} |"
            )


def _picking(experiments: int) -> Iterable[str]:
    yield "| picked from | seeds | seed deviation | wrongly better | without correction | half width, and without |"
    yield "|---|---|---|---|---|---|"
    for trials, count in ((5, experiments), (20, experiments), (100, experiments // 4)):
        for many, deviation in ((1, 0.0), (1, 0.006), (3, 0.003), (3, 0.010), (5, 0.006)):
            done = picked(Truth(seed_deviation=deviation), trials, many, count)
            half = np.mean([one.found.high - one.found.low for one in done]) / 2
            plain = np.mean([one.found.high_unpicked - one.found.low_unpicked for one in done]) / 2
            yield (
                f"| {trials} | {many} | {100 * deviation:.1f} | {share(one.wrong for one in done):.3f} "
                f"| {share(one.wrong_uncorrected for one in done):.3f} | {100 * half:.2f}, {100 * plain:.2f} |"
            )


def _by_metric(experiments: int) -> Iterable[str]:
    yield "| metric | 1 seed | 3 seeds, deviation 0.6 |"
    yield "|---|---|---|"
    columns = [emotions(1, 0.0, experiments // 2), emotions(3, 0.006, experiments // 2)]
    for metric in resampled(FER2013):
        held = [share(one.of(metric).low <= 0 <= one.of(metric).high for one in column) for column in columns]
        yield f"| {metric} | {held[0]:.3f} | {held[1]:.3f} |"


def _power(experiments: int) -> Iterable[str]:
    yield "| true difference | 1 seed | 3 seeds | 5 seeds | 10 seeds | 3 seeds, best of 20 | 5 seeds, best of 20 |"
    yield "|---|---|---|---|---|---|---|"
    for gain in (0.0, 0.005, 0.010, 0.015, 0.020, 0.030, 0.040):
        ours, theirs = Truth(0.65 + gain), Truth()
        powers = [better(fixed(ours, theirs, (n, n), experiments // 2)) for n in (1, 3, 5, 10)]
        powers += [better(picked(ours, 20, n, experiments // 4, gain=gain)) for n in (3, 5)]
        yield f"| {100 * gain:.1f} | " + " | ".join(f"{power:.2f}" for power in powers) + " |"


TABLES = {
    "coverage": _coverage,
    "metrics": _by_metric,
    "picking": _picking,
    "power": _power,
    "equivalence": _equivalence,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        for line in TABLES[name](EXPERIMENTS):
            print(line, flush=True)  # noqa: T201  # what it is for
        print()  # noqa: T201
