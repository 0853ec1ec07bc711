"""Retraining trains the baseline beside the best recipe, with the same seeds, and ends with the verdict on the two.

Trials are fake; tests/test_end_to_end.py goes the whole way with real ones.
"""

from pathlib import Path

import pytest

from fer_exp.records import Record, State, records_in
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.home import Home
from fer_exp.tuning.retrain import baseline_to_beat
from tests.commands import done, quick_trials, refused, write_campaign
from tests.made_records import made_record, made_scores


@pytest.fixture
def searched(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home in which `tiny` was searched with trials that train nothing."""
    quick_trials(monkeypatch)
    done("search", write_campaign(tmp_path), "--no-tracking")
    return home


def retrains(home: Home, campaign: str = "tiny") -> list[Record]:
    return list(records_in(home.campaign(campaign) / "retrains"))


def baselines(home: Home, campaign: str = "tiny") -> list[Record]:
    return [record for record in retrains(home, campaign) if record.spec().number == 0]


def was_trained(record: Record) -> bool:
    return any(record.path.glob("attempt-*.log"))


# -- when


def test_from_two_seeds_the_baseline_is_trained_with_the_same_ones(searched: Home) -> None:
    done("retrain-best", "tiny", "--trial", 1, "--seeds", 2, "--no-tracking")
    specs = [record.spec() for record in retrains(searched)]
    assert [(spec.number, spec.seed) for spec in specs] == [(0, 2), (0, 3), (1, 2), (1, 3)]
    assert len({(spec.epochs, spec.horizon, spec.split_digest) for spec in specs}) == 1


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (("--seeds", 1), [1]),
        (("--seeds", 2, "--no-baseline"), [1, 1]),
        (("--seeds", 1, "--against-baseline"), [0, 1]),
    ],
)
def test_one_seed_is_no_reason_and_the_user_has_the_last_word(
    searched: Home, options: tuple[object, ...], numbers: list[int]
) -> None:
    done("retrain-best", "tiny", "--trial", 1, "--no-tracking", *options)
    assert [record.spec().number for record in retrains(searched)] == numbers


def test_the_baseline_retrained_is_not_compared_with_itself(searched: Home) -> None:
    told = done("retrain-best", "tiny", "--trial", 0, "--seeds", 2, "--no-tracking")
    assert len(retrains(searched)) == 2
    assert "ompared" not in told


@pytest.mark.usefixtures("searched")
def test_what_makes_no_sense_is_refused_where_it_was_asked_for() -> None:
    problem, _ = refused("retrain-best", "tiny", "--trial", 0, "--against-baseline", "--no-tracking")
    assert "the baseline is what is trained again" in problem


def test_a_start_from_weights_is_not_compared_with_a_baseline_that_starts_from_nothing(tmp_path: Path) -> None:
    trial = made_record(tmp_path / "trials", 1, made_scores(0.66))
    made_record(tmp_path / "trials", 0, made_scores(0.65))
    assert baseline_to_beat(tmp_path, trial, 3, recover=True, wanted=None) is None
    with pytest.raises(BadInput, match="from nothing"):
        baseline_to_beat(tmp_path, trial, 3, recover=True, wanted=True)


def test_a_baseline_that_failed_is_not_compared_with_and_missed_only_where_it_was_asked_for(tmp_path: Path) -> None:
    trial = made_record(tmp_path / "trials", 1, made_scores(0.66))
    made_record(tmp_path / "trials", 0, state=State.FAILED)
    assert baseline_to_beat(tmp_path, trial, 3, recover=False, wanted=None) is None
    with pytest.raises(NotFound, match="has not finished"):
        baseline_to_beat(tmp_path, trial, 3, recover=False, wanted=True)


# -- nothing is trained twice


def test_more_seeds_train_only_what_is_new(searched: Home) -> None:
    done("retrain-best", "tiny", "--trial", 1, "--seeds", 2, "--no-tracking")
    ended = {record.path.name: record.outcome() for record in retrains(searched)}
    done("retrain-best", "tiny", "--trial", 1, "--seeds", 3, "--no-tracking")
    again = {record.path.name: record.outcome() for record in retrains(searched)}
    assert len(again) == 6
    assert {name: again[name] for name in ended} == ended


def test_another_trial_and_another_campaign_use_the_baselines_that_are_there(searched: Home, tmp_path: Path) -> None:
    done("retrain-best", "tiny", "--trial", 1, "--seeds", 2, "--no-tracking")
    done("retrain-best", "tiny", "--trial", 2, "--seeds", 2, "--no-tracking")
    assert len(retrains(searched)) == 6
    done("search", write_campaign(tmp_path), "--name", "second", "--no-tracking")
    done("retrain-best", "second", "--trial", 2, "--seeds", 2, "--no-tracking")
    there = baselines(searched, "second")
    assert [record.spec().campaign for record in there] == ["second"] * 2
    assert not any(was_trained(record) for record in there)
    for record, source in zip(there, baselines(searched), strict=True):
        assert record.state() is State.FINISHED
        assert record.scores() == source.scores()
        assert record.history() == source.history()
        assert record.model.read_bytes() == source.model.read_bytes()


def test_what_was_trained_for_longer_or_on_other_images_answers_nothing(searched: Home, tmp_path: Path) -> None:
    done("retrain-best", "tiny", "--trial", 1, "--seeds", 2, "--no-tracking")
    done("search", write_campaign(tmp_path), "--name", "second", "--no-tracking")
    done("retrain-best", "second", "--trial", 1, "--seeds", 2, "--epochs", 3, "--no-tracking")
    done("retrain-best", "second", "--trial", 1, "--seeds", 2, "--limit", 70, "--no-tracking")
    assert len(baselines(searched, "second")) == 4
    assert all(was_trained(record) for record in baselines(searched, "second"))


def test_a_damaged_record_of_another_campaign_is_no_answer_and_no_obstacle(searched: Home, tmp_path: Path) -> None:
    done("retrain-best", "tiny", "--trial", 1, "--seeds", 2, "--no-tracking")
    for record in baselines(searched):
        (record.path / "trial.json").write_text("{")
    done("search", write_campaign(tmp_path), "--name", "second", "--no-tracking")
    done("retrain-best", "second", "--trial", 2, "--seeds", 2, "--no-tracking")
    assert all(was_trained(record) for record in baselines(searched, "second"))


# -- what is said


def test_predictions_that_are_missing_cost_the_verdict_and_nothing_else(searched: Home) -> None:
    command = ("retrain-best", "tiny", "--trial", 1, "--seeds", 2, "--no-tracking")
    assert "Not compared with the baseline: " not in done(*command)
    (retrains(searched)[0].path / "predictions.npz").unlink()
    assert "Not compared with the baseline: " in done(*command)
    assert len(retrains(searched)) == 4
