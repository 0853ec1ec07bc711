"""An ensemble is one model that answers with its members' mean, a record like any other, judged by its best member."""

import json
import shutil

import numpy as np
import pytest

import fer_exp
from fer_exp.metrics.temperature import tempered
from fer_exp.model import load_model, predict
from fer_exp.records import Record
from fer_exp.system.errors import BadInput, BadRecord
from fer_exp.system.home import Home
from fer_exp.tuning import ensemble as module
from fer_exp.tuning.retrain import choose
from tests.commands import call, contents, done, refused
from tests.made_members import HEAD, NAME, TEMPERATURES, made_member
from tests.trainings import demo_development

AVERAGE = f"{NAME}-ensemble"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Three seeds of one recipe, one of them calibrated inside; for reading only."""
    home = Home(tmp_path_factory.mktemp("made") / "mlruns")
    for seed in (2, 3):
        made_member(home, seed)
    made_member(home, 4, recipe=HEAD.but(calibrate=True))
    return home


@pytest.fixture
def seeds(made: Home, home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    shutil.copytree(made.root, home.root)
    monkeypatch.setenv("FER_EXP_HOME", str(home.root))
    return home


def names(*numbers: int) -> list[str]:
    return [f"{NAME}/retrains/0001-seed{number}-3e" for number in numbers]


def record_of(home: Home, name: str = AVERAGE) -> Record:
    return Record(home.campaign(name) / "trials" / "0001")


def test_its_model_answers_with_the_mean_of_its_members_each_at_its_own_temperature(seeds: Home) -> None:
    found = fer_exp.ensemble(names(2, 3, 4), data="demo", tracking=False)
    faces = np.asarray(demo_development(seeds.cache).validation(clahe=False).images)
    answers = []
    for seed in (2, 3, 4):
        member = predict(load_model(Record(seeds.campaigns / names(seed)[0]).model), faces)
        answers.append(member if seed == 4 else tempered(member, TEMPERATURES[seed % 3]))  # the last has it inside
    expected = np.mean(answers, axis=0)
    record = record_of(seeds)
    said = predict(load_model(record.model), faces)
    np.testing.assert_allclose(said, expected, atol=1e-6)
    assert min(np.abs(answer - expected).max() for answer in answers) > 1e-3  # the mean is none of them
    known = record.predictions()
    np.testing.assert_array_equal(known.probabilities, said)
    assert record.scores()["val/accuracy"] == np.mean(said.argmax(axis=1) == known.labels) == found.accuracy
    assert [one.temperature for one in record.spec().members] == [TEMPERATURES[2], TEMPERATURES[0], 1.0]


def test_the_verdict_is_on_the_average_against_its_best_member(seeds: Home) -> None:
    found = fer_exp.ensemble(names(2, 3), name="two", data="demo", tracking=False)
    best = max(
        map(Record, (seeds.campaigns / name for name in names(2, 3))), key=lambda one: one.scores()["val/accuracy"]
    )
    by = found.comparison.comparison.judgement.of("accuracy")
    assert (by.a.mean, by.b.mean) == pytest.approx((found.accuracy, best.scores()["val/accuracy"]))
    assert "two (average of 2)" in found.text
    assert "which flatters it" in found.text


def test_a_campaign_stands_for_all_its_seeds_and_other_commands_take_the_average_like_any_model(seeds: Home) -> None:
    said = done("ensemble", NAME, "--data", "demo", "--no-tracking")
    assert f"{NAME}-ensemble (average of 2)" in said  # two of one recipe: the calibrated one is another
    assert "on the test part" in done("evaluate", AVERAGE, "--data", "demo", "--no-tracking")
    assert record_of(seeds).test_scores()["test/images"] > 0
    assert "average of 2" in done("compare", AVERAGE, names(2)[0])
    assert AVERAGE in done("status")
    assert done("report", AVERAGE, "--out", seeds.root / "page.html")
    out = seeds.root / "light.tar.zst"
    done("records", "pack", AVERAGE, out, "--light")
    result = call("doctor", "--no-tracking")
    assert AVERAGE not in result.output, result.output


def test_given_again_it_finds_what_it_recorded_and_cut_short_it_is_done_again(seeds: Home) -> None:
    done("ensemble", *names(2, 3), "--data", "demo", "--no-tracking")
    before = contents(seeds)
    first = json.loads(done("ensemble", *names(2, 3), "--data", "demo", "--no-tracking", "--json"))
    assert contents(seeds) == before
    record = record_of(seeds)
    (record.path / "outcome.json").unlink()
    record.model.unlink()
    again = json.loads(done("ensemble", *names(2, 3), "--data", "demo", "--no-tracking", "--json"))
    assert again == first
    assert record.model.exists()


def test_a_name_that_is_taken_is_refused(seeds: Home) -> None:
    done("ensemble", *names(2, 3), "--data", "demo", "--no-tracking")
    before = contents(seeds)
    said = refused("ensemble", *names(3, 2), "--name", NAME, "--data", "demo", "--no-tracking")[0]
    assert said.endswith(f"--name: expected a name that no campaign has, or the same average again, received '{NAME}'")
    assert "received" in refused("ensemble", *names(2, 4), "--data", "demo", "--no-tracking")[0]
    assert "received 'a b'" in refused("ensemble", *names(2, 3), "--name", "a b", "--no-tracking")[0]
    assert contents(seeds) == before


def test_members_of_another_split_are_refused_by_name(seeds: Home) -> None:
    made_member(seeds, 2, name="fewer", limit=70)
    with pytest.raises(BadInput, match=r"received others for fewer/retrains/0001-seed2-3e"):
        module.members_of(seeds, [*names(2, 3), "fewer"])


def test_one_model_is_no_ensemble_nor_is_one_twice_nor_one_of_ensembles(seeds: Home) -> None:
    for given in (names(2), names(2, 2)):
        with pytest.raises(BadInput, match="expected 2 to 10 models that differ, received 1"):
            module.members_of(seeds, given)
    done("ensemble", *names(2, 3), "--data", "demo", "--no-tracking")
    with pytest.raises(BadInput, match="which is an average itself"):
        module.members_of(seeds, [AVERAGE, *names(4)])


def test_a_member_whose_predictions_are_not_its_models_is_told(seeds: Home) -> None:
    record = Record(seeds.campaigns / names(3)[0])
    said = record.predictions()
    record.write_predictions(type(said)(said.labels, np.roll(said.probabilities, 1, axis=1), said.rows))
    with pytest.raises(BadRecord, match="expected the mean of what its members said of validation"):
        fer_exp.ensemble(names(2, 3), data="demo", tracking=False)
    assert record_of(seeds).outcome() is None


def test_nobody_trains_an_average(seeds: Home) -> None:
    found = fer_exp.ensemble(names(2, 3), data="demo", tracking=False)
    for number in (None, 1):
        with pytest.raises(BadInput, match="expected a training, received the average of 2"):
            choose(seeds.campaign(AVERAGE), found.made.campaign, number)
    assert "received the average of 2" in refused("reproduce", f"{AVERAGE}/trials/0001", "--data", "demo")[0]


@pytest.mark.slow
def test_registered_it_is_a_model_of_its_own(made: Home, mlflow_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EXP_HOME", str(mlflow_home.root))
    shutil.copytree(made.root, mlflow_home.root, dirs_exist_ok=True)
    said = done("ensemble", *names(2, 3), "--data", "demo", "--register")
    assert f"Registered: models:/{AVERAGE}/1, the champion: the first version" in said
    assert "on the test part" in done("evaluate", "--model", f"models:/{AVERAGE}@champion", "--data", "demo")
