"""Selection counts finished trials with a finite objective and nothing else."""

import math
import shutil
from pathlib import Path

import pytest
from scipy.stats import binomtest

from fer_exp.campaign import Direction, Objective
from fer_exp.leaderboard.rows import accuracy_interval, best, keepers, leaderboard, standard_error, whole
from fer_exp.records import Record, State, seconds_trained
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import write_atomically
from tests.made_records import IMAGES, made_record, made_scores

ACCURACY = Objective()


@pytest.fixture
def trials(tmp_path: Path) -> list[Record]:
    """A baseline, three finished trials of which two tie, one that failed with the best score, one still training."""
    return [
        made_record(tmp_path, 5, made_scores(0.70), state=None),
        made_record(tmp_path, 4, made_scores(0.99), state=State.FAILED, reason="out of memory"),
        made_record(tmp_path, 3, made_scores(0.66), values={"learning_rate": 0.01}),
        made_record(tmp_path, 2, made_scores(0.68), values={"learning_rate": 0.003, "flip": True}),
        made_record(tmp_path, 1, made_scores(0.68)),
        made_record(tmp_path, 0, made_scores(0.65)),
    ]


def test_finished_trials_come_best_first_and_ties_go_to_the_lower_number(trials: list[Record]) -> None:
    assert [row.number for row in leaderboard(trials, ACCURACY)] == [1, 2, 3, 0, 4, 5]


def test_a_trial_that_failed_or_never_ended_has_no_objective_whatever_its_scores_say(trials: list[Record]) -> None:
    failed, running = leaderboard(trials, ACCURACY)[-2:]
    assert (failed.objective, failed.state, failed.reason) == (None, State.FAILED, "out of memory")
    assert (running.objective, running.state) == (None, State.RUNNING)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_finished_trial_without_a_finite_objective_is_never_the_best(tmp_path: Path, value: float) -> None:
    broken = made_record(tmp_path, 1, {"val/accuracy": value})
    assert best([broken], ACCURACY) is None
    assert leaderboard([broken], ACCURACY)[0].metrics == {}
    assert keepers(leaderboard([broken], ACCURACY), 3) == set()


def test_a_finished_trial_whose_scores_have_gone_is_damaged_and_not_the_worst(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match=r"scores\.json: expected final metrics, found none"):
        leaderboard([made_record(tmp_path, 1)], ACCURACY)


def test_what_can_be_read_is_shown_and_what_cannot_is_named(trials: list[Record]) -> None:
    (trials[1].path / "outcome.json").write_text("{")
    found, damaged = whole(trials)
    assert [contents.record for contents in found] == [trials[0], *trials[2:]]
    assert len(damaged) == 1
    assert str(trials[1].path / "outcome.json") in damaged[0]
    with pytest.raises(BadRecord):
        best(trials, ACCURACY)  # which may be the damaged one


def test_an_objective_to_be_minimised_turns_the_order_round(trials: list[Record]) -> None:
    loss = Objective(metric="val/log_loss", direction=Direction.MIN)
    assert [row.number for row in leaderboard(trials, loss)][:4] == [1, 2, 3, 0]
    worst_first = Objective(metric="val/accuracy", direction=Direction.MIN)
    assert [row.number for row in leaderboard(trials, worst_first)][:4] == [0, 3, 1, 2]


def test_the_best_may_be_the_baseline_unless_it_is_left_out(tmp_path: Path) -> None:
    baseline, trial = made_record(tmp_path, 0, made_scores(0.7)), made_record(tmp_path, 1, made_scores(0.6))
    assert best([trial, baseline], ACCURACY) == baseline
    assert best([trial, baseline], ACCURACY, include_baseline=False) == trial
    assert best([baseline], ACCURACY, include_baseline=False) is None


def test_models_of_the_best_and_of_the_baseline_stay(trials: list[Record]) -> None:
    assert keepers(leaderboard(trials, ACCURACY), 1) == {0, 1}
    assert keepers(leaderboard(trials, ACCURACY), 3) == {0, 1, 2, 3}
    assert keepers(leaderboard(trials, ACCURACY), 0) == {0}
    assert keepers(leaderboard([], ACCURACY), 3) == set()


def test_a_trial_answered_by_another_takes_no_place_among_the_models(tmp_path: Path) -> None:
    records = [
        made_record(tmp_path, 1, made_scores(0.68)),
        made_record(tmp_path, 2, made_scores(0.68), same_as=1),
        made_record(tmp_path, 3, made_scores(0.66)),
    ]
    assert keepers(leaderboard(records, ACCURACY), 2) == {1, 3}


def test_a_row_says_what_the_recipe_changes_from_the_baseline(trials: list[Record]) -> None:
    rows = {row.number: row for row in leaderboard(trials, ACCURACY)}
    assert rows[2].changes == {"learning_rate": 0.003, "augmentation.flip": True}
    assert rows[1].changes == {}
    alone = leaderboard(trials[3:4], ACCURACY)[0]
    assert alone.changes == alone.values  # no baseline to compare with


def test_a_row_carries_what_was_measured(trials: list[Record]) -> None:
    row = leaderboard(trials, ACCURACY)[0]
    assert set(row.metrics) == {"accuracy", "macro_f1", "balanced_accuracy", "log_loss"}
    assert (row.images, row.epochs, row.budget, row.attempts) == (IMAGES, 12, 12, 1)
    assert row.accuracy_interval is not None
    assert row.accuracy_interval.low < row.metrics["accuracy"] < row.accuracy_interval.high


def test_one_standard_error_on_the_private_test_is_the_published_three_quarters_of_a_point() -> None:
    assert standard_error(0.73, 3589) == pytest.approx(0.0074, abs=0.00005)


@pytest.mark.parametrize(("hits", "n"), [(2383, 3589), (0, 7), (7, 7), (1, 3589), (3588, 3589), (1, 1)])
def test_the_interval_is_that_of_scipy(hits: int, n: int) -> None:
    expected = binomtest(hits, n).proportion_ci(confidence_level=0.95, method="wilson")
    interval = accuracy_interval(hits / n, n)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_of_a_perfect_small_sample_is_not_a_point() -> None:
    interval = accuracy_interval(1.0, 5)
    assert interval.low < 0.6
    assert interval.high == pytest.approx(1.0)


def test_a_promoted_trial_counts_the_seconds_that_it_trained_itself_while_it_runs_too(tmp_path: Path) -> None:
    """Its history begins with the epochs of the trial that it goes on from; a campaign's sum counts each once."""
    source = made_record(tmp_path, 1, state=State.FINISHED, budget=3)
    promoted = made_record(tmp_path, 2, state=None, budget=0)
    asked = promoted.spec().model_copy(update={"epochs": 5, "continues": 1})
    write_atomically(promoted.path / "trial.json", asked.sealed())
    shutil.copyfile(source.path / "history.jsonl", promoted.path / "history.jsonl")
    last = source.history()[-1]
    for epoch in (4, 5):
        promoted.append(last.model_copy(update={"epoch": epoch, "seconds": 7.0}))
    (row,) = leaderboard([Record(promoted.path)], Objective())
    assert row.state is State.RUNNING
    assert row.seconds == seconds_trained(promoted) == 14.0
    assert seconds_trained(source) == pytest.approx(sum(epoch.seconds for epoch in source.history()))
