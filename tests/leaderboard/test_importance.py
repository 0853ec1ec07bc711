"""Importance finds what was planted, and says why where it cannot say anything."""

import numpy as np
import pytest

from fer_exp.campaign import Direction, Objective
from fer_exp.campaign.space import dimensions
from fer_exp.leaderboard.importance import importance
from fer_exp.leaderboard.rows import Row, leaderboard
from fer_exp.records import Kind, State, records_in
from tests.made_records import SPACE, made_campaign

SPACE_OF = dimensions(SPACE)
ACCURACY = Objective()


def row(number: int, objective: float | None, *, budget: int = 12, same_as: int | None = None, **values: float) -> Row:
    given = {"learning_rate": 0.001, **values}
    state = State.FAILED if objective is None else State.FINISHED
    kind = Kind.TRIAL if number else Kind.BASELINE
    return Row(
        number=number,
        kind=kind,
        state=state,
        attempts=1,
        objective=objective,
        budget=budget,
        values=given,
        same_as=same_as,
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Eighteen trials whose accuracy hangs on the magnitude of the learning rate."""
    folder = made_campaign(tmp_path_factory.mktemp("campaign") / "made", 18)
    return leaderboard(records_in(folder / "trials"), ACCURACY)


def test_of_many_trials_some_are_drawn_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The analysis of 10,000 trials would take an hour at the end of their search."""
    monkeypatch.setattr("fer_exp.leaderboard.importance.MOST_TRIALS", 30)
    rng = np.random.default_rng(1)
    points = [(10 ** rng.uniform(-4, -2), round(rng.uniform(0.1, 0.6), 1)) for _ in range(90)]
    rows = [
        row(number, abs(np.log10(rate) + 3), learning_rate=rate, pooled_dropout=dropout)
        for number, (rate, dropout) in enumerate(points, start=1)
    ]
    found = importance(rows, SPACE_OF, ACCURACY)
    assert (found.trials, found.drawn_from, found.basis) == (30, 90, "30 of 90 trials")
    assert next(iter(found.shares)) == "learning_rate"
    assert importance(rows, SPACE_OF, ACCURACY) == found
    assert importance(rows[:30], SPACE_OF, ACCURACY).basis == "30 trials"


def test_the_planted_hyperparameter_comes_first_and_shares_sum_to_one(planted: list[Row]) -> None:
    found = importance(planted, SPACE_OF, ACCURACY)
    assert next(iter(found.shares)) == "learning_rate"
    assert found.shares["learning_rate"] > 0.7
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert (found.trials, found.reason) == (18, "")


def test_a_hyperparameter_that_only_some_trials_have_is_left_out_by_name(planted: list[Row]) -> None:
    found = importance(planted, SPACE_OF, ACCURACY)
    assert found.left_out == ("momentum",)
    assert "momentum" not in found.shares


def test_the_same_trials_in_any_order_give_the_same_numbers(planted: list[Row]) -> None:
    assert importance(planted[::-1], SPACE_OF, ACCURACY) == importance(planted, SPACE_OF, ACCURACY)


def test_the_direction_of_the_objective_changes_nothing_about_what_matters(planted: list[Row]) -> None:
    down = Objective(metric="val/accuracy", direction=Direction.MIN)
    assert importance(planted, SPACE_OF, down).shares == importance(planted, SPACE_OF, ACCURACY).shares


def test_three_trials_are_too_few_and_failed_ones_and_the_baseline_do_not_count() -> None:
    rows = [row(n, 0.5 + n / 100, learning_rate=n / 1000) for n in range(4)] + [row(4, None)]
    found = importance(rows, SPACE_OF, ACCURACY)
    assert found.shares == {}
    assert found.reason == "expected at least 4 finished trials of one budget, found 3"


def test_a_repeated_trial_is_not_counted_twice() -> None:
    rows = [row(n, 0.5 + n / 100, learning_rate=n / 1000) for n in range(1, 4)]
    rows.append(row(4, 0.53, learning_rate=0.003, same_as=3))
    assert importance(rows, SPACE_OF, ACCURACY).trials == 3


def test_an_objective_with_one_value_explains_nothing() -> None:
    rows = [row(n, 0.6, learning_rate=n / 1000) for n in range(1, 9)]
    assert importance(rows, SPACE_OF, ACCURACY).reason == "all finished trials have the same objective"


def test_hyperparameters_that_never_change_explain_nothing() -> None:
    rows = [row(n, 0.6 + n / 100) for n in range(1, 9)]
    assert "takes more than one value" in importance(rows, SPACE_OF, ACCURACY).reason


def test_the_only_hyperparameter_that_changes_is_given_no_share() -> None:
    random = np.random.default_rng(7)
    rows = [row(n, random.uniform(0.6, 0.7), learning_rate=n / 1000) for n in range(1, 9)]
    found = importance(rows, SPACE_OF, ACCURACY)
    assert found.shares == {}
    assert found.reason.startswith("only learning_rate takes more than one value")


def test_trials_of_another_budget_are_not_compared() -> None:
    random = np.random.default_rng(3)
    short = [row(n, random.uniform(0.2, 0.3), budget=3, learning_rate=random.uniform(1e-4, 0.1)) for n in range(1, 5)]
    full = [row(n, random.uniform(0.6, 0.7), budget=12, learning_rate=random.uniform(1e-4, 0.1)) for n in range(5, 12)]
    found = importance([*short, *full], SPACE_OF, ACCURACY)
    assert (found.trials, found.epochs) == (7, 12)


def test_four_trials_give_numbers_or_a_reason() -> None:
    random = np.random.default_rng(5)
    for _ in range(5):
        chosen = [(random.uniform(1e-4, 0.1), random.uniform(0.1, 0.6)) for _ in range(4)]
        rows = [
            row(n, random.uniform(0.6, 0.7), learning_rate=rate, pooled_dropout=dropout)
            for n, (rate, dropout) in enumerate(chosen, start=1)
        ]
        found = importance(rows, SPACE_OF, ACCURACY)
        assert bool(found.reason) is not bool(found.shares)
        assert found.reason or sum(found.shares.values()) == pytest.approx(1.0)
