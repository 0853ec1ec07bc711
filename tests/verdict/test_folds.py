"""The interval over folds holds the truth about as often as it claims, whichever of its two sources dominates."""

import numpy as np
import pytest
from scipy import stats

from fer_exp.metrics.scores import clustered_error
from fer_exp.verdict.folds import pooled

EXPERIMENTS = 600


def drawn(
    generator: np.random.Generator, *, folds: int, people: int, images: int, of_person: float, of_training: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether each image was recognised: by 0.7, its person's ease, its fold's model, and chance."""
    who = np.repeat(np.arange(people), images)
    fold = who % folds
    chance = (
        0.7 + of_person * generator.uniform(-1, 1, people)[who] + of_training * generator.uniform(-1, 1, folds)[fold]
    )
    return (generator.random(who.size) < chance).astype(np.float64), who, fold


@pytest.mark.parametrize(
    ("of_person", "of_training"), [(0.0, 0.0), (0.25, 0.0), (0.25, 0.03)], ids=["images", "people", "people-and-models"]
)
def test_the_interval_holds_the_truth_in_95_of_100(of_person: float, of_training: float) -> None:
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(EXPERIMENTS):
        values = drawn(generator, folds=5, people=100, images=8, of_person=of_person, of_training=of_training)
        found = pooled(*values)
        held += found.low <= 0.7 <= found.high
    # Two standard errors of 600 experiments at 95 % are 1.8 points. The wider of two intervals holds rather more.
    assert held / EXPERIMENTS >= 0.932


def test_the_interval_of_independent_images_would_not_hold_where_people_differ() -> None:
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(EXPERIMENTS):
        values, _, _ = drawn(generator, folds=5, people=100, images=8, of_person=0.25, of_training=0.0)
        half = 1.96 * values.std() / np.sqrt(values.size)
        held += abs(values.mean() - 0.7) <= half
    assert held / EXPERIMENTS < 0.90


def test_both_errors_are_those_of_the_formulas() -> None:
    generator = np.random.default_rng(1)
    values, who, fold = drawn(generator, folds=4, people=40, images=5, of_person=0.2, of_training=0.1)
    found = pooled(values, who, fold, level=0.9)
    means = [values[fold == number].mean() for number in range(4)]
    assert found.half_by_groups == pytest.approx(stats.t.ppf(0.95, 39) * clustered_error(values, who))
    assert found.half_by_folds == pytest.approx(stats.t.ppf(0.95, 3) * np.sqrt((1 / 4 + 1 / 2) * np.var(means, ddof=1)))
    assert found.high - found.value == pytest.approx(max(found.half_by_groups, found.half_by_folds))
    assert found.decided_by == ("groups" if found.half_by_groups >= found.half_by_folds else "folds")
