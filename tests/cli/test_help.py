"""Help in the order people need, an example for each command, completion that knows what is there."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from fer_exp.api.place import AUTOMATIC, workers_here
from fer_exp.campaign import Resources
from fer_exp.cli import app
from fer_exp.cli.complete import campaigns, models, records
from fer_exp.cli.help import ABOUT, GROUPS
from fer_exp.cli.place import as_workers
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from fer_exp.system.provenance import cores
from tests.commands import call, done, quick_trials, refused, write_campaign
from tests.tracked import begin, begin_campaign


def commands() -> set[str]:
    """Every command of the application, those of its groups too."""
    top: Any = typer.main.get_command(app)
    groups = [top, *(one for one in top.commands.values() if hasattr(one, "commands"))]
    both = [(f"{group.name} {name}", name) for group in groups for name in group.commands]
    return {whole if whole in ABOUT else name for whole, name in both}


def test_every_command_has_its_place_in_the_help() -> None:
    assert commands() == set(ABOUT)


def test_help_lists_commands_in_groups_in_order() -> None:
    shown = done("--help")
    places = [shown.index(f"{title}:") for title in GROUPS]
    assert places == sorted(places)
    first = [shown.index(f"\n  {name} ") for name in ("init", "search", "status", "ui", "retrain-best", "evaluate")]
    assert first == sorted(first)


@pytest.mark.parametrize("name", sorted(ABOUT))
def test_every_example_is_a_command_with_options_that_exist(name: str) -> None:
    words = shlex.split(ABOUT[name].example)[1:]
    within = [words[0]] if words[0] not in ("data", "records", "cluster") else words[:2]
    shown = " ".join(done(*within, "--help").split())
    assert " ".join(ABOUT[name].example.split()) in " ".join(done(*within, "--help").split()) or name in (
        "data",
        "records",
        "cluster",
    )
    for option in [word for word in words if word.startswith("--")]:
        assert option in shown


@pytest.mark.parametrize(("given", "workers"), [("1", 1), ("4096", 4096)])
def test_a_number_of_workers_is_taken(given: str, workers: int) -> None:
    assert as_workers(given) == workers


def test_auto_takes_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert as_workers("auto") == 0
    assert workers_here(None, Resources()) == min(cores(), AUTOMATIC)
    assert workers_here(None, Resources(cpus=float(cores()))) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert workers_here(None, Resources()) == 3
    assert workers_here(None, Resources(gpus=0.5)) == 6
    assert workers_here(None, Resources(gpus=2)) == 1
    assert workers_here(None, Resources(gpus=0)) == min(cores(), AUTOMATIC)
    assert workers_here(2, Resources(gpus=1)) == 2


def test_more_trials_than_gpus_have_room_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    for workers, gpus in ((7, 0.5), (2, 2), (None, 4)):
        with pytest.raises(BadInput, match="found 3, which have room for"):
            workers_here(workers, Resources(gpus=gpus))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(BadInput, match="found 0"):
        workers_here(1, Resources(gpus=1))


@pytest.mark.parametrize("given", ["0", "4097", "-1", "many", "1.5", ""])
def test_other_words_for_workers_are_refused(given: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected a number from 1 to 4096, or auto"):
        as_workers(given)


def test_completion_knows_campaigns_records_and_models(home: Home) -> None:
    assert campaigns("") == models("") == []
    begin_campaign(home, "demo")
    begin_campaign(home, "other")
    begin(home, 3, name="demo")
    (home.campaign("demo") / "handovers.jsonl").write_text('{"version": 1}\nnonsense\n{"version": 2}\n')
    assert campaigns("de") == ["demo"]
    assert records("") == ["demo", "other"]
    assert records("demo/") == ["demo/trials/0003"]
    assert models("models:/demo") == ["models:/demo@champion", "models:/demo/1", "models:/demo/2"]


# -- init


def test_a_new_campaign_file_runs_as_it_is(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quick_trials(monkeypatch)
    assert "Next:    fer-exp search experiments/mine.py" in done("init", "mine")
    assert call("search", "experiments/mine.py", "--data", "demo", "--max-trials", 1, "--no-tracking").exit_code == 0
    assert home.recorded() == ["mine"]


def test_init_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done("init", "mine")
    before = (tmp_path / "experiments" / "mine.py").read_text()
    problem, _ = refused("init", "mine")
    assert problem == "experiments/mine.py is there already"
    assert (tmp_path / "experiments" / "mine.py").read_text() == before
    problem, _ = refused("init", "no name")
    assert "expected up to 80" in problem


# -- delete


def test_a_deleted_campaign_is_gone_here_and_in_mlflow(
    mlflow_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    file = write_campaign(tmp_path)
    done("search", file)
    assert (mlflow_home.artifacts / "tiny").exists()
    assert "Deleted tiny: 3 records" in done("delete", "tiny", "--yes")
    assert not mlflow_home.campaign("tiny").exists()
    assert not (mlflow_home.artifacts / "tiny").exists()
    assert not list(mlflow_home.root.glob(".deleted-*"))
    from tests.tracked import client_of

    assert [one.name for one in client_of(mlflow_home).search_experiments(view_type=3)] == ["Default"]
    assert "No campaign" in done("status")
    done("search", file)  # the name is free again
    assert "Nothing wrong" in done("doctor")


def test_a_deletion_that_was_not_confirmed_changes_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    done("search", write_campaign(tmp_path), "--no-tracking")
    ended = call("delete", "tiny")  # nobody answers
    assert ended.exit_code != 0
    assert home.recorded() == ["tiny"]
    refused("delete", "other")


def test_nothing_is_deleted_while_mlflow_is_away(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_trials(monkeypatch)
    done("search", write_campaign(tmp_path), "--no-tracking")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    _, remedy = refused("delete", "tiny", "--yes", code=5)
    assert "All records are there still" in remedy
    assert home.recorded() == ["tiny"]
    done("delete", "tiny", "--yes", "--no-tracking")
    assert home.recorded() == []
