"""What lies in a home and belongs to nothing is named with its size, and deleted by `--fix`; all else stays."""

import shutil
from pathlib import Path

import pytest

from fer_exp.doctor import Code, examine, mend
from fer_exp.system.home import Home
from fer_exp.tracking import sync
from fer_exp.tracking.store import local_path
from tests.commands import done
from tests.tracked import NAME, all_runs, begin, begin_campaign, client_of, finish

PLACES = (
    "artifacts/gone",
    f"artifacts/{NAME}/0123456789abcdef",
    f"artifacts/{NAME}/models/m-0123",
    ".deleted-old-12ab",
)


@pytest.fixture
def shown(mlflow_home: Home) -> Home:
    begin_campaign(mlflow_home)
    finish(begin(mlflow_home, 1), model=b"a model")
    sync(mlflow_home, NAME)
    return mlflow_home


def files_in(home: Home) -> list[Path]:
    """What lies in the home for good; MLflow's file keeps a journal beside it while it is read."""
    return sorted(path for path in home.root.rglob("*") if not path.name.startswith(("mlflow.db", "lock")))


def test_what_nothing_refers_to_is_named_with_its_size_and_deleted(shown: Home) -> None:
    before = files_in(shown)
    for place in PLACES:
        (shown.root / place / "deep").mkdir(parents=True)
        (shown.root / place / "deep" / "model.keras").write_bytes(b"x" * 1_500_000)
    found = examine(shown, tracking=True).left
    assert {finding.code for finding in found} == {Code.LEFTOVER_FOLDER}
    assert sorted(finding.where for finding in found) == sorted(PLACES)
    assert all("1.5 MB" in finding.line for finding in found)
    assert not examine(shown, [NAME], tracking=True).left  # who asks for a campaign is told of it alone
    assert "4 mended" in done("doctor", "--fix")
    assert files_in(shown) == before
    assert not examine(shown, tracking=True).left


def test_what_is_in_mlflows_trash_stays(shown: Home) -> None:
    """It can be restored from there."""
    (run, *_) = [run for run in all_runs(shown, NAME) if run.info.run_name == "trial 1"]
    client_of(shown).delete_run(run.info.run_id)
    there = local_path(run.info.artifact_uri)
    assert there.is_dir()
    mend(shown, tracking=True)
    assert there.is_dir()


def test_nothing_is_called_left_over_where_the_store_was_moved_or_is_not_asked(
    shown: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Home(tmp_path / "moved")
    shutil.copytree(shown.root, moved.root)
    monkeypatch.setenv("FER_EXP_HOME", str(moved.root))
    assert Code.LEFTOVER_FOLDER not in {finding.code for finding in examine(moved, tracking=True).left}
    (shown.artifacts / "gone").mkdir()
    assert not examine(shown, tracking=False).left
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert Code.LEFTOVER_FOLDER not in {finding.code for finding in examine(shown, tracking=True).left}
