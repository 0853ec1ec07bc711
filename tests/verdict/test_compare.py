"""`fer-exp compare`: which records a name means, what is refused, what is said, and the exit code for scripts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_exp.campaign import Objective
from fer_exp.data.split.protocol import Protocol
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Kind, Outcome, Predictions, Record, State, TrialSpec
from fer_exp.system.errors import ExitCode, NotFound
from fer_exp.system.home import Home
from fer_exp.tracking import run_id_of, sync
from fer_exp.verdict import find_groups, matching
from tests.commands import call, done, refused
from tests.made_records import made_campaign_spec, made_history, made_predictions

LABELS = made_predictions(1200).labels
ROWS = np.arange(5000, 6200)


def training(
    folder: Path,
    part: str,
    number: int,
    seed: int,
    right: float,
    *,
    state: State = State.FINISHED,
    changes: Mapping[str, Any] | None = None,
    predictions: Predictions | None = None,
) -> Record:
    """A finished training of a made campaign, right in a share `right` of the images."""
    kind = Kind.RETRAIN if part == "retrains" else Kind.TRIAL if number else Kind.BASELINE
    spec = TrialSpec(
        campaign=folder.name,
        kind=kind,
        number=number,
        seed=seed,
        recipe=baseline_recipe().but(label_smoothing=0.01 * number),
        epochs=6,
        horizon=6,
        data_digest="0123456789abcdef",
        split_digest="fedcba9876543210",
        protocol=Protocol.OFFICIAL.value,
    ).model_copy(update=dict(changes or {}))
    record = Record.create(
        folder / part / f"{number:04d}-seed{seed}-{spec.epochs}e"
        if kind is Kind.RETRAIN
        else folder / part / f"{number:04d}",
        spec,
    )
    for epoch in made_history(2, seed=seed):
        record.append(epoch)
    said = predictions or guessing(right, 100 * number + seed)
    record.write_predictions(said)
    accuracy = float((said.probabilities.argmax(axis=1) == said.labels).mean())
    record.write_scores({"val/accuracy": accuracy, "val/images": float(said.labels.size)})
    record.end(Outcome(state=state, best_epoch=2))
    return record


def guessing(right: float, seed: int) -> Predictions:
    """A model that is sure in every image, and right in a share of them."""
    random = np.random.default_rng(seed)
    said = np.where(random.random(LABELS.size) < right, LABELS, (LABELS + random.integers(1, 7, LABELS.size)) % 7)
    return Predictions(LABELS, np.eye(7, dtype=np.float32)[said], ROWS)


@pytest.fixture
def campaign(home: Home) -> Path:
    """A campaign called made: a baseline at 50 %, three trials of which the third, at 60 %, is the best."""
    folder = made(home, "made")
    training(folder, "trials", 0, 1, 0.50)
    for number, right in ((1, 0.52), (2, 0.51), (3, 0.62)):
        training(folder, "trials", number, 1, right)
    return folder


def made(home: Home, name: str) -> Path:
    """The folder of a campaign without trials."""
    folder = home.campaign(name)
    folder.mkdir(parents=True)
    (folder / "campaign.json").write_text(made_campaign_spec(name).to_json())
    return folder


def retrained(folder: Path, number: int = 3, right: float = 0.62, seeds: int = 3) -> None:
    for seed in range(2, 2 + seeds):
        training(folder, "retrains", number, seed, right)


def compared(*arguments: object) -> dict[str, Any]:
    """The command's JSON."""
    found: dict[str, Any] = json.loads(done("compare", *arguments, "--json"))
    return found


# -- which records a name means


@pytest.mark.usefixtures("campaign")
def test_a_campaign_means_its_best_trial_and_its_baseline_the_one_of_the_search() -> None:
    found = compared("made", "made:baseline")
    assert (found["a"]["records"], found["b"]["records"]) == (["trials/0003"], ["trials/0000"])
    assert found["judgement"]["scope"] == "models"


def test_a_campaign_means_its_retrains_where_there_are_any(home: Home, campaign: Path) -> None:
    retrained(campaign)
    retrained(campaign, 0, 0.50)
    found = compared("made", "made:baseline")
    assert found["a"]["records"] == [f"retrains/0003-seed{seed}-6e" for seed in (2, 3, 4)]
    assert found["b"]["records"] == [f"retrains/0000-seed{seed}-6e" for seed in (2, 3, 4)]
    assert found["judgement"]["scope"] == "recipes"
    assert compared("made/retrains", "made:baseline")["a"] == found["a"]
    assert [group.title for group in find_groups(home, "made:baseline")] == [
        "made retrain of the baseline",
        "made baseline",
    ]


def test_of_two_recipes_retrained_the_one_with_more_seeds_is_meant(home: Home, campaign: Path) -> None:
    retrained(campaign, 1, 0.52, seeds=2)
    retrained(campaign, 3, 0.62, seeds=3)
    assert [len(group.records) for group in find_groups(home, "made")] == [3, 2]


def test_what_did_not_finish_is_in_no_group(home: Home, campaign: Path) -> None:
    retrained(campaign, seeds=2)
    training(campaign, "retrains", 3, 9, 0.9, state=State.FAILED)
    assert len(find_groups(home, "made")[0].records) == 2


def test_a_recipe_under_two_numbers_counts_each_seed_once(home: Home, campaign: Path) -> None:
    recipe = Record(campaign / "trials" / "0003").spec().recipe  # as Hyperband promotes a trial under a new number
    retrained(campaign)
    for seed in (2, 3, 4, 5):
        training(campaign, "retrains", 9, seed, 0.62, changes={"recipe": recipe})
    assert [spec.seed for spec in find_groups(home, "made")[0].specs] == [2, 3, 4, 5]


def test_the_baseline_of_the_same_budget_comes_before_one_with_more_seeds(home: Home, campaign: Path) -> None:
    for seed in (2, 3):
        training(campaign, "retrains", 3, seed, 0.6, changes={"epochs": 9, "horizon": 9})
        training(campaign, "retrains", 0, seed, 0.5, changes={"epochs": 9, "horizon": 9})
    retrained(campaign, 0, 0.5, seeds=3)
    ours = find_groups(home, "made")[0]
    assert matching(find_groups(home, "made:baseline"), ours).specs[0].epochs == 9


def test_another_budget_is_matched_and_never_another_recipe(home: Home, campaign: Path) -> None:
    retrained(campaign, 3, seeds=3)
    for seed in (2, 3):
        training(campaign, "retrains", 1, seed, 0.5, changes={"epochs": 9, "horizon": 9})
    groups = find_groups(home, "made")
    assert matching(groups, groups[1]) == groups[0]
    for seed in (2, 3):
        training(campaign, "retrains", 3, seed, 0.6, changes={"epochs": 9, "horizon": 9})
    meant = matching(find_groups(home, "made"), groups[1])
    assert (meant.specs[0].number, meant.specs[0].epochs) == (3, 9)


def test_a_record_is_named_by_its_path_inside_the_home_or_anywhere(home: Home, campaign: Path) -> None:
    for name in ("made/trials/0002", "campaigns/made/trials/0002", str(campaign / "trials" / "0002")):
        assert [record.path for record in find_groups(home, name)[0].records] == [campaign / "trials" / "0002"]


def test_a_campaign_of_a_baseline_alone_means_its_baseline(home: Home) -> None:
    training(made(home, "alone"), "trials", 0, 1, 0.5)
    assert find_groups(home, "alone")[0].title == "alone baseline"


@pytest.mark.parametrize("name", ["nobody", "made/trials/0009", "made/other", "made:champion", "", "f" * 32 + "0"])
@pytest.mark.usefixtures("campaign")
def test_a_name_that_means_nothing_is_refused(home: Home, name: str) -> None:
    with pytest.raises(NotFound) as error:
        find_groups(home, name)
    assert "expected" in error.value.problem


def test_runs_of_mlflow_are_names_too(mlflow_home: Home, campaign: Path) -> None:
    sync(mlflow_home, "made")
    runs = [run_id_of(mlflow_home, "made", Record(campaign / "trials" / name)) for name in ("0003", "0000")]
    by_run, by_name = compared(*runs), compared("made", "made:baseline")
    assert by_run == by_name


# -- what cannot be compared


@pytest.mark.usefixtures("campaign")
def test_a_group_is_not_compared_with_itself() -> None:
    problem, _ = refused("compare", "made", "made/trials/0003")
    assert "share" in problem


@pytest.mark.parametrize(
    ("changes", "word"), [({"data_digest": "f" * 16}, "data"), ({"protocol": "stratified"}, "protocol")]
)
@pytest.mark.usefixtures("campaign")
def test_other_data_and_another_protocol_are_refused(home: Home, changes: dict[str, str], word: str) -> None:
    training(made(home, "other"), "trials", 0, 1, 0.5, changes=changes)
    problem, remedy = refused("compare", "made", "other")
    assert f"expected the same {word}" in problem
    assert "Nothing was changed." in remedy


@pytest.mark.usefixtures("campaign")
def test_other_validation_images_are_refused(home: Home) -> None:
    one = guessing(0.5, 8)
    shifted = Predictions(one.labels, one.probabilities, one.rows + 1)
    training(made(home, "other"), "trials", 0, 1, 0.5, predictions=shifted)
    assert "expected the same validation images" in refused("compare", "made", "other")[0]


def test_the_same_images_in_another_order_are_the_same(home: Home, campaign: Path) -> None:
    one = Record(campaign / "trials" / "0000").predictions()
    turned = Predictions(one.labels[::-1], one.probabilities[::-1], one.rows[::-1])
    training(made(home, "other"), "trials", 0, 1, 0.5, predictions=turned)
    assert compared("made", "other")["judgement"] == compared("made", "made:baseline")["judgement"]


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize("level", [0.0, 0.5, 0.9999, 1.0, 95])
def test_a_level_that_is_none_is_refused(level: float) -> None:
    assert "--level" in refused("compare", "made", "made:baseline", "--level", level)[0]


# -- what is said


def test_the_answer_comes_behind_a_table_and_on_the_next_line_what_it_is_about(campaign: Path) -> None:
    retrained(campaign)
    retrained(campaign, 0, 0.50)
    text = done("compare", "made", "made:baseline")
    lines = text.splitlines()
    assert lines[0] == "A: made retrain of trial 3, 3 seeds (2, 3, 4), up to 6 epochs"
    assert lines[1] == "B: made retrain of the baseline, 3 seeds (2, 3, 4), up to 6 epochs"
    assert lines[-2].startswith("Better: A is 1")
    assert "points of accuracy above B, and the 95 % interval reaches from +" in lines[-2]
    assert lines[-1] == "That allows for other seeds and for other images of this kind."
    assert "A was picked from 3 trials" in text
    for title in ("accuracy", "macro-F1", "balanced accuracy", "Disgust recall"):
        assert any(line.startswith(title) for line in lines)
    assert "McNemar" not in text


@pytest.mark.usefixtures("campaign")
def test_one_seed_says_that_it_speaks_of_models_and_gives_mcnemars_test() -> None:
    text = done("compare", "made", "made:baseline")
    assert "about these models, not their recipes" in text
    assert "(McNemar, p = " in text


def test_what_else_sets_the_groups_apart_is_said(campaign: Path) -> None:
    retrained(campaign)
    training(campaign, "retrains", 0, 2, 0.5, changes={"epochs": 3, "split_digest": "0" * 16})
    text = done("compare", "made", "made/retrains/0000-seed2-3e")
    assert "A up to 6 epochs, B up to 3" in text
    assert "--limit" in text


def test_schedules_for_another_budget_are_told(campaign: Path) -> None:
    training(campaign, "retrains", 0, 2, 0.5, changes={"horizon": 30})
    assert "A's for 6 epochs, B's for 30" in done("compare", "made/trials/0003", "made/retrains/0000-seed2-6e")


def test_seeds_that_failed_are_told_and_those_of_other_trainings_are_not(campaign: Path) -> None:
    retrained(campaign, seeds=2)
    retrained(campaign, 0, 0.5, seeds=2)
    for seed in (7, 9):
        training(campaign, "retrains", 3, seed, 0.9, state=State.FAILED)
    training(campaign, "retrains", 3, 8, 0.9, state=State.FAILED, changes={"epochs": 9})
    assert compared("made", "made:baseline")["notes"] == [
        "A: 2 of 4 seeds failed and are left out (7, 9): this is about its trainings that succeed."
    ]
    assert compared("made/trials/0003", "made:baseline")["notes"] == []


def test_having_been_picked_is_counted_for_trials_and_retrains_and_not_for_baselines(campaign: Path) -> None:
    retrained(campaign)
    for name in ("made", "made/trials/0001"):
        assert compared(name, "made:baseline")["judgement"]["picked_from"] == [3, 1]
    assert compared("made:baseline", "made")["judgement"]["picked_from"] == [1, 3]
    training(campaign, "trials", 4, 1, 0.99, state=State.FAILED)
    assert compared("made", "made:baseline")["judgement"]["picked_from"] == [3, 1]


def test_the_objective_of_the_campaign_decides(campaign: Path) -> None:
    spec = made_campaign_spec("made", Objective(metric="val/balanced_accuracy"))
    (campaign / "campaign.json").write_text(spec.to_json())
    assert compared("made/trials/0003", "made:baseline")["judgement"]["deciding"] == "balanced_accuracy"
    (campaign / "campaign.json").write_text(made_campaign_spec("made", Objective(metric="val/ece")).to_json())
    assert compared("made/trials/0003", "made:baseline")["judgement"]["deciding"] == "accuracy"


@pytest.mark.usefixtures("campaign")
def test_a_higher_level_asks_for_more() -> None:
    usual, strict = (compared("made", "made:baseline", "--level", level)["judgement"] for level in (0.9, 0.999))
    assert strict["metrics"][0]["low"] < usual["metrics"][0]["low"]
    assert "99.9 % interval" in done("compare", "made", "made:baseline", "--level", 0.999)


# -- for scripts


@pytest.mark.usefixtures("campaign")
def test_only_better_lets_a_script_go_on() -> None:
    assert call("compare", "made", "made:baseline", "--fail-if-not-better").exit_code == 0
    for a, b, answer in (("made:baseline", "made", "worse"), ("made/trials/0001", "made/trials/0002", "not shown")):
        result = call("compare", a, b, "--fail-if-not-better", "--json")
        assert result.exit_code == ExitCode.NOT_BETTER
        assert json.loads(result.stdout)["answer"] == answer
        assert call("compare", a, b).exit_code == 0
