"""What the command line refuses: in one line with its remedy, an exit code of its own, and nothing changed."""

import json
import os
import shutil
from pathlib import Path

import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.holdout.ledger import Opening
from fer_exp.records import Outcome, Record, State
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from tests.commands import call, contents, done, quick_trials, refused, write_campaign
from tests.made_faces import csv_of, some_faces

FILES = {
    "missing": (None, "found none at"),
    "empty": ("", "found no such name"),
    "broken": ("def (:", "SyntaxError"),
    "raising": ("raise RuntimeError('no\\nluck')", "RuntimeError: no"),
    "leaving": ("raise SystemExit(3)", "SystemExit: 3"),
    "binary": ("\0", "ValueError|SyntaxError"),
    "unsuitable": ("from fer_exp.campaign import Settings\nSettings(epochs=0)", "epochs"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_campaign_file_that_defines_none_is_refused(home: Home, tmp_path: Path, kind: str) -> None:
    text, said = FILES[kind]
    path = tmp_path / "campaign.py"
    if text is not None:
        path.write_text(text)
    problem, remedy = refused("search", path)
    assert any(part in problem for part in said.split("|"))
    assert "Nothing was started." in remedy
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "nowhere.csv"), "that --data names, found none"),
        (("--protocol", "reference"), "reward memorising"),
        (("--name", "a b"), "campaign name"),
        (("--name", "../x"), "campaign name"),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(
    home: Home, tiny_file: Path, arguments: tuple[str, ...], said: str
) -> None:
    problem, remedy = refused("search", tiny_file, *arguments)
    assert said in problem
    assert "Nothing was started." in remedy
    assert not home.root.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("search",),
        ("search", "tiny.py", "--limit", "6"),
        ("search", "tiny.py", "--workers", "0"),
        ("search", "tiny.py", "--workers", "two"),
        ("search", "tiny.py", "--epochs", "0"),
        ("search", "tiny.py", "--max-trials", "-1"),
        ("search", "tiny.py", "--max-hours", "-1"),
        ("search", "tiny.py", "--max-hours", "nan"),
        ("search", "tiny.py", "--seed", "0"),
        ("search", "tiny.py", "--seed", str(2**32)),
        ("search", "tiny.py", "--protocol", "mine"),
        ("search", "tiny.py", "--unknown"),
        ("baseline", "--limit", "3"),
        ("retrain-best", "tiny", "--seeds", "0"),
        ("retrain-best", "tiny", "--trial", "-1"),
        ("ui", "--port", "0"),
        ("nonsense",),
    ],
)
def test_nonsense_on_the_command_line_is_a_usage_error(home: Home, arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: fer-exp")
    assert "Error: " in result.stderr
    assert not home.root.exists()


@pytest.mark.parametrize(
    "arguments", [("status", "x"), ("sync", "x"), ("retrain-best", "x"), ("status", "../tiny"), ("sync", "")]
)
def test_an_unknown_campaign_is_named_with_those_that_exist(searched: Home, arguments: tuple[str, ...]) -> None:
    before = contents(searched)
    problem, _ = refused(*arguments)
    assert "no campaign" in problem
    assert "there: tiny" in problem
    assert contents(searched) == before


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ((), "received none"),
        (("--run-id", "a", "--model", "models:/tiny/1"), "received --run-id and --model"),
        (("--record", "tiny", "--model", "models:/tiny/1"), "received --model and --record"),
    ],
)
def test_evaluate_wants_one_of_run_model_and_record(searched: Home, arguments: tuple[str, ...], received: str) -> None:
    before = contents(searched)
    problem, remedy = refused("evaluate", *arguments)
    assert "expected one of --run-id, --model and --record" in problem
    assert received in problem
    assert "Nothing was opened." in remedy
    assert contents(searched) == before


def test_evaluate_in_an_empty_home_makes_nothing_there(home: Home) -> None:
    assert "found none" in refused("evaluate", "--run-id", "0" * 32)[0]
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--run-id", "0" * 32), "MLflow has no run"),
        (("--run-id", ""), "MLflow has no run"),
        (("--model", "models:/tiny@champion"), "MLflow has no model models:/tiny@champion"),
        (("--model", "models:/tiny/7"), "MLflow has no model models:/tiny/7"),
        (("--model", "models:/m-" + "0" * 32), "MLflow has no model m-"),
        (("--model", "tiny"), "expected models:/NAME@champion"),
    ],
)
def test_evaluate_refuses_what_mlflow_does_not_know(
    mlflow_home: Home, tiny_made: Path, arguments: tuple[str, ...], said: str
) -> None:
    shutil.copytree(tiny_made / "mlruns", mlflow_home.root, dirs_exist_ok=True)
    assert said in refused("evaluate", *arguments)[0]
    assert not (mlflow_home.campaign("tiny") / "ledger.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "campaigns: tiny"),
        ("tiny/trials/0009", "expected a finished training, found none"),
        ("tiny/trials/0001", "expected a .keras archive"),  # quick trials keep no real one
    ],
)
def test_evaluate_finds_records_without_mlflow_and_refuses_what_is_none(searched: Home, name: str, said: str) -> None:
    before = contents(searched)
    assert said in refused("evaluate", "--record", name)[0]
    assert contents(searched) == before
    assert not (searched.root / "mlflow.db").exists()


@pytest.mark.parametrize("state", [State.FAILED, None])
def test_a_failed_or_absent_trial_is_not_trained_again(searched: Home, state: State | None) -> None:
    failed = Record(searched.campaign("tiny") / "trials" / "0002")
    if state is not None:
        failed.end(Outcome(state=state, reason="x"))
    else:
        shutil.rmtree(failed.path)
    before = contents(searched)
    problem, remedy = refused("retrain-best", "tiny", "--trial", 2)
    assert "expected a finished trial, received 2; finished are 0, 1" in problem
    assert "--trial" in remedy
    assert contents(searched) == before


def test_too_few_images_for_a_retrain_are_refused(searched: Home) -> None:
    before = contents(searched)
    assert "at least 7" in refused("retrain-best", "tiny", "--limit", 3)[0]
    assert contents(searched) == before


def test_a_retrain_on_other_data_is_refused(searched: Home, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(csv_of(some_faces(420)))
    before = contents(searched)
    assert "expected the data of campaign 'tiny'" in refused("retrain-best", "tiny", "--data", other)[0]
    assert contents(searched) == before


def test_a_changed_campaign_under_an_old_name_is_refused_with_the_difference(searched: Home, tiny_file: Path) -> None:
    before = contents(searched)
    problem, remedy = refused("search", tiny_file, "--epochs", 4, "--no-tracking")
    assert "epochs: 2 -> 4" in problem
    assert "new name" in remedy
    assert contents(searched) == before


@pytest.mark.parametrize("command", ["search", "retrain-best"])
def test_a_campaign_that_another_process_drives_is_busy(searched: Home, tiny_file: Path, command: str) -> None:
    before = contents(searched)
    with lock(searched.campaign("tiny")):
        problem, _ = refused(command, tiny_file if command == "search" else "tiny", code=6)
    assert f"driven by process {os.getpid()}" in problem
    assert contents(searched) == before


@pytest.mark.parametrize(
    ("part", "commands"),
    [
        ("campaign.json", ("search", "status", "sync", "retrain-best")),
        ("trials/0001/trial.json", ("search", "retrain-best")),
        ("trials/0001/outcome.json", ("search", "retrain-best")),
        ("trials/0001/history.jsonl", ("search",)),
        ("trials/0001/scores.json", ("search", "retrain-best")),
    ],
)
def test_a_damaged_file_is_named_and_left_alone(
    searched: Home, searched_file: Path, part: str, commands: tuple[str, ...]
) -> None:
    damaged = searched.campaign("tiny") / part
    damaged.write_text(damaged.read_text()[:20].replace("{", "[") + "\n")
    before = contents(searched)
    for command in commands:
        problem, remedy = refused(command, searched_file if command == "search" else "tiny")
        assert str(damaged) in problem
        assert "Nothing was changed." in remedy
    assert contents(searched) == before


def test_a_damaged_state_is_kept_aside_and_made_again(searched: Home, searched_file: Path) -> None:
    state, before = searched.campaign("tiny") / "state.json", done("status", "tiny")
    state.write_text("[")
    result = call("search", searched_file, "--no-tracking")
    assert result.exit_code == 0
    assert "made again from the records" in result.stderr
    assert [path.read_text() for path in state.parent.glob("state.json.damaged-*")] == ["["]
    assert done("status", "tiny") == before


@pytest.mark.parametrize("part", ["trial.json", "outcome.json", "history.jsonl", "scores.json"])
def test_status_names_what_is_damaged_and_shows_the_rest(searched: Home, part: str) -> None:
    damaged = searched.campaign("tiny") / "trials/0001" / part
    damaged.write_text(damaged.read_text()[:20].replace("{", "[") + "\n")
    before = contents(searched)
    for arguments in (["tiny"], ["tiny", "--json"]):
        result = call("status", *arguments)
        assert result.exit_code == 2
        assert str(damaged) in result.stderr
        assert "all that can be read was shown" in result.stderr
        assert str(damaged) in result.stdout
    shown = [trial["folder"] for trial in json.loads(result.stdout)["trials"]]
    assert [folder for folder in shown if "/trials/" in folder] == [
        f"campaigns/tiny/trials/{n}" for n in ("0000", "0002")
    ]
    assert contents(searched) == before


def test_one_damaged_campaign_hides_no_other(searched: Home) -> None:
    other = searched.campaign("other")
    shutil.copytree(searched.campaign("tiny"), other)
    (other / "campaign.json").write_text("{")
    for arguments in ([], ["--json"]):
        result = call("status", *arguments)
        assert result.exit_code == 2
        assert str(other / "campaign.json") in result.stderr
        assert "tiny" in result.stdout
    result = call("sync")
    assert result.exit_code == 2
    assert str(other / "campaign.json") in result.stderr
    assert "tiny: 5 records, 6 runs made" in result.stdout


def test_a_missing_campaign_file_beside_a_state_is_not_started_anew(searched: Home, tiny_file: Path) -> None:
    (searched.campaign("tiny") / "campaign.json").unlink()
    before = contents(searched)
    assert "campaign.json is missing" in refused("search", tiny_file)[0]
    assert contents(searched) == before


def test_a_bad_row_stops_a_search_unless_told_to_skip_it(home: Home, tiny_file: Path, tmp_path: Path) -> None:
    data = tmp_path / "faces.csv"
    data.write_bytes(csv_of(some_faces(420)) + b"9,1 2 3,Training\n")
    problem, _ = refused("search", tiny_file, "--data", data)
    assert "faces.csv row 421" in problem
    assert contents(home) == {}
    done("search", tiny_file, "--data", data, "--skip-bad-rows", "--no-tracking")
    info = CampaignSpec.read(home.campaign("tiny") / "campaign.json").data
    assert (info.faces, info.dropped_total) == (420, 1)
    assert info.dropped[0].startswith("faces.csv row 421")
    done("retrain-best", "tiny", "--no-tracking")  # remembers that bad rows are skipped


def test_a_file_in_the_place_of_the_home_is_refused(home: Home, tiny_file: Path) -> None:
    home.root.write_text("mine")
    problem, remedy = refused("search", tiny_file)
    assert "expected a folder, received a file at" in problem
    assert "FER_EXP_HOME" in remedy
    assert home.root.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused(home: Home, tiny_file: Path) -> None:
    home.root.mkdir()
    home.root.chmod(0o500)
    assert "Permission denied" in refused("search", tiny_file)[0]
    assert list(home.root.iterdir()) == []


def test_a_store_that_does_not_answer_is_told_with_its_own_code(
    searched: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    before = contents(searched)
    problem, remedy = refused("sync", "tiny", code=5)
    assert "http://127.0.0.1:9" in problem
    assert "fer-exp sync" in remedy
    assert contents(searched) == before


def test_a_second_model_is_refused_before_keras_is_loaded(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    done("search", write_campaign(tmp_path), "--no-tracking")
    other = Opening(
        time_ms=1,
        campaign="earlier",
        record="trials/0001",
        data_digest=CampaignSpec.read(home.campaign("tiny") / "campaign.json").data.data_digest,
        protocol="official",
        images=400,
        model="f" * 64,
        test_digest="e" * 64,
    )
    home.ledger.write_text(other.sealed() + "\n")
    monkeypatch.setattr("fer_exp.api.evaluating._open", None)  # would fail as a defect
    problem, remedy = refused("evaluate", "--record", "tiny:baseline", "--no-tracking")
    assert "opened for earlier/trials/0001" in problem
    assert "--again" in remedy


def test_a_folder_with_fer2013_beside_images_is_one_source_for_every_command(
    tmp_path: Path,
) -> None:
    (tmp_path / "fer2013.csv").write_bytes(csv_of(some_faces(30)))
    (tmp_path / "train" / "happy").mkdir(parents=True)
    ended = call("data", "check", tmp_path)
    assert f"Reading {tmp_path / 'fer2013.csv'}." in ended.stderr
