"""The command line on campaigns whose trials train nothing: what it tells, what it refuses, what it leaves alone."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.records import Outcome, Record, State
from fer_exp.system.home import Home
from tests.commands import call, done, quick_trials, refused, trials, write_campaign

GONE = ("ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENOTCONN", "ENODEV", "EREMOTEIO")  # a network drive
HEAVY = (
    "pydantic",
    "numpy",
    "keras",
    "tensorflow",
    "mlflow",
    "keras_tuner",
    "pandas",
    "sklearn",
    "matplotlib",
    "scipy",
    "cv2",
    "optuna",
)


# -- help


def loaded_by(*words: str, **more: str) -> tuple[str, list[str]]:
    """What a command prints, and which libraries that take time it loads on the way."""
    program = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('loaded:', *[name for name in {HEAVY} if name in sys.modules]))\n"
        f"sys.argv = {['fer-exp', *words]!r}\n"
        "from fer_exp.cli import main\n"
        "main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ | more
    )
    told, _, names = ended.stdout.rpartition("loaded:")
    return told + ended.stderr, names.split()


def test_help_loads_no_library_that_takes_time() -> None:
    told, loaded = loaded_by("--help")
    assert "retrain-best" in told
    assert loaded == []


LOOKING = ("status", "status tiny", "status tiny --json", "status nothing", "search no.py", "delete nothing")
VALUES = {"pydantic"}  # records and recipes are its values; of the libraries that take time the only one of a table


@pytest.mark.usefixtures("searched")
@pytest.mark.parametrize("words", LOOKING)
def test_a_command_that_only_looks_or_refuses_loads_no_scientific_library(words: str) -> None:
    told, loaded = loaded_by(*words.split())
    assert told.strip()
    assert set(loaded) <= VALUES


@pytest.mark.usefixtures("searched")
def test_completion_loads_no_scientific_library() -> None:
    asked = {"_FER_EXP_COMPLETE": "complete_bash", "COMP_WORDS": "fer-exp status ", "COMP_CWORD": "2"}
    told, loaded = loaded_by(**asked)
    assert told.split() == ["tiny"]
    assert set(loaded) <= VALUES


@pytest.mark.parametrize("command", ["search", "baseline", "retrain-best", "evaluate", "status", "sync", "ui", "data"])
def test_every_command_has_its_help(command: str) -> None:
    assert done(command, "--help").startswith(f"Usage: fer-exp {command}")


# -- what commands tell


def test_a_search_ends_with_its_leaderboard_and_the_next_command(home: Home, tiny_file: Path) -> None:
    told = done("search", tiny_file, "--no-tracking")
    assert told.index("rank") < told.index("baseline") < told.index("Records:")
    assert "fer-exp sync tiny" in told
    assert told.splitlines()[-1] == "Next:    fer-exp retrain-best tiny --seeds 3"
    assert len(trials(home)) == 3


def test_options_override_the_campaign_files_budgets(home: Home, tiny_file: Path) -> None:
    done("search", tiny_file, "--no-tracking", "--max-trials", 1, "--epochs", 3, "--limit", 70, "--seed", 5)
    spec = CampaignSpec.read(home.campaign("tiny") / "campaign.json")
    assert (spec.settings.max_trials, spec.settings.epochs, spec.settings.limit, spec.settings.seed) == (1, 3, 70, 5)
    assert [len(record.history()) for record in trials(home)] == [3, 3]


def test_a_name_of_its_own_and_no_clahe_make_another_campaign(home: Home, tiny_file: Path) -> None:
    done("search", tiny_file, "--no-tracking", "--name", "plain", "--no-clahe")
    assert not home.campaign("tiny").exists()
    assert {record.spec().recipe.clahe for record in trials(home, "plain")} == {False}
    assert {record.spec().campaign for record in trials(home, "plain")} == {"plain"}


@pytest.mark.usefixtures("tiny_file")
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ((), "baseline-official-2e-limit14"),
        (("--no-clahe",), "baseline-official-2e-limit14-no-clahe"),
        (("--bfloat16",), "baseline-official-2e-limit14-bfloat16"),
        (("--seed", 3, "--protocol", "stratified"), "baseline-stratified-2e-limit14-seed3"),
        (("--name", "mine"), "mine"),
    ],
)
def test_baselines_on_other_terms_stand_beside_each_other(home: Home, options: tuple[object, ...], name: str) -> None:
    told = done("baseline", "--data", "demo", "--epochs", 2, "--limit", 14, "--no-tracking", *options)
    assert [path.name for path in home.campaigns.iterdir()] == [name]
    assert [record.path.name for record in trials(home, name) if list(record.path.glob("attempt-*.log"))] == ["0000"]
    (record,) = trials(home, name)
    assert record.spec().recipe.precision == ("bfloat16" if "--bfloat16" in options else "float32")
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
    shown = done("status")
    assert shown.startswith("tiny: ")
    assert "; 2 finished, 1 failed; best " in shown
    assert "; 2 retrains" in shown


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
    tiny_file = write_campaign(tmp_path, algorithm, trials=3, epochs=3)
    told = done("search", tiny_file, "--dry-run", "--workers", 2)
    assert not home.campaigns.exists()
    assert "block_dropout: Choice of 0.0, 0.1, 0.2, 0.3" in told
    assert "140 to train, 400 to validate, 400 sealed" in told
    assert "more" not in told
    assert "2 workers share this machine" in told
    with pytest.MonkeyPatch.context() as patch:
        quick_trials(patch)
        done("search", tiny_file, "--no-tracking")
    whole = [len(record.history()) for record in trials(home)]
    before = [record.spec().continues for record in trials(home)]
    added = [epochs - (0 if source is None else whole[source]) for epochs, source in zip(whole, before, strict=True)]
    assert f"at most {len(added)} trainings and {sum(added)} epochs" in told


# -- what nobody foresaw


def raising(error: Exception) -> Callable[[Path], None]:
    def load(_path: Path) -> None:
        raise error

    return load


@pytest.mark.usefixtures("home")
def test_a_defect_is_told_in_two_lines_and_shown_whole_on_demand(
    tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_exp.campaign.load_campaign", raising(ZeroDivisionError("a\nb")))
    problem, remedy = refused("search", tiny_file, code=1)
    assert problem == "unforeseen ZeroDivisionError: a"
    assert "-vv" in remedy
    shown = call("search", tiny_file, "-vv")
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
        *((OSError(getattr(errno, name), "a drive that is gone"), 9) for name in GONE),
        (OSError(errno.EBADF, "Bad file descriptor"), 1),
        (KeyboardInterrupt(), 75),
    ],
)
def test_what_the_machine_refuses_has_the_exit_code_of_its_cause(
    tiny_file: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    monkeypatch.setattr("fer_exp.campaign.load_campaign", raising(error))
    refused("search", tiny_file, code=code)
