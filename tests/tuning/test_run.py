"""The search around the trials: order, interruption, failure, repetition, change.

Trials are fake, everything else is real: processes, records, Keras Tuner, state.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fer_exp.campaign import Algorithm, Campaign, CampaignSpec, HyperParameters
from fer_exp.execute.loop import Ending
from fer_exp.execute.progress import Silence
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Kind, Record, State
from fer_exp.system.errors import BadCampaign, BadRecord, Busy, TrialsFailed
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from fer_exp.system.provenance import trained_with
from fer_exp.tuning import trials as search_trials
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.state import read_state
from fer_exp.tuning.values import DataChoice
from tests.fake_trials import train_fake
from tests.toy_search import At, campaign, interrupt, leaderboard, misbehaving, records, run, space

ALGORITHMS = list(Algorithm)


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Algorithm], list[tuple[int, float | None, int]]]:
    """The leaderboard of an uninterrupted search, by algorithm."""
    known: dict[Algorithm, list[tuple[int, float | None, int]]] = {}

    def of(algorithm: Algorithm) -> list[tuple[int, float | None, int]]:
        if algorithm not in known:
            home = Home(tmp_path_factory.mktemp(algorithm.value))
            known[algorithm] = leaderboard(run(home, campaign(algorithm)))
        return known[algorithm]

    return of


def test_the_baseline_comes_first_then_every_trial_once(home: Home) -> None:
    result = run(home, campaign())
    specs = [record.spec() for record in records(home)]
    assert result.ending is Ending.DONE
    assert [(spec.number, spec.kind) for spec in specs] == [(0, Kind.BASELINE), *((n, Kind.TRIAL) for n in range(1, 6))]
    assert all(record.state() is State.FINISHED for record in records(home))
    assert specs[0].recipe == baseline_recipe()
    ends = [outcome.ended_ms for record in records(home) if (outcome := record.outcome())]
    assert ends == sorted(ends)


def test_the_same_command_again_trains_nothing_again(home: Home) -> None:
    first = run(home, campaign())
    before = {record.path: record.outcome() for record in records(home)}
    assert leaderboard(run(home, campaign())) == leaderboard(first)
    assert {record.path: record.outcome() for record in records(home)} == before


def test_two_workers_find_what_one_finds(home: Home, through: Callable[[Algorithm], object]) -> None:
    assert leaderboard(run(home, campaign(), workers=2)) == through(Algorithm.RANDOM)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_search_stopped_in_the_middle_ends_as_if_it_had_not(
    home: Home, algorithm: Algorithm, through: Callable[[Algorithm], object]
) -> None:
    stopped = run(home, campaign(algorithm), At(lambda seen: seen.ended == 2 and bool(seen.running), interrupt))
    assert stopped.ending is Ending.STOPPED
    resumed = run(home, campaign(algorithm))
    assert resumed.ending is Ending.DONE
    assert leaderboard(resumed) == through(algorithm)


def test_a_search_refuses_to_go_on_with_a_trial_whose_checkpoint_has_gone(home: Home) -> None:
    run(home, campaign(), At(lambda seen: seen.ended == 2 and bool(seen.running), interrupt))
    record = next(record for record in records(home) if record.history() and record.outcome() is None)
    checkpoint = record.checkpoint(len(record.history()))
    checkpoint.rename(checkpoint.with_suffix(".away"))
    with pytest.raises(BadRecord, match="does not exist, and the training is to go on from it"):
        run(home, campaign())
    assert record.outcome() is None  # given up for nothing it would be lost
    checkpoint.with_suffix(".away").rename(checkpoint)
    assert run(home, campaign()).ending is Ending.DONE


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("point", ["write_state", "write_atomically"])
def test_a_driver_that_dies_at_any_write_loses_and_repeats_nothing(
    home: Home,
    algorithm: Algorithm,
    point: str,
    through: Callable[[Algorithm], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before and after each of its writes in turn; what it leaves behind is what a kill at that point leaves."""
    expected = through(algorithm)  # before the writes are made to fail
    real = getattr(search_trials, point)
    calls = deaths = 0
    result = None

    def dying(*arguments: object) -> None:
        nonlocal calls, deaths
        calls += 1
        if calls == deaths // 2 + 1:
            deaths += 1
            if deaths % 2:
                real(*arguments)
            raise Death
        real(*arguments)

    monkeypatch.setattr(search_trials, point, dying)
    while result is None:
        calls = 0
        try:
            result = run(home, campaign(algorithm))
        except Death:
            assert deaths < 200
    assert deaths > 1
    assert leaderboard(result) == expected


class Death(BaseException):
    """Ends the driver where it stands."""


def test_hyperband_goes_on_where_the_promoted_trial_stopped(home: Home) -> None:
    run(home, campaign(Algorithm.HYPERBAND, epochs=9))
    promoted = [record for record in records(home) if record.spec().continues is not None]
    assert promoted
    for record in promoted:
        source = Record(record.path.parent / f"{record.spec().continues:04d}")
        earlier = source.history()
        assert record.history()[: len(earlier)] == earlier
        assert len(record.history()) == record.spec().epochs > len(earlier)


def test_every_trial_keeps_its_model_unless_the_campaign_says_otherwise(home: Home) -> None:
    run(home, campaign())
    assert all(record.model.exists() for record in records(home))


def test_a_campaign_of_a_version_that_kept_three_models_goes_on_and_keeps_those_to_come(home: Home) -> None:
    run(home, campaign(max_trials=5, keep_models=1))
    run(home, campaign(max_trials=7))
    assert {record.spec().number for record in records(home) if record.model.exists()} >= {0, 6, 7}


def test_only_the_best_models_and_the_baselines_stay_where_that_was_asked(home: Home) -> None:
    result = run(home, campaign(keep_models=2))
    kept = {record.spec().number for record in records(home) if record.model.exists()}
    assert kept == {0, *(row.number for row in result.rows[:2])}


def test_no_checkpoint_outlives_the_campaign(home: Home) -> None:
    run(home, campaign(Algorithm.HYPERBAND))
    assert not list(home.campaign("toy").rglob("checkpoint-*"))


def test_what_the_baseline_has_answered_is_not_trained_again(home: Home) -> None:
    whole = campaign(Algorithm.GRID, max_trials=12)
    run(home, replace(whole, baseline=space_at(0.3, 3e-3)))
    same = [record for record in records(home) if (o := record.outcome()) and o.same_as == 0]
    assert len(same) == 1
    assert same[0].spec().recipe == space_at(0.3, 3e-3)
    assert same[0].scores() == records(home)[0].scores()
    assert not list(same[0].path.glob("attempt-*.log"))


def test_what_another_version_has_trained_is_trained_again(home: Home) -> None:
    """Another code, Keras, backend or kind of device may find something else for the same recipe and seed."""
    whole = replace(campaign(Algorithm.GRID, max_trials=12), baseline=space_at(0.3, 3e-3))
    run(home, replace(whole, settings=whole.settings.model_copy(update={"max_trials": 1})))
    baseline = records(home)[0]
    outcome = baseline.outcome()
    assert outcome is not None
    assert outcome.trained_with == trained_with("cpu")
    altered = outcome.model_copy(update={"trained_with": outcome.trained_with.replace("keras 3", "keras 2")})
    write_atomically(baseline.path / "outcome.json", altered.sealed())
    run(home, whole)
    twin = next(record for record in records(home)[1:] if record.spec().recipe == baseline.spec().recipe)
    assert twin.attempt_log(1).exists()
    outcomes = [record.outcome() for record in records(home)]
    assert all(outcome is not None and not outcome.answered_by for outcome in outcomes)


def test_a_trial_says_who_trained_it(home: Home) -> None:
    run(home, replace(campaign(Algorithm.GRID, max_trials=12), baseline=space_at(0.3, 3e-3)))
    answered = [(r.spec().number, o.answered_by) for r in records(home) if (o := r.outcome()) and o.answered_by]
    assert [by for _, by in answered] == ["toy/trials/0000"]
    outcome = records(home)[answered[0][0]].outcome()
    assert outcome is not None
    assert outcome.seconds == 0  # it trained nothing, and a campaign's sum counts a training once


def space_at(dropout: float, learning_rate: float) -> Recipe:
    return baseline_recipe().but(block_dropout=dropout, learning_rate=learning_rate)


def test_a_trial_whose_loss_is_not_finite_fails_with_the_reason_and_is_not_chosen(home: Home) -> None:
    result = run(home, misbehaving("label_smoothing", 0.5))
    failed = result.rows[-1]
    assert (failed.number, failed.state, failed.objective) == (2, State.FAILED, None)
    assert "nan" in failed.reason
    assert result.rows[0].number == 1


def test_a_trial_that_kills_its_process_is_given_up_after_two(home: Home) -> None:
    failed = run(home, misbehaving("ema", 0.9)).rows[-1]
    assert failed.state is State.FAILED
    assert "killed by SIGKILL" in failed.reason
    assert failed.attempts == 2


def test_a_trial_whose_process_died_once_goes_on(home: Home) -> None:
    result = run(home, misbehaving("ema", 0.8))
    again = next(row for row in result.rows if row.number == 2)
    assert (again.state, again.attempts) == (State.FINISHED, 2)


def test_the_first_three_failing_alike_stop_the_campaign(home: Home) -> None:
    hopeless = baseline_recipe().but(label_smoothing=0.5)
    toy = replace(campaign(), baseline=hopeless, space=lambda hp: space(hp).but(label_smoothing=0.5))
    with pytest.raises(TrialsFailed, match="first 3 trials of 'toy' failed alike: NotFinite"):
        run(home, toy)
    assert len(records(home)) == 3


def test_more_trials_go_on_under_the_same_name(home: Home) -> None:
    run(home, campaign(max_trials=2))
    assert len(run(home, campaign(max_trials=4)).rows) == 5


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (campaign(epochs=4), "epochs: 3 -> 4"),
        (campaign(seed=2), "seed: 1 -> 2"),
        (campaign(limit=80), "limit: 70 -> 80"),
        (campaign(Algorithm.GRID), "algorithm: random -> grid"),
        (replace(campaign(), baseline=baseline_recipe().but(ema=0.5)), "baseline ema: 0.0 -> 0.5"),
        (
            replace(campaign(), space=lambda hp: space(hp).but(ema=hp.Choice("e", [0.0, 0.5]))),
            "space e: absent -> Choice",
        ),
    ],
)
def test_a_changed_campaign_under_an_old_name_is_refused_with_the_difference(
    home: Home, changed: Campaign, said: str
) -> None:
    run(home, campaign(max_trials=1))
    state = read_state(home.campaign("toy"))
    with pytest.raises(BadCampaign, match=said):
        run(home, changed)
    assert read_state(home.campaign("toy")) == state


def fixed(**fields: object) -> Campaign:
    """The same hyperparameters; the code of the space fixes other fields."""
    return replace(campaign(max_trials=2), space=lambda hp: space(hp).but(**fields))


def hidden(hp: HyperParameters) -> Recipe:
    """Another recipe at one choice alone, which few points of the space have."""
    made = space(hp)
    return made.but(mixup=0.2) if made.block_dropout == 0.4 else made


@pytest.mark.parametrize("samples", [True, False], ids=["with samples", "of an earlier version"])
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (fixed(batch_size=64, mixup=0.2), "it makes batch_size 32 -> 64; mixup 0.0 -> 0.2"),
        (fixed(label_smoothing=0.1), r"at block_dropout=0.\d, learning_rate=0.\d+ it makes label_smoothing 0.0 -> 0.1"),
    ],
)
def test_a_space_whose_code_makes_other_recipes_is_refused(
    home: Home, changed: Campaign, said: str, samples: bool
) -> None:
    """Though it declares the same hyperparameters: trials of two recipes would stand in one leaderboard."""
    run(home, campaign(max_trials=2))
    file = home.campaign("toy") / "campaign.json"
    if not samples:
        file.write_text(CampaignSpec.read(file).model_copy(update={"samples": ()}).sealed())
    before = {path: path.read_bytes() for path in home.campaign("toy").rglob("*.json")}
    with pytest.raises(BadCampaign, match=said) as refused:
        run(home, changed)
    assert "new name" in refused.value.remedy
    assert {path: path.read_bytes() for path in home.campaign("toy").rglob("*.json")} == before


def test_a_space_that_differs_at_one_choice_alone_is_refused(home: Home) -> None:
    run(home, campaign(max_trials=2))
    with pytest.raises(BadCampaign, match=r"at block_dropout=0.4, learning_rate=0.001 it makes mixup 0.0 -> 0.2"):
        run(home, replace(campaign(), space=hidden))


def moved_helper(hp: HyperParameters) -> Recipe:
    """Other code, another docstring, and the same recipes."""
    dropout = hp.Choice("block_dropout", [0.1, 0.2, 0.3, 0.4], default=0.2)
    return Recipe(block_dropout=dropout, learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3))


def test_a_space_that_differs_at_a_trained_point_alone_is_refused(home: Home) -> None:
    """No fixed point tells; the trial itself does."""
    run(home, campaign(Algorithm.GRID, max_trials=12))
    sampled = [sample.values for sample in CampaignSpec.read(home.campaign("toy") / "campaign.json").samples]
    trained = next(r.spec().values for r in records(home)[1:] if r.spec().values not in sampled)

    def changed(hp: HyperParameters) -> Recipe:
        recipe = space(hp)
        there = (recipe.block_dropout, recipe.learning_rate) == (trained["block_dropout"], trained["learning_rate"])
        return recipe.but(mixup=0.2) if there else recipe

    with pytest.raises(BadCampaign, match=r"mixup 0\.0 -> 0\.2"):
        run(home, replace(campaign(Algorithm.GRID, max_trials=13), space=changed))


def test_a_space_rewritten_to_the_same_recipes_goes_on(home: Home, through: Callable[[Algorithm], object]) -> None:
    run(home, campaign(max_trials=2))
    assert leaderboard(run(home, replace(campaign(), space=moved_helper))) == through(Algorithm.RANDOM)


def test_a_second_driver_is_refused_by_name(home: Home) -> None:
    with (
        lock(home.campaign("toy")),
        pytest.raises(Busy, match=f"driven by process {os.getpid()}"),
    ):
        run(home, campaign())


def test_the_time_given_ends_a_search_that_goes_on_later(home: Home) -> None:
    toy = campaign()
    conditions = Conditions(home, Silence(), tracking=False, max_hours=0.0, entry=train_fake)
    first = run_search(toy, toy.settings, "toy.py", "fingerprint", DataChoice("demo"), conditions)
    assert first.ending is Ending.STOPPED
    assert run(home, toy).ending is Ending.DONE


def test_search_folders_hold_no_test_faces(home: Home) -> None:
    run(home, campaign(max_trials=1))
    parts = {path.name.split("-")[0] for path in Path(home.cache).rglob("official-*/*.npy")}
    assert parts == {"train", "validation"}
