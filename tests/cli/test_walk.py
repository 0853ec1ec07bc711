"""What stumbled when the product was tried from its README alone: each step, as it is right."""

import subprocess
import time
from pathlib import Path

import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.holdout.ledger import all_openings
from fer_exp.leaderboard.rows import leaderboard, whole
from fer_exp.leaderboard.table import leaderboard_table
from fer_exp.records import Kind, Record, State, title_of
from fer_exp.records.handovers import Handover, note_handover
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from fer_exp.verdict import find_groups
from tests.commands import COMMAND, call, done, refused, trials, write_campaign


def without_retrains(home: Home) -> None:
    for record in list((home.campaign("tiny") / "retrains").iterdir()):
        record.rename(home.root / record.name)


def make_best(home: Home, number: int) -> None:
    """Gives a training of `tiny` the best validation accuracy."""
    for record in trials(home):
        scores = record.scores()
        scores["val/accuracy"] = 0.9 if record.spec().number == number else 0.1
        record.write_scores(scores)


@pytest.mark.parametrize("number", [0, 2])
def test_a_campaign_s_name_means_the_first_of_its_leaderboard(searched: Home, number: int) -> None:
    """The test part is spent on what status calls best, be that a trial or the baseline; and it is said which."""
    without_retrains(searched)
    make_best(searched, number)
    said = call("evaluate", "tiny", "--no-tracking").stderr  # the models of quick trials cannot be loaded
    title = "baseline" if number == 0 else f"trial {number}"
    assert f"for {title} of tiny." in said
    assert "before" not in said
    Record(searched.campaign("tiny") / "trials" / f"{number:04}").write_scores(
        {"test/accuracy": 0.5}, "test/scores.json"
    )
    said = call("evaluate", "--record", f"tiny/trials/{number}", "--no-tracking").stderr
    assert "It was opened for this model before; this look is written down too." in said


def test_trials_are_found_by_their_number_and_errors_name_the_command_that_lists_them(searched: Home) -> None:
    (by_number,) = find_groups(searched, "tiny/trials/1")
    assert by_number.title == "tiny trial 1"
    problem, remedy = refused("compare", "tiny", "tiny/trials/9")
    assert "expected a finished training" in problem
    assert "`fer-exp status tiny`" in remedy
    problem, remedy = refused("compare", "tiny", "tinny")
    assert "did you mean tiny?" in problem.replace("'", "")
    assert "`fer-exp status`" in remedy


@pytest.mark.usefixtures("home")
def test_an_argument_is_not_called_an_option() -> None:
    problem, remedy = refused("data", "check", "nowhere.csv")
    assert "that PATH names" in problem
    assert "--data" not in problem + remedy


def test_a_moved_home_is_refused_before_the_test_part_is_opened(
    searched: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("sync", "tiny")
    moved = Home(tmp_path / "moved")
    searched.root.rename(moved.root)
    monkeypatch.setenv("FER_EXP_HOME", str(moved.root))
    problem, remedy = refused("evaluate", "--record", "tiny/trials/1", code=5)
    assert "the home was moved" in problem
    assert "doctor --fix" in remedy
    assert not all_openings(moved)


def test_other_settings_and_a_driven_campaign_are_refused_before_anything_is_loaded(
    searched: Home, searched_file: Path
) -> None:
    problem, remedy = refused("search", searched_file, "--no-tracking", "--seed", 5)
    assert "seed: 1 -> 5" in problem
    assert "split" not in problem
    assert "--name" in remedy
    with lock(searched.campaign("tiny")):
        result = call("search", searched_file, "--no-tracking")
    assert result.exit_code == 6
    assert "Loading" not in result.stderr


@pytest.mark.usefixtures("home")
def test_a_search_says_what_it_loads_before_it_reads(tiny_file: Path) -> None:
    told = call("search", tiny_file, "--no-tracking", "--max-trials", 0).stderr
    assert told.index("Loading Keras and Keras Tuner.") < told.index("Reading demo.")


@pytest.mark.parametrize("answer", [None, "", "n\n"])
def test_a_deletion_that_nobody_confirms_is_none(searched: Home, answer: str | None) -> None:
    with subprocess.Popen(
        [COMMAND, "delete", "tiny"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        _, said = process.communicate(answer)
    assert process.returncode == 2
    assert "tiny was not deleted: it was not confirmed" in said
    assert (searched.campaign("tiny") / "campaign.json").exists()


def test_a_version_that_was_handed_over_twice_is_one(searched: Home) -> None:
    for champion in (True, True):
        note_handover(
            searched.campaign("tiny"),
            Handover(
                time_ms=1,
                version=1,
                record="trials/0001",
                metric="val/accuracy",
                value=0.5,
                champion=champion,
                reason="x",
            ),
        )
    result = call("delete", "tiny")
    assert "5 records, 1 registered model," in result.stderr


def stopped(home: Home) -> None:
    """As Ctrl-C leaves a campaign whose last trial trained an epoch of two."""
    record = Record(home.campaign("tiny") / "trials" / "0002")
    (record.path / "outcome.json").unlink()
    lines = (record.path / "history.jsonl").read_text().splitlines(keepends=True)
    (record.path / "history.jsonl").write_text(lines[0])
    assert record.state() is State.RUNNING


def test_where_nobody_drives_a_campaign_nothing_runs(searched: Home) -> None:
    stopped(searched)
    assert "1 stopped, 2 finished" in done("status")
    shown = done("status", "tiny")
    (line,) = [line for line in shown.splitlines() if line.endswith("stopped") and line.lstrip().startswith("-")]
    assert "1/2" in line
    assert "running" not in shown
    with lock(searched.campaign("tiny")):
        assert "1 running" in done("status")


def test_a_table_fits_the_terminal(searched: Home) -> None:
    found = whole(trials(searched))[0]
    rows = leaderboard(found, CampaignSpec.read(searched.campaign("tiny") / "campaign.json").settings.objective)
    long = [row.model_copy(update={"changes": {f"hyperparameter_{n}": n for n in range(6)}}) for row in rows]
    table = leaderboard_table(long, width=100).splitlines()
    assert max(map(len, table)) <= 100
    assert all(f"hyperparameter_{n}={n}" in "\n".join(table) for n in range(6))
    column = table[0].index("changes")
    assert table[2].startswith(" " * column + "hyperparameter_")
    assert max(map(len, leaderboard_table(long).splitlines())) > 100


def test_a_misspelt_sampling_is_refused_when_the_file_is_read(tmp_path: Path) -> None:
    file = write_campaign(tmp_path)
    text = file.read_text().replace(
        'hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-2)', 'hp.Float("rate", 1e-3, 1e-2, sampling="lgo")'
    )
    file.write_text(text)
    problem, _ = refused("search", file, "--dry-run")
    assert "tiny.py, line 13" in problem
    assert "did you mean 'log'?" in problem


def test_a_campaign_under_another_name_is_named(tmp_path: Path) -> None:
    file = write_campaign(tmp_path)
    file.write_text(file.read_text().replace("campaign = Campaign(", "campagin = Campaign("))
    assert "found one called 'campagin'" in refused("search", file)[0]


def test_a_home_that_is_a_file_or_cannot_be_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("FER_EXP_HOME", str(tmp_path / "file"))
    problem, remedy = refused("status")
    assert "expected a folder, received a file" in problem
    assert "FER_EXP_HOME" in remedy
    monkeypatch.setenv("FER_EXP_HOME", "/proc/x")
    _, remedy = refused("search", write_campaign(tmp_path), "--no-tracking")
    assert "FER_EXP_HOME" in remedy


@pytest.mark.usefixtures("searched")
def test_who_reads_the_first_line_alone_sees_no_error() -> None:
    process = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{COMMAND} status tiny --json | head -c 1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout == "{"
    assert process.stderr == ""


@pytest.mark.usefixtures("searched")
def test_a_pipe_ends_with_the_command_and_not_with_what_it_left_loading() -> None:
    """The fork server goes on for a moment, but holds nothing that a caller waits for."""
    # Refused behind the fork server's start.
    command = [str(COMMAND), "retrain-best", "tiny", "--no-tracking", "--limit", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.wait() == 2
        ended = time.monotonic()
        assert process.stdout is not None
        told = process.stdout.read()
        waited = time.monotonic() - ended
    assert "expected at least 7 training images" in told
    assert waited < 0.5


def test_a_retrain_of_the_baseline_is_called_so() -> None:
    assert title_of(Kind.RETRAIN, 0, 2) == "retrain of the baseline seed 2"
    assert title_of(Kind.RETRAIN, 3, 2) == "retrain 3 seed 2"


@pytest.mark.usefixtures("searched_file")
def test_seeds_that_ended_before_are_named(searched: Home) -> None:
    before = len(list((searched.campaign("tiny") / "retrains").iterdir()))
    said = call("retrain-best", "tiny", "--no-tracking", "--seeds", 2).stderr
    assert said.count("ended before, not trained again.") == before
