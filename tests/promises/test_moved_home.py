"""Records that were packed on one machine go on on another, under another path, as if they had run there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_exp.campaign import Objective
from fer_exp.data.find import find_recorded
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.leaderboard.rows import leaderboard
from fer_exp.model import build, with_preprocessing
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Record, State, records_in
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from fer_exp.tracking import run_id_of
from tests.commands import call, done, quick_trials, refused, write_campaign
from tests.made_faces import csv_of, some_faces
from tests.toy_search import At, campaign, interrupt, run
from tests.tracked import all_runs

Board = list[tuple[int, float | None, int]]
TINY = baseline_recipe().but(widths=(4,), last_width=8, head_widths=(8,), head_dropouts=(0.1,))


def board(home: Home, name: str) -> Board:
    rows = leaderboard(records_in(home.campaign(name) / "trials"), Objective())
    return [(row.number, row.objective, row.epochs) for row in rows]


@pytest.fixture
def there(tmp_path: Path, mlflow_db: Path) -> Home:
    """A home on what could be another machine: another path, a store of its own, nothing else."""
    root = tmp_path / "there" / "runs"
    root.mkdir(parents=True)
    shutil.copyfile(mlflow_db, root / "mlflow.db")
    return Home(root)


@pytest.fixture
def carried(there: Home, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Home]:
    """Packs a campaign, unpacks it in the other home, and deletes the first one."""

    def carry(name: str) -> Home:
        file = tmp_path / "carried.tar.zst"
        done("records", "pack", name, file)
        shutil.rmtree(home.root)
        monkeypatch.setenv("FER_EXP_HOME", str(there.root))
        done("records", "unpack", file)
        return there

    return carry


@pytest.mark.slow
def test_a_search_interrupted_here_ends_there_as_if_it_had_not_been(
    home: Home, carried: Callable[[str], Home], tmp_path: Path
) -> None:
    whole = run(Home(tmp_path / "whole"), campaign())
    expected = [(row.number, row.objective, row.epochs) for row in whole.rows]
    run(home, campaign(), At(lambda seen: seen.ended == 2 and bool(seen.running), interrupt))
    before = board(home, "toy")
    moved = carried("toy")
    assert board(moved, "toy") == before != expected
    run(moved, campaign())
    assert board(moved, "toy") == expected

    told = done("sync", "toy")
    assert "7 runs made" in told  # six trainings and the campaign
    assert "nothing to do" in done("sync", "toy")
    shown = sorted(found.info.run_name for found in all_runs(moved, "toy"))
    assert shown == ["baseline", "toy", *(f"trial {number}" for number in range(1, 6))]
    assert {found.info.status for found in all_runs(moved, "toy")} == {"FINISHED"}
    assert done("doctor") == "Nothing wrong: 1 campaign, 6 records, 7 runs\n"


def test_data_that_lie_elsewhere_are_named_and_their_digest_decides(
    carried: Callable[[str], Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    data = tmp_path / "here.csv"
    data.write_bytes(csv_of(some_faces(420)))
    file = write_campaign(tmp_path, trials=1)
    done("search", file, "--data", data, "--no-tracking")
    moved = carried("tiny")
    elsewhere = data.rename(tmp_path / "elsewhere.csv")

    problem, _ = refused("retrain-best", "tiny", "--no-tracking")
    assert f"was run on {data}, which is not here" in problem
    monkeypatch.setenv("FER_EXP_DATA", "demo")
    assert "expected the data of campaign 'tiny'" in refused("retrain-best", "tiny", "--no-tracking")[0]
    monkeypatch.setenv("FER_EXP_DATA", str(elsewhere))
    done("retrain-best", "tiny", "--seeds", 2, "--no-tracking")
    assert {record.state() for record in records_in(moved.campaign("tiny") / "retrains")} == {State.FINISHED}
    assert "Not shown: " in done("compare", "tiny", "tiny:baseline")
    before = board(moved, "tiny")
    done("search", file, "--data", elsewhere, "--no-tracking")
    assert board(moved, "tiny") == before


@pytest.mark.slow
def test_the_test_part_is_opened_there_for_the_very_model(
    home: Home, carried: Callable[[str], Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    done("search", write_campaign(tmp_path, trials=1), "--no-tracking")
    record = Record(home.campaign("tiny") / "trials" / "0001")
    with_preprocessing(build(TINY, 1), TINY).save(record.model)
    outcome = record.outcome()
    assert outcome is not None
    record.end(outcome)
    moved = carried("tiny")
    done("sync", "tiny")
    run_id = run_id_of(moved, "tiny", Record(moved.campaign("tiny") / "trials" / "0001"))
    told = done("evaluate", "--run-id", run_id)
    assert "opened 1 time, for 1 model" in told
    assert "holds no digest" not in told
    assert done("doctor").startswith("Nothing wrong: 1 campaign, 2 records")
    Record(moved.campaign("tiny") / "trials" / "0001").model.write_bytes(b"another model")
    assert "expected the model that 0001 recorded" in refused_at_the_end("evaluate", "--run-id", run_id)


def refused_at_the_end(*arguments: object) -> str:
    """The problem that a command ends with that says on its way what it does."""
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[-2]


def test_a_recorded_path_is_a_hint_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_recorded(None, "demo") == "demo"
    with pytest.raises(BadInput, match=r"was run on gone\.csv, which is not here"):
        find_recorded(None, "gone.csv")
    (tmp_path / "set.csv").write_text("")
    assert find_recorded("set.csv", "gone.csv") == "set.csv"
    monkeypatch.setenv("FER_EXP_DATA", "set.csv")
    assert find_recorded(None, "gone.csv") == "set.csv"
    (tmp_path / "gone.csv").write_text("")
    assert find_recorded(None, "gone.csv") == "gone.csv"


def test_the_digest_of_data_does_not_depend_on_where_they_lie(tmp_path: Path) -> None:
    data = csv_of(some_faces(210))
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.csv").write_bytes(data)
        source = str(tmp_path / name / f"{name}.csv")
        made = prepare(source, protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=tmp_path / name / "cache")
        digests.add((made.info.data_digest, made.info.split_digest))
    assert len(digests) == 1
