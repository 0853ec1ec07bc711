"""The verdict's maths: metrics are the report's own, spreads are what they say, and the corner cases have an answer."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm, t

from fer_exp.data.classes import FER2013
from fer_exp.data.emotions import Emotion
from fer_exp.metrics.registry import resampled
from fer_exp.metrics.scores import score
from fer_exp.verdict.interval import (
    MOST_SEEDS,
    Measured,
    Spreads,
    half_width,
    seeds_to_decide,
    spreads,
    wider_for_picking,
)
from fer_exp.verdict.judge import Answer, Judgement, Scope, Side, Terms, judge
from fer_exp.verdict.resample import ACCURACY, Predicted, bootstrap_weights, group_weights, measure, once
from tests.made_records import made_predictions

MADE = made_predictions(1500)
LABELS = MADE.labels
RANDOM = np.random.Generator(np.random.PCG64(3))


@pytest.fixture(autouse=True)
def _same_chance() -> None:
    """Each test draws what it draws whichever others run."""
    RANDOM.bit_generator.state = np.random.PCG64(3).state


def models(*shares_right: float) -> Predicted:
    """One model for each share; it is right on about so many of the images and says anything on the others."""
    guesses = RANDOM.integers(7, size=(len(shares_right), LABELS.size)).astype(np.uint8)
    right = RANDOM.random((len(shares_right), LABELS.size)) < np.array(shares_right)[:, None]
    return np.where(right, LABELS, guesses).astype(np.uint8)


def measured(right: np.ndarray, resamples: int = 2000) -> Measured:
    """The accuracy of models that are right where `right`, `(models, n)`, is true."""
    labels, predicted = np.zeros(right.shape[1], np.uint8), (~right).astype(np.uint8)
    values, drawn = (
        measure(labels, predicted, weights, [ACCURACY])[ACCURACY]
        for weights in (once(labels.size), bootstrap_weights(labels.size, resamples))
    )
    return Measured(values[0], drawn)


# -- metrics on resampled images


def test_each_metric_is_the_one_of_the_report() -> None:
    order = np.argsort(LABELS, kind="stable")
    said = MADE.probabilities.argmax(axis=1).astype(np.uint8)
    found = measure(LABELS[order], said[None, order], once(LABELS.size), resampled(FER2013))
    reported = score(LABELS, MADE.probabilities).metrics("val")
    assert set(found) == set(resampled(FER2013))
    for name, value in found.items():
        assert value.shape == (1, 1)
        assert value[0, 0] == pytest.approx(reported[f"val/{name}"], abs=1e-6)


def test_averages_leave_out_an_emotion_that_does_not_occur_as_the_report_does() -> None:
    there = np.flatnonzero(LABELS != Emotion.DISGUST)
    order = there[np.argsort(LABELS[there], kind="stable")]
    said = MADE.probabilities[order].argmax(axis=1).astype(np.uint8)
    found = measure(LABELS[order], said[None], once(order.size), resampled(FER2013))
    reported = score(LABELS[order], MADE.probabilities[order])
    assert found["macro_f1"][0, 0] == pytest.approx(reported.macro_f1, abs=1e-6)
    assert found["balanced_accuracy"][0, 0] == pytest.approx(reported.balanced_accuracy, abs=1e-6)
    assert math.isnan(found["disgust/recall"][0, 0])


def test_a_resample_draws_as_many_images_as_there_are_and_is_the_same_every_time() -> None:
    weights = bootstrap_weights(500, 40)
    assert weights.shape == (40, 500)
    assert (weights.sum(axis=1) == 500).all()
    assert (weights != weights[0]).any(axis=1).sum() == 39
    bootstrap_weights.cache_clear()
    assert (bootstrap_weights(500, 40) == weights).all()


def test_a_metric_on_a_resample_is_the_metric_of_the_images_drawn() -> None:
    order = np.argsort(LABELS, kind="stable")
    labels, said = LABELS[order], MADE.probabilities[order].argmax(axis=1).astype(np.uint8)
    weights = bootstrap_weights(labels.size, 3)
    drawn = np.repeat(np.arange(labels.size), weights[2].astype(int))
    expected = score(labels[drawn], MADE.probabilities[order][drawn]).metrics("val")
    for name, value in measure(labels, said[None], weights, resampled(FER2013)).items():
        assert value[2, 0] == pytest.approx(expected[f"val/{name}"], abs=1e-6)


# -- spreads and intervals


def test_of_two_models_the_spread_is_the_textbooks_for_paired_shares() -> None:
    a, b = RANDOM.random((1, 3000)) < 0.7, RANDOM.random((1, 3000)) < 0.65
    gaps = a[0].astype(float) - b[0]
    spread = spreads(measured(a), measured(b))
    assert spread.images == pytest.approx(gaps.std(ddof=1) / math.sqrt(3000), rel=0.05)
    assert spread.seeds == 0.0
    assert half_width(spread, 0.95) == pytest.approx(1.96 * spread.images, rel=0.001)


def test_models_that_err_alike_are_told_apart_by_fewer_images() -> None:
    a = RANDOM.random((1, 3000)) < 0.7
    alike = a ^ (RANDOM.random((1, 3000)) < 0.02)
    apart = RANDOM.random((1, 3000)) < 0.7
    assert spreads(measured(a), measured(alike)).images < spreads(measured(a), measured(apart)).images / 3


def test_what_seeds_have_in_common_is_the_images_part_and_what_sets_them_apart_is_the_seeds_part() -> None:
    right = RANDOM.random(3000) < 0.65
    same = np.tile(right, (4, 1))  # four seeds, not one image between them
    other = np.tile(RANDOM.random(3000) < 0.65, (4, 1))
    spread = spreads(measured(same), measured(other))
    gaps = right.astype(float) - other[0]
    assert spread.seeds == 0.0
    assert spread.images == pytest.approx(gaps.std(ddof=1) / math.sqrt(3000), rel=0.05)
    lonely = spreads(measured(RANDOM.random((4, 3000)) < 0.65), measured(RANDOM.random((4, 3000)) < 0.65))
    assert lonely.images < lonely.seeds  # seeds that share nothing: images say nothing about the recipes


def test_three_seeds_pay_for_being_few() -> None:
    few, many = (RANDOM.random((seeds, 3000)) < 0.65 for seeds in (3, 30))
    wide, narrow = spreads(measured(few), measured(~few)), spreads(measured(many), measured(~many))
    error = [math.hypot(one.images, one.seeds) for one in (wide, narrow)]
    assert half_width(wide, 0.95) / error[0] > half_width(narrow, 0.95) / error[1] > 1.95


def test_a_higher_level_is_a_wider_interval() -> None:
    spread = spreads(measured(RANDOM.random((3, 900)) < 0.7), measured(RANDOM.random((3, 900)) < 0.7))
    widths = [half_width(spread, level) for level in (0.8, 0.95, 0.99)]
    assert widths == sorted(widths)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_the_width_is_students_quantile_of_any_freedom_and_the_normal_one_of_none(level: float) -> None:
    tail = (1 + level) / 2
    for freedom in np.geomspace(0.5, 5000, 60):
        assert half_width(Spreads(0.0, 2.0, freedom), level) == pytest.approx(2 * t.ppf(tail, freedom), rel=1e-12)
    assert half_width(Spreads(2.0, 0.0, np.inf), level) == pytest.approx(2 * norm.ppf(tail), rel=1e-12)


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.706205), (4, 2.776445), (30, 2.042272), (np.inf, 1.959964)])
def test_the_width_is_that_of_the_printed_tables(freedom: float, quantile: float) -> None:
    assert half_width(Spreads(0.0, 1.0, freedom), 0.95) == pytest.approx(quantile, abs=1e-6)


def test_being_picked_never_makes_an_interval_narrower() -> None:
    seeds = RANDOM.random((3, 900)) < np.array([[0.60], [0.65], [0.70]])  # far apart: most of the error is the seeds'
    spread = spreads(measured(seeds), measured(~seeds))
    widths = [half_width(spread, 0.95, wider) for wider in (1.0, 1.1, 1.5, 3.0)]
    assert widths == sorted(widths)


# -- having been picked


def test_the_more_there_were_to_pick_from_the_wider_and_never_beyond_bonferroni() -> None:
    baseline = measured(RANDOM.random((1, 2000)) < 0.65)
    trials = RANDOM.random((50, 2000)) < 0.65
    wider = [wider_for_picking(measured(trials[:count]), baseline, 0.95) for count in (1, 5, 50)]
    assert wider[0] == pytest.approx(1.0, abs=0.05)
    assert wider == sorted(wider)
    assert wider[2] > 1.3
    assert wider[2] < 1.05 * norm.ppf(1 - 0.025 / 50) / norm.ppf(0.975)


def test_fifty_trials_that_say_the_same_count_as_one() -> None:
    baseline = measured(RANDOM.random((1, 2000)) < 0.65)
    trial = RANDOM.random(2000) < 0.65
    assert wider_for_picking(measured(np.tile(trial, (50, 1))), baseline, 0.95) == pytest.approx(1.0, abs=0.05)


def test_a_side_that_was_picked_needs_a_larger_difference() -> None:
    trials, baseline = models(*[0.6] * 20), models(0.58)
    best = trials[[int((trials == LABELS).sum(axis=1).argmax())]]
    free = judge(LABELS, Side(best), Side(baseline)).of(ACCURACY)
    held = judge(LABELS, Side(best, trials), Side(baseline)).of(ACCURACY)
    assert held.difference == free.difference
    assert held.low < free.low
    assert (held.low_unpicked, held.high_unpicked) == pytest.approx((free.low, free.high))
    both = judge(LABELS, Side(best, trials), Side(baseline, models(*[0.58] * 5))).of(ACCURACY)
    assert both.low < held.low


# -- the verdict


def verdict(a: Predicted, b: Predicted) -> Judgement:
    return judge(LABELS, Side(a), Side(b))


def test_a_large_difference_is_shown_and_the_other_way_round_it_is_worse() -> None:
    good, bad = models(0.7, 0.7, 0.7), models(0.5, 0.5, 0.5)
    forward, backward = verdict(good, bad), verdict(bad, good)
    assert (forward.answer, backward.answer) == (Answer.BETTER, Answer.WORSE)
    for one, other in zip(forward.metrics, backward.metrics, strict=True):
        assert one.difference == pytest.approx(-other.difference)
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_models_that_say_the_same_are_not_shown_to_differ() -> None:
    one = models(0.65)
    same = verdict(one, one)
    assert same.answer is Answer.NOT_SHOWN
    assert all((found.low, found.difference, found.high) == (0.0, 0.0, 0.0) for found in same.metrics)
    assert same.mcnemar is not None
    assert same.mcnemar.p == 1.0


def test_one_model_against_several_that_say_the_same_has_an_interval() -> None:
    one = models(0.65)
    for many in range(2, 12):
        found = verdict(one, np.tile(one, (many, 1))).metrics
        assert all(found.low == pytest.approx(0.0, abs=1e-7) and not math.isnan(found.high) for found in found)


def test_two_seeds_a_side_speak_of_recipes_and_fewer_of_models() -> None:
    assert verdict(models(0.6, 0.6), models(0.6, 0.6)).scope is Scope.RECIPES
    for a, b in ((1, 1), (1, 3), (3, 1)):
        assert verdict(models(*[0.6] * a), models(*[0.6] * b)).scope is Scope.MODELS


def test_mcnemars_test_is_the_exact_one_and_stands_only_between_single_models() -> None:
    a, b = models(0.66), models(0.62)
    test = verdict(a, b).mcnemar
    assert test is not None
    alone = int(((a == LABELS) & (b != LABELS)).sum()), int(((a != LABELS) & (b == LABELS)).sum())
    assert (test.a_alone, test.b_alone) == alone
    assert test.p == pytest.approx(binomtest(alone[0], sum(alone)).pvalue)
    assert verdict(models(0.6, 0.6), models(0.6)).mcnemar is None


def test_the_order_of_the_images_does_not_matter_to_what_was_measured() -> None:
    a, b = models(0.7, 0.68), models(0.6, 0.61)
    shuffled = RANDOM.permutation(LABELS.size)
    one = judge(LABELS, Side(a), Side(b))
    other = judge(LABELS[shuffled], Side(a[:, shuffled]), Side(b[:, shuffled]))
    for here, there in zip(one.metrics, other.metrics, strict=True):
        assert here.difference == pytest.approx(there.difference)
    assert one.of(ACCURACY).low == pytest.approx(other.of(ACCURACY).low, abs=0.005)


def test_an_emotion_without_images_has_no_recall_and_does_not_stop_the_others() -> None:
    there = LABELS != Emotion.FEAR
    judged = judge(
        LABELS[there], Side(models(0.6)[:, there]), Side(models(0.6)[:, there]), Terms(deciding="fear/recall")
    )
    assert {found.metric for found in judged.metrics} == set(resampled(FER2013)) - {"fear/recall"}
    assert judged.deciding == ACCURACY


def test_an_emotion_of_one_image_is_judged_on_the_resamples_that_hold_it() -> None:
    labels = np.r_[np.zeros(30, np.uint8), np.uint8(1)]
    a, b = labels[None].copy(), labels[None].copy()
    b[0, :3] = 2
    judged = judge(labels, Side(a), Side(b))
    assert all(math.isfinite(found.low) and math.isfinite(found.high) for found in judged.metrics)
    assert judged.of("disgust/recall").answer is Answer.NOT_SHOWN


def test_the_deciding_metric_decides() -> None:
    a, b = models(0.6), models(0.6)
    disgust = LABELS == Emotion.DISGUST
    a[:, disgust], b[:, disgust] = Emotion.DISGUST, Emotion.FEAR
    judged = judge(LABELS, Side(a), Side(b), Terms(deciding="disgust/recall"))
    assert judged.answer is Answer.BETTER
    assert judge(LABELS, Side(a), Side(b)).answer is not Answer.WORSE


def test_a_judgement_survives_its_json_form() -> None:
    judged = verdict(models(0.6), models(0.6))
    assert Judgement.from_json(judged.to_json()) == judged


# -- what is possible, and what would decide


def test_no_interval_reaches_beyond_what_is_possible() -> None:
    """Two seeds that differ by everything: Student's quantile at one degree of freedom is 12.7."""
    a, b = np.stack([LABELS, (LABELS + 1) % 7]), models(0.4, 0.5)
    found = judge(LABELS, Side(a.astype(np.uint8)), Side(b)).of(ACCURACY)
    assert (found.low, found.high) == (-1.0, 1.0)
    assert (found.low_unpicked, found.high_unpicked) == (-1.0, 1.0)
    assert found.answer is Answer.NOT_SHOWN


@pytest.mark.parametrize("seeds", [(2, 2), (3, 5)])
def test_the_seeds_that_would_decide_are_the_fewest_whose_interval_excludes_0(seeds: tuple[int, int]) -> None:
    of_one = 0.02  # standard deviation of a seed on both sides
    spread = Spreads(0.001, of_one * math.sqrt(1 / seeds[0] + 1 / seeds[1]), sum(seeds) - 2)
    many = seeds_to_decide(spread, seeds, gap=0.02, level=0.95, wider=1.0)
    assert many is not None

    def half(count: int) -> float:
        return half_width(Spreads(0.001, of_one * math.sqrt(2 / count), 2 * (count - 1)), 0.95)

    assert half(many) < 0.02 <= half(many - 1)
    assert seeds_to_decide(Spreads(0.02, 0.01, 2), seeds, gap=0.02, level=0.95, wider=1.0) is None  # too few images


def test_the_verdict_says_how_many_seeds_would_decide() -> None:
    judged = judge(LABELS, Side(models(0.60, 0.66)), Side(models(0.58, 0.61)))
    found = judged.of(ACCURACY)
    assert judged.answer is Answer.NOT_SHOWN
    assert found.difference == pytest.approx(0.035, abs=0.02)
    assert found.seeds_to_decide is not None
    assert 2 < found.seeds_to_decide <= MOST_SEEDS
    shown = judge(LABELS, Side(models(0.90, 0.90)), Side(models(0.50, 0.50)))
    assert shown.of(ACCURACY).seeds_to_decide is None


# -- images that come in groups


def test_of_groups_whole_ones_are_drawn() -> None:
    groups = np.array([4, 4, 9, 9, 9, 2])
    weights = group_weights(groups, 50)
    assert weights.shape == (50, 6)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert set(weights[:, [0, 2, 5]].sum(axis=1)) == {3.0}


def test_a_group_for_each_image_changes_next_to_nothing_and_one_of_many_widens() -> None:
    a, b = models(0.64), models(0.61)
    plain, each, few = (
        judge(LABELS, Side(a), Side(b), clusters=clusters).of(ACCURACY)
        for clusters in (None, np.arange(LABELS.size), np.arange(LABELS.size) % 12)
    )
    assert each.high - each.low == pytest.approx(plain.high - plain.low, rel=0.1)
    assert few.difference == plain.difference
    judged = judge(LABELS, Side(a), Side(b), clusters=np.arange(LABELS.size) % 12)
    assert judged.groups == 12
    assert judged.mcnemar is None  # it takes the images for independent


def test_few_groups_are_paid_for_by_student_s_quantile() -> None:
    spread = Spreads(0.01, 0.0, np.inf, image_freedom=4)
    assert half_width(spread, 0.95) == pytest.approx(0.01 * t.ppf(0.975, 4))
    assert half_width(Spreads(0.01, 0.0, np.inf), 0.95) == pytest.approx(0.01 * norm.ppf(0.975))
