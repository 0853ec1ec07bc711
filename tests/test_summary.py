"""A campaign's folder tells what was found: complete, in order, and at any time."""

import csv
import shutil
from pathlib import Path

import pytest

from fer_exp.campaign import Direction, Objective
from fer_exp.leaderboard.importance import Importance
from fer_exp.leaderboard.table import leaderboard_table
from fer_exp.records import State, records_in
from fer_exp.summary import Leaderboard, summarise
from fer_exp.system.errors import BadRecord
from tests.made_records import made_campaign, made_campaign_spec, made_record, made_scores


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A campaign with a baseline, six finished trials, one that failed and one still training."""
    folder = made_campaign(tmp_path / "made", 6)
    reason = "the loss became NaN, in epoch 3"
    made_record(folder / "trials", 7, state=State.FAILED, reason=reason, values={"learning_rate": 0.09})
    made_record(folder / "trials", 8, state=None, values={"learning_rate": 0.01})
    return folder


def test_the_summary_is_what_its_files_say(folder: Path) -> None:
    summary = summarise(folder)
    assert Leaderboard.read(folder / "leaderboard.json") == summary.leaderboard
    assert Importance.read(folder / "importance.json") == summary.importance
    assert {path.name for path in (folder / "figures").iterdir()} == {"history.png", "parallel.png", "importance.png"}
    assert len(summary.leaderboard.rows) == 9


def test_the_csv_has_a_row_for_every_trial_and_a_column_for_every_hyperparameter(folder: Path) -> None:
    summary = summarise(folder)
    with (folder / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["number"]) for row in rows] == [row.number for row in summary.leaderboard.rows]
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5", "6", "7", "", ""]
    first = summary.leaderboard.rows[0]
    assert float(rows[0]["objective"]) == first.objective
    assert float(rows[0]["hp/learning_rate"]) == first.values["learning_rate"]
    assert rows[-2]["reason"] == "the loss became NaN, in epoch 3"
    assert rows[-2]["objective"] == ""


def test_a_summary_changes_no_record_and_leaves_no_temporary_file(folder: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / "trials").rglob("*") if path.is_file()}
    summarise(folder)
    assert {path: path.read_bytes() for path in (folder / "trials").rglob("*") if path.is_file()} == before
    assert list(folder.rglob(".partial-*")) == []


def test_summing_up_twice_gives_the_same_bytes(folder: Path) -> None:
    summarise(folder)
    written = [path for path in folder.rglob("*") if path.is_file() and "trials" not in path.parts]
    before = {path: path.read_bytes() for path in written}
    summarise(folder)
    assert {path: path.read_bytes() for path in before} == before


def test_a_campaign_that_has_only_just_begun_can_be_summed_up(tmp_path: Path) -> None:
    (tmp_path / "campaign.json").write_text(made_campaign_spec().to_json())
    summary = summarise(tmp_path)
    assert summary.leaderboard.rows == ()
    assert "found 0" in summary.importance.reason
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"history.png"}
    assert leaderboard_table(summary.leaderboard.rows).split()[:2] == ["rank", "trial"]


def test_importance_that_no_longer_holds_takes_its_figure_with_it(folder: Path) -> None:
    summarise(folder)
    for record in list(records_in(folder / "trials"))[2:]:
        shutil.rmtree(record.path)
    assert summarise(folder).importance.shares == {}
    assert not (folder / "figures/importance.png").exists()


def test_a_trial_of_another_campaign_is_refused_by_name(folder: Path) -> None:
    made_record(folder / "trials", 9, made_scores(0.9), campaign="other")
    with pytest.raises(BadRecord, match="'made', received one of 'other'"):
        summarise(folder)
    assert not (folder / "leaderboard.json").exists()


def test_a_folder_without_a_campaign_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match=r"campaign\.json does not exist"):
        summarise(tmp_path)


def test_the_table_is_aligned_and_marks_what_cannot_be_told_from_the_first(tmp_path: Path) -> None:
    trials = tmp_path / "trials"
    (tmp_path / "campaign.json").write_text(made_campaign_spec().to_json())
    made_record(trials, 0, made_scores(0.60))
    made_record(trials, 1, made_scores(0.67), values={"learning_rate": 0.002, "flip": True}, budget=8)
    made_record(trials, 2, made_scores(0.665), values={"optimizer": "sgd"})
    made_record(trials, 3, state=State.FAILED, reason="out of memory")
    lines = leaderboard_table(summarise(tmp_path).leaderboard.rows).splitlines()
    assert lines[0].split() == ["rank", "trial", "accuracy", "macro-F1", "epochs", "time", "changes"]
    assert lines[1].split(maxsplit=9) == [
        *("1", "1", "67.01", "±", "0.78", "%", "65.00", "%", "8/8"),
        "8 min  learning_rate=0.002 flip=True",
    ]
    assert [line.split()[:2] for line in lines[2:5]] == [["2~", "2"], ["3", "baseline"], ["-", "3"]]
    assert lines[4].endswith("failed: out of memory")
    column = lines[0].index("changes")
    assert lines[2][column:] == "optimizer=sgd"
    assert "standard error" in lines[5]


def test_the_table_of_another_objective_shows_it_beside_the_accuracy(folder: Path) -> None:
    objective = Objective(metric="val/log_loss", direction=Direction.MIN)
    (folder / "campaign.json").write_text(made_campaign_spec(objective=objective).to_json())
    rows = summarise(folder).leaderboard.rows
    lines = leaderboard_table(rows, objective).splitlines()
    assert lines[0].split()[2:4] == ["val/log_loss", "accuracy"]
    assert lines[1].split()[2] == f"{rows[0].objective:.4f}"
