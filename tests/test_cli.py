"""The command line on campaigns whose trials train nothing: what it tells, what it refuses, what it leaves alone."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.cli import search as search_module
from fer_exp.home import Home
from fer_exp.lock import lock
from fer_exp.records import Outcome, Record, State, records_in
from tests.commands import call, contents, done, quick_trials, refused, write_campaign
from tests.made_faces import csv_of, some_faces

HEAVY = ("keras", "tensorflow", "mlflow", "keras_tuner", "pandas", "sklearn", "matplotlib", "scipy", "cv2", "optuna")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny.py and, in `mlruns`, what `search tiny.py` and `retrain-best tiny --seeds 2` left."""
    folder = tmp_path_factory.mktemp("made")
    file = write_campaign(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_EXP_HOME", str(folder / "mlruns"))
        quick_trials(patch)
        done("search", file, "--no-tracking")
        done("retrain-best", "tiny", "--seeds", 2, "--no-baseline", "--no-tracking")
    return folder


@pytest.fixture
def searched(home: Home, made: Path) -> Home:
    """A home of the test's own in which `tiny` was searched and retrained."""
    shutil.copytree(made / "mlruns", home.root)
    return home


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The campaign file of `tiny`; trials are quick."""
    quick_trials(monkeypatch)
    return write_campaign(tmp_path)


@pytest.fixture
def same_file(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The campaign file that `searched` was searched by; trials are quick."""
    quick_trials(monkeypatch)
    return made / "tiny.py"


def trials(home: Home, name: str = "tiny") -> list[Record]:
    return list(records_in(home.campaign(name) / "trials"))


# -- help


def test_help_loads_no_library_that_takes_time() -> None:
    program = (
        "import sys; from fer_exp.cli import main\n"
        "sys.argv = ['fer-exp', '--help']\n"
        "try: main()\n"
        f"except SystemExit: print('loaded:', [name for name in {HEAVY} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "retrain-best" in shown
    assert shown.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize("command", ["search", "baseline", "retrain-best", "evaluate", "status", "sync", "ui", "data"])
def test_every_command_has_its_help(command: str) -> None:
    assert done(command, "--help").startswith(f"Usage: fer-exp {command}")


# -- what commands tell


def test_a_search_ends_with_its_leaderboard_and_the_next_command(home: Home, file: Path) -> None:
    told = done("search", file, "--no-tracking")
    assert told.index("rank") < told.index("baseline") < told.index("Records:")
    assert "fer-exp sync tiny" in told
    assert told.splitlines()[-1] == "Next:    fer-exp retrain-best tiny"
    assert len(trials(home)) == 3


def test_options_override_the_campaign_files_budgets(home: Home, file: Path) -> None:
    done("search", file, "--no-tracking", "--max-trials", 1, "--epochs", 3, "--limit", 70, "--seed", 5)
    spec = CampaignSpec.read(home.campaign("tiny") / "campaign.json")
    assert (spec.settings.max_trials, spec.settings.epochs, spec.settings.limit, spec.settings.seed) == (1, 3, 70, 5)
    assert [len(record.history()) for record in trials(home)] == [3, 3]


def test_a_name_of_its_own_and_no_clahe_make_another_campaign(home: Home, file: Path) -> None:
    done("search", file, "--no-tracking", "--name", "plain", "--no-clahe")
    assert not home.campaign("tiny").exists()
    assert {record.spec().recipe.clahe for record in trials(home, "plain")} == {False}
    assert {record.spec().campaign for record in trials(home, "plain")} == {"plain"}


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ((), "baseline-official-2e-limit14"),
        (("--no-clahe",), "baseline-official-2e-limit14-no-clahe"),
        (("--seed", 3, "--protocol", "stratified"), "baseline-stratified-2e-limit14-seed3"),
        (("--name", "mine"), "mine"),
    ],
)
def test_baselines_on_other_terms_stand_beside_each_other(home: Home, options: tuple[object, ...], name: str) -> None:
    told = done("baseline", "--data", "demo", "--epochs", 2, "--limit", 14, "--no-tracking", *options)
    assert [path.name for path in home.campaigns.iterdir()] == [name]
    assert [record.path.name for record in trials(home, name) if list(record.path.glob("attempt-*.log"))] == ["0000"]
    assert "leaky" not in told
    assert told.splitlines()[-1] == f"Next:    fer-exp evaluate --record {name}"


@pytest.mark.usefixtures("searched")
def test_status_shows_every_trial_and_seed() -> None:
    shown = done("status", "tiny")
    assert shown.startswith("tiny: Does it work?\n")
    ranks = [line.split()[:2] for line in shown.splitlines() if line.lstrip()[:1].isdigit()]
    assert [rank for rank, _ in ranks] == ["1", "2", "3"]
    assert {trial for _, trial in ranks} == {"baseline", "1", "2"}
    assert [line.partition(":")[2][:10] for line in shown.splitlines() if line.startswith("retrain")] == [
        " finished,"
    ] * 2


def test_status_of_all_campaigns_counts_their_trials(searched: Home) -> None:
    Record(searched.campaign("tiny") / "trials" / "0002").end(Outcome(state=State.FAILED, reason="x"))
    assert done("status") == "tiny: 2 finished, 1 failed\n"


@pytest.mark.usefixtures("searched")
def test_status_as_json_holds_specs_outcomes_and_scores() -> None:
    shown = json.loads(done("status", "tiny", "--json"))
    assert shown["name"] == "tiny"
    assert [trial["spec"]["kind"] for trial in shown["trials"]] == ["baseline", "trial", "trial", "retrain", "retrain"]
    assert all(trial["outcome"]["state"] == "finished" and trial["epochs"] == 2 for trial in shown["trials"])
    assert all(0 < trial["scores"]["val/accuracy"] < 1 for trial in shown["trials"])
    assert [campaign["name"] for campaign in json.loads(done("status", "--json"))] == ["tiny"]


def test_status_and_sync_without_campaigns_say_so(home: Home) -> None:
    assert "No campaign" in done("status")
    assert json.loads(done("status", "--json")) == []
    assert "nothing to bring level" in done("sync")
    assert not home.root.exists()


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["random", "hyperband", "grid", "bayesian"])
def test_a_dry_run_tells_the_totals_that_the_search_then_reaches(home: Home, tmp_path: Path, algorithm: str) -> None:
    file = write_campaign(tmp_path, algorithm, trials=3, epochs=3)
    told = done("search", file, "--dry-run", "--workers", 2)
    assert not home.campaigns.exists()
    assert "block_dropout: Choice of 0.0, 0.1, 0.2, 0.3" in told
    assert "140 to train, 400 to validate, 400 sealed" in told
    assert "more" not in told
    assert "2 workers" in told.splitlines()[-1]
    with pytest.MonkeyPatch.context() as patch:
        quick_trials(patch)
        done("search", file, "--no-tracking")
    whole = [len(record.history()) for record in trials(home)]
    before = [record.spec().continues for record in trials(home)]
    added = [epochs - (0 if source is None else whole[source]) for epochs, source in zip(whole, before, strict=True)]
    assert f"at most {len(added)} trainings and {sum(added)} epochs" in told


# -- what commands refuse

FILES = {
    "missing": (None, "found none at"),
    "empty": ("", "found NoneType"),
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
    home: Home, file: Path, arguments: tuple[str, ...], said: str
) -> None:
    problem, remedy = refused("search", file, *arguments)
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
    mlflow_home: Home, made: Path, arguments: tuple[str, ...], said: str
) -> None:
    shutil.copytree(made / "mlruns", mlflow_home.root, dirs_exist_ok=True)
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


def test_a_changed_campaign_under_an_old_name_is_refused_with_the_difference(searched: Home, file: Path) -> None:
    before = contents(searched)
    problem, remedy = refused("search", file, "--epochs", 4, "--no-tracking")
    assert "epochs: 2 -> 4" in problem
    assert "new name" in remedy
    assert contents(searched) == before


@pytest.mark.parametrize("command", ["search", "retrain-best"])
def test_a_campaign_that_another_process_drives_is_busy(searched: Home, file: Path, command: str) -> None:
    before = contents(searched)
    with lock(searched.campaign("tiny")):
        problem, _ = refused(command, file if command == "search" else "tiny", code=6)
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
    searched: Home, same_file: Path, part: str, commands: tuple[str, ...]
) -> None:
    damaged = searched.campaign("tiny") / part
    damaged.write_text(damaged.read_text()[:20].replace("{", "[") + "\n")
    before = contents(searched)
    for command in commands:
        problem, remedy = refused(command, same_file if command == "search" else "tiny")
        assert str(damaged) in problem
        assert "Nothing was changed." in remedy
    assert contents(searched) == before


def test_a_damaged_state_is_kept_aside_and_made_again(searched: Home, same_file: Path) -> None:
    state, before = searched.campaign("tiny") / "state.json", done("status", "tiny")
    state.write_text("[")
    result = call("search", same_file, "--no-tracking")
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


def test_a_missing_campaign_file_beside_a_state_is_not_started_anew(searched: Home, file: Path) -> None:
    (searched.campaign("tiny") / "campaign.json").unlink()
    before = contents(searched)
    assert "campaign.json is missing" in refused("search", file)[0]
    assert contents(searched) == before


def test_a_bad_row_stops_a_search_unless_told_to_skip_it(home: Home, file: Path, tmp_path: Path) -> None:
    data = tmp_path / "faces.csv"
    data.write_bytes(csv_of(some_faces(420)) + b"9,1 2 3,Training\n")
    problem, _ = refused("search", file, "--data", data)
    assert "faces.csv row 421" in problem
    assert contents(home) == {}
    done("search", file, "--data", data, "--skip-bad-rows", "--no-tracking")
    info = CampaignSpec.read(home.campaign("tiny") / "campaign.json").data
    assert (info.faces, info.dropped_total) == (420, 1)
    assert info.dropped[0].startswith("faces.csv row 421")
    done("retrain-best", "tiny", "--no-tracking")  # remembers that bad rows are skipped


def test_a_file_in_the_place_of_the_home_is_refused(home: Home, file: Path) -> None:
    home.root.write_text("mine")
    problem, remedy = refused("search", file)
    assert "the operating system refused" in problem
    assert "FER_EXP_HOME" in remedy
    assert home.root.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused(home: Home, file: Path) -> None:
    home.root.mkdir()
    home.root.chmod(0o500)
    assert "Permission denied" in refused("search", file)[0]
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


# -- what nobody foresaw


def raising(error: Exception) -> Callable[[Path], None]:
    def load(_path: Path) -> None:
        raise error

    return load


@pytest.mark.usefixtures("home")
def test_a_defect_is_told_in_two_lines_and_shown_whole_on_demand(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "load_campaign", raising(ZeroDivisionError("a\nb")))
    problem, remedy = refused("search", file, code=1)
    assert problem == "unforeseen ZeroDivisionError: a"
    assert "-vv" in remedy
    shown = call("search", file, "-vv")
    assert shown.exit_code == 1
    assert "Traceback" in shown.stderr
    assert "ZeroDivisionError: a" in shown.stderr


@pytest.mark.usefixtures("home")
def test_a_foreseen_mistake_shows_its_traceback_on_demand(tmp_path: Path) -> None:
    (tmp_path / "campaign.py").write_text("1 / 0")
    shown = call("search", tmp_path / "campaign.py", "-vv").stderr
    assert "Traceback" in shown
    assert "1 / 0" in shown


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 7),
        (PermissionError(errno.EACCES, "Permission denied"), 2),
        (OSError(errno.EIO, "Input/output error"), 9),
        (OSError(errno.EBADF, "Bad file descriptor"), 1),
        (KeyboardInterrupt(), 75),
    ],
)
def test_what_the_machine_refuses_has_the_exit_code_of_its_cause(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    monkeypatch.setattr(search_module, "load_campaign", raising(error))
    refused("search", file, code=code)
