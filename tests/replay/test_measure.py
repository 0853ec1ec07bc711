"""What replays show: arrivals, ratios with their intervals, curves, ranks, and the words for them."""

import numpy as np
import pytest

from fer_exp.replay.measure import Replay, rank_correlations, ratio, result_of
from fer_exp.replay.player import Run
from fer_exp.replay.session import chosen
from fer_exp.replay.session import replay as play
from fer_exp.replay.words import replay_text, sentences
from fer_exp.system.errors import BadInput
from tests.replay_tables import made_table

BUDGET = 100


def run(arrived: int | None) -> Run:
    """A search that kept 0.5 after 10 epochs, and 0.9 when it arrived."""
    steps = [(10, 0.5), *([] if arrived is None else [(arrived, 0.9)])]
    spent, kept = (np.array(column) for column in zip(*steps, strict=True))
    return Run(spent, kept, kept, arrived, arrived, BUDGET, 5, 0.5)


def replayed(**arrived: list[int | None]) -> Replay:
    results = tuple(result_of(name, [run(one) for one in epochs], BUDGET) for name, epochs in arrived.items())
    return Replay(
        table="made",
        source="made for tests",
        recipes=12,
        epochs=9,
        curve_seeds=1,
        best=0.9,
        near=1,
        budget=BUDGET,
        within=0.5,
        results=results,
    )


def test_who_never_arrives_counts_the_whole_budget_and_is_named() -> None:
    found = result_of("some", [run(20), run(40), run(None), run(None)], BUDGET)
    assert found.kept.mean.value == pytest.approx((20 + 40 + 100 + 100) / 4)
    assert found.kept.never == 0.5
    assert found.kept.mean.low < found.kept.mean.value < found.kept.mean.high
    assert found.milliseconds == pytest.approx(100)
    assert found.proposals == 5


def test_a_ratio_is_the_geometric_mean_over_tables_with_an_interval_around_it() -> None:
    twice, eighth = replayed(a=[20, 40], b=[10, 20]), replayed(a=[5, 5], b=[40, 40])
    found = ratio([twice, eighth], "a", "b")
    assert found is not None
    assert found.value == pytest.approx((2 * 1 / 8) ** 0.5)
    assert found.low < found.value < found.high
    assert ratio([eighth], "a", "none") is None


def test_an_interval_holds_the_true_ratio_in_most_experiments() -> None:
    random, held = np.random.default_rng(2), 0
    for _ in range(100):
        ours, theirs = random.integers(10, 50, 40), random.integers(20, 100, 40)  # means of 29.5 and 59.5
        found = ratio([replayed(a=[int(one) for one in ours], b=[int(one) for one in theirs])], "a", "b")
        assert found is not None
        held += found.low <= 29.5 / 59.5 <= found.high
    assert held >= 86  # of 95 expected, four standard errors below


def test_a_curve_begins_where_half_of_the_seeds_have_something_and_never_falls() -> None:
    curve = result_of("some", [run(20), run(40)], BUDGET).curve
    known = [(at, mean) for at, mean in zip(curve.epochs, curve.mean, strict=True) if mean is not None]
    assert known[0][0] == 10
    means = [mean for _, mean in known]
    assert means == sorted(means)
    assert means[-1] == pytest.approx(0.9)


def test_ranks_after_few_epochs_are_held_against_the_last() -> None:
    found = rank_correlations({1: np.array([3.0, 2, 1]), 9: np.array([1.0, 2, 3]), 27: np.array([10.0, 20, 30])})
    assert found == {1: pytest.approx(-1), 9: pytest.approx(1), 27: pytest.approx(1)}


def test_the_sentence_says_fewer_more_or_that_it_is_not_shown() -> None:
    clear, even = replayed(adaptive=[10, 12] * 10, random=[50, 60] * 10), replayed(adaptive=[9, 50], random=[8, 60])
    assert sentences([clear])[0].startswith(
        "adaptive comes within 0.5 points of the best with fewer epochs than random"
    )
    assert sentences([replayed(adaptive=[50, 60] * 10, random=[10, 12] * 10)])[0].count("more epochs than random") == 1
    assert sentences([even])[0].startswith("It is not shown whether adaptive or random")
    assert sentences([replayed(adaptive=[9, 9])]) == []


def test_a_replay_of_a_small_table_is_told_whole() -> None:
    table = made_table()
    found = play(table, chosen("random,adaptive"), 4, 0.5, 20, lambda _: None)
    text = replay_text([found], {"made": {1: 0.5, 9: 1.0}})
    assert "made: 12 recipes, 9 epochs each, 2 seeds; best 89.95 %, 1 recipe within 0.5 points of it" in text
    assert "Rank correlation of a training cut at an epoch with the full one: 1: 0.50, 9: 1.00" in text
    assert found.of("random") is not None
    assert found.budget == 20 * 9


def test_an_unknown_algorithm_is_refused_with_what_was_meant() -> None:
    with pytest.raises(BadInput, match="did you mean 'hyperband'"):
        chosen("random,hyperbnd")
    assert len(chosen("all")) >= 8
