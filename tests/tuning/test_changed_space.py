"""A space whose ranges change goes on where every recorded trial lies in it, and small spaces say so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fer_exp.campaign import Algorithm, Campaign, CampaignSpec, HyperParameters, Objective
from fer_exp.campaign.changes import lies_in
from fer_exp.campaign.space import Scalar
from fer_exp.data.emotions import Emotion
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.execute.progress import Silence
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.system.errors import BadCampaign
from fer_exp.system.home import Home
from fer_exp.tuning import run as search_run
from tests.commands import call, quick_trials, write_campaign
from tests.toy_search import campaign, records, run


def with_dropouts(choices: list[float], of: Campaign) -> Campaign:
    def space(hp: HyperParameters) -> Recipe:
        return baseline_recipe().but(
            block_dropout=hp.Choice("block_dropout", choices, default=0.2),
            learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
        )

    return replace(of, space=space)


class Heard(Silence):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize("algorithm", [Algorithm.RANDOM, Algorithm.BAYESIAN, Algorithm.HYPERBAND])
def test_a_wider_space_goes_on_with_every_trial(home: Home, algorithm: Algorithm) -> None:
    run(home, campaign(algorithm, max_trials=4))
    before = {record.path.name: record.spec() for record in records(home)}
    heard = Heard()
    wider = with_dropouts([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], campaign(algorithm, max_trials=9))
    run(home, wider, heard)
    assert any("The space changed (space block_dropout: Choice of 0.1" in line for line in heard.lines)
    after = {record.path.name: record.spec() for record in records(home)}
    assert {name: after[name] for name in before} == before
    if algorithm is not Algorithm.HYPERBAND:  # whose number of trials follows from its epochs
        assert len(after) == 10
    spec = CampaignSpec.read(home.campaign("toy") / "campaign.json")
    assert 0.6 in spec.space[0]["config"]["values"]
    heard.lines.clear()
    run(home, wider, heard)
    assert not any("The space changed" in line for line in heard.lines)


def test_a_choice_that_was_mended_goes_on(home: Home) -> None:
    def mistyped(hp: HyperParameters) -> Recipe:
        optimizer = hp.Choice("optimizer", ["adam", "adamw", "sdg"])
        return baseline_recipe().but(optimizer=optimizer, ema=hp.Float("ema", 0.0, 0.5))

    def mended(hp: HyperParameters) -> Recipe:
        optimizer = hp.Choice("optimizer", ["adam", "adamw", "sgd"])
        return baseline_recipe().but(optimizer=optimizer, ema=hp.Float("ema", 0.0, 0.5))

    with pytest.raises(BadCampaign, match="optimizer: Input should be"):  # as a campaign of an earlier version could
        run(home, replace(campaign(max_trials=9), space=mistyped))
    begun = len(records(home))
    assert 1 <= begun < 10
    assert len(run(home, replace(campaign(max_trials=9), space=mended)).rows) == 10


def test_a_space_that_leaves_recorded_trials_outside_is_refused(home: Home) -> None:
    run(home, campaign(max_trials=5))
    used = {record.spec().values["block_dropout"] for record in records(home)[1:]}
    left = [choice for choice in (0.1, 0.2, 0.3, 0.4) if choice != max(used)] + [0.7]
    with pytest.raises(BadCampaign, match="space block_dropout: Choice of"):
        run(home, with_dropouts(left, campaign(max_trials=5)))


def test_a_grid_has_one_order(home: Home) -> None:
    run(home, campaign(Algorithm.GRID, max_trials=3))
    with pytest.raises(BadCampaign, match="space block_dropout: Choice of"):
        run(home, with_dropouts([0.1, 0.2, 0.3, 0.4, 0.5], campaign(Algorithm.GRID, max_trials=3)))


def test_where_values_lie() -> None:
    space = [
        {"class_name": "Float", "config": {"name": "a", "min_value": 0.1, "max_value": 0.3}},
        {"class_name": "Int", "config": {"name": "b", "min_value": 1, "max_value": 3}},
        {"class_name": "Boolean", "config": {"name": "c"}},
        {"class_name": "Choice", "config": {"name": "d", "values": ["x", "y"]}},
        {"class_name": "Fixed", "config": {"name": "e", "value": 7}},
    ]
    inside: dict[str, Scalar] = {"a": 0.30000000000000004, "b": 3, "c": True, "d": "y", "e": 7}
    assert lies_in(inside, space)
    others: list[dict[str, Scalar]] = [{"a": 0.31}, {"a": 0.0}, {"b": 4}, {"c": 1}, {"d": "z"}, {"e": 8}, {"f": 1}]
    for other in others:
        assert not lies_in(inside | other, space)
    assert not lies_in({"a": 0.2}, space)


# -- small spaces


def test_a_space_with_fewer_points_than_trials_says_so(home: Home) -> None:
    heard = Heard()
    few = with_dropouts([0.2], campaign(max_trials=5))
    result = run(home, few, heard)
    assert "The space has 3 points, fewer than the 5 trials asked for." in heard.lines
    assert len(result.rows) == 4


def test_the_dry_run_counts_points(home: Home, tmp_path: Path) -> None:
    file = write_campaign(tmp_path, trials=20)
    shown = call("search", file, "--dry-run").stdout
    assert "The space has 12 points, fewer than the 20 trials asked for." in shown
    assert "at most 13 trainings" in shown
    assert not home.campaigns.exists()


def test_an_objective_about_an_emotion_that_validation_lacks_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_run, "prepare", without(Emotion.DISGUST))
    with pytest.raises(BadCampaign, match="val/disgust/recall needs Disgust faces in the validation part"):
        run(home, campaign(objective=Objective(metric="val/disgust/recall")))
    assert not records(home)


def without(emotion: Emotion) -> Callable[..., Development]:
    """Data whose validation part counts no face of that emotion."""

    def prepared(*arguments: Any, **options: Any) -> Development:
        development = prepare(*arguments, **options)
        counts = tuple(0 if of == emotion else n for of, n in enumerate(development.info.validation_counts))
        return replace(development, info=development.info.model_copy(update={"validation_counts": counts}))

    return prepared


# -- baselines


def test_the_baseline_is_answered_by_any_campaign_that_trained_the_same(home: Home) -> None:
    run(home, campaign(max_trials=1))
    heard = Heard()
    other = replace(with_dropouts([0.1, 0.2], campaign(max_trials=1)), name="other")
    run(home, other, heard)
    assert "baseline: trained already as toy/trials/0000, not trained again." in heard.lines
    answered = home.campaign("other") / "trials" / "0000"
    assert not list(answered.glob("attempt-*.log"))
    assert (answered / "model.keras").samefile(home.campaign("toy") / "trials" / "0000" / "model.keras")
    heard.lines.clear()
    run(home, other, heard)
    assert not heard.lines or not any("trained already" in line for line in heard.lines)


@pytest.mark.parametrize("settings", [{"epochs": 4}, {"seed": 2}, {"limit": 80}])
def test_a_baseline_of_another_question_is_trained(home: Home, settings: dict[str, Any]) -> None:
    run(home, campaign(max_trials=0))
    run(home, replace(campaign(max_trials=0, **settings), name="other"))
    assert list((home.campaign("other") / "trials" / "0000").glob("attempt-*.log"))


# -- nothing finished


def test_a_campaign_of_which_no_training_finished_ends_with_code_4_and_what_to_do(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    file = write_campaign(tmp_path, trials=1)
    file.write_text(file.read_text().replace("learning_rate=1e-2)", "learning_rate=1e-2, label_smoothing=0.5)", 1))
    for _ in range(2):
        ended = call("search", file, "--no-tracking")
        assert ended.exit_code == 4, ended.output
        assert "No training finished" in ended.stdout
        assert "under another --name" in ended.stdout
        assert "Next:" not in ended.stdout
    assert len(list(home.campaign("tiny").glob("trials/*"))) == 2
