"""The doctor holds MLflow against the records, both ways, and brings it level."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fer_exp.doctor import Code
from fer_exp.records import Kind, Record
from fer_exp.system.errors import TrackingFailed
from fer_exp.system.home import Home
from fer_exp.tracking import register, sync
from fer_exp.tracking.mapping import RECORD
from fer_exp.tuning.store_check import refuse_moved_store
from tests.commands import call, done
from tests.tracked import (
    NAME,
    all_runs,
    artifacts_of,
    begin,
    begin_campaign,
    client_of,
    everything,
    fail,
    finish,
    run_of,
    train,
)

HEALTHY = "Nothing wrong: 1 campaign, 4 records, 5 runs\n"
Damage = Callable[[Home], object]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, mlflow_db: Path) -> tuple[Path, Path]:
    """A home that is level with MLflow, and a copy of it to put it back from: MLflow's file holds its absolute path."""
    root = tmp_path_factory.mktemp("shown") / "mlruns"
    home = Home(root)
    root.mkdir()
    shutil.copyfile(mlflow_db, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_EXP_HOME", str(root))
        begin_campaign(home)
        finish(begin(home, 0, kind=Kind.BASELINE))
        finish(begin(home, 1), model=b"a better model", accuracy=0.7)
        fail(begin(home, 2))
        train(begin(home, 3), 3)
        sync(home, NAME)
    shutil.copytree(root, root.with_name("copy"))
    return root, root.with_name("copy")


@pytest.fixture
def shown(original: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Home:
    root, copy = original
    shutil.rmtree(root)
    shutil.copytree(copy, root)
    monkeypatch.setenv("FER_EXP_HOME", str(root))
    return Home(root)


def visit(*options: object) -> dict[str, list[dict[str, object]]]:
    said: dict[str, list[dict[str, object]]] = json.loads(call("doctor", "--json", *options).stdout)
    return said


def codes(found: list[dict[str, object]]) -> set[object]:
    return {finding["code"] for finding in found}


def record(home: Home, number: int) -> Record:
    return Record(home.campaign(NAME) / "trials" / f"{number:04d}")


def run_id(home: Home, title: str) -> str:
    return str(run_of(home, title).info.run_id)


def experiment_id(home: Home) -> str:
    experiment = client_of(home).get_experiment_by_name(NAME)
    assert experiment is not None
    return str(experiment.experiment_id)


def test_a_home_that_is_level_has_nothing_wrong_and_looking_changes_nothing(shown: Home) -> None:
    before = everything(shown)
    assert done("doctor") == HEALTHY
    assert done("doctor", "--fix") == HEALTHY
    assert everything(shown) == before


def second_run(home: Home) -> None:
    run = run_of(home, "baseline")
    tags = dict(run.data.tags) | {"fer_exp.created_ms": str(int(run.data.tags["fer_exp.created_ms"]) + 1)}
    made = client_of(home).create_run(run.info.experiment_id, tags=tags, run_name="baseline")
    client_of(home).set_terminated(made.info.run_id, "FINISHED")


def orphaned_model(home: Home) -> None:
    tags = {RECORD: "a1b2c3d4/trials/0009"}
    client_of(home).create_logged_model(experiment_id(home), "model", tags=tags)


def lost_artifact(home: Home) -> None:
    root = Path(run_of(home, "baseline").info.artifact_uri.removeprefix("file://"))
    (root / "predictions" / "predictions.npz").unlink()


DAMAGE: dict[str, tuple[set[Code], Damage]] = {
    "a run that nobody works on": (
        {Code.RUN_GHOST},
        lambda home: client_of(home).update_run(run_id(home, "trial 3"), status="RUNNING"),
    ),
    "a campaign that nobody drives": (
        {Code.RUN_GHOST},
        lambda home: client_of(home).update_run(run_id(home, NAME), status="RUNNING"),
    ),
    "a record that is gone": ({Code.RUN_ORPHAN}, lambda home: shutil.rmtree(record(home, 2).path)),
    "a record with a model that is gone": (
        {Code.RUN_ORPHAN, Code.MODEL_ORPHAN},
        lambda home: shutil.rmtree(record(home, 1).path),
    ),
    "two runs for one record": ({Code.RUN_TWICE}, second_run),
    "a run that was deleted": ({Code.RUN_MISSING}, lambda home: client_of(home).delete_run(run_id(home, "trial 1"))),
    "a campaign's run that was deleted": (
        {Code.RUN_MISSING},
        lambda home: client_of(home).delete_run(run_id(home, NAME)),
    ),
    "a record that came later": ({Code.RUN_MISSING}, lambda home: finish(begin(home, 4), model=None) and None),
    "a training that ended since": (
        {Code.RUN_BEHIND, Code.ARTIFACT_MISSING},
        lambda home: finish(record(home, 3), model=None),
    ),
    "a status that was changed": (
        {Code.RUN_BEHIND},
        lambda home: client_of(home).set_terminated(run_id(home, "trial 2"), "FINISHED"),
    ),
    "an artifact that is gone": ({Code.ARTIFACT_MISSING}, lost_artifact),
    "a model without a record": ({Code.MODEL_ORPHAN}, orphaned_model),
    "a model that is gone here": ({Code.MODEL_MISSING}, lambda home: record(home, 1).model.unlink()),
    "a model that is another one here": (
        {Code.MODEL_ALTERED},
        lambda home: record(home, 1).model.write_bytes(b"forged"),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_mended_and_gone(shown: Home, damage: str) -> None:
    expected, do = DAMAGE[damage]
    do(shown)
    said = visit()
    assert codes(said["left"]) == expected
    assert all(finding["mendable"] for finding in said["left"])
    mended = visit("--fix")
    assert mended["left"] == []
    assert codes(mended["mended"]) >= expected
    before = everything(shown)
    again = visit("--fix")
    assert (again["left"], again["mended"]) == ([], [])
    assert everything(shown) == before


def test_after_mending_mlflow_says_what_it_said(shown: Home) -> None:
    before = everything(shown)
    for damage in ("a run that nobody works on", "an artifact that is gone", "two runs for one record"):
        DAMAGE[damage][1](shown)
    second = run_of(shown, "trial 2").info.run_id
    done("doctor", "--fix")
    assert everything(shown) == before
    assert run_of(shown, "trial 2").info.run_id == second
    assert "predictions/predictions.npz" in artifacts_of(shown, run_of(shown, "baseline"))


def test_a_trashed_run_can_be_restored(shown: Home) -> None:
    lost = run_id(shown, "trial 2")
    shutil.rmtree(record(shown, 2).path)
    done("doctor", "--fix")
    assert lost not in {run.info.run_id for run in all_runs(shown)}
    client_of(shown).restore_run(lost)
    assert run_of(shown, "trial 2").info.run_id == lost


def test_a_lost_model_comes_back_from_mlflow_to_the_byte(shown: Home) -> None:
    record(shown, 1).model.write_bytes(b"forged")
    done("doctor", "--fix")
    assert record(shown, 1).model.read_bytes() == b"a better model"
    assert (shown.campaign(NAME) / "set-aside" / "trials-0001-model.keras").read_bytes() == b"forged"


def test_a_run_that_the_registry_rests_on_is_left_to_a_person(shown: Home) -> None:
    register(shown, NAME, record(shown, 1))
    sync(shown, NAME)
    shutil.rmtree(record(shown, 1).path)
    said = visit("--fix")
    assert codes(said["left"]) == {Code.RUN_ORPHAN}
    assert said["mended"] == []


def test_a_campaign_that_mlflow_was_never_told_of_is_healthy(shown: Home) -> None:
    begin_campaign(shown, "quiet")
    assert done("doctor", "quiet") == "Nothing wrong: 1 campaign, 0 records, 0 runs\n"
    assert client_of(shown).get_experiment_by_name("quiet") is None


def test_a_store_that_does_not_answer_is_one_finding_and_the_rest_is_checked(
    shown: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    begin_campaign(shown, "another")
    assert codes(visit()["left"]) == {Code.MLFLOW_UNREACHABLE}
    record(shown, 2).path.joinpath("outcome.json").write_text("{")
    said = visit("--fix")
    assert codes(said["mended"]) == {Code.RECORD_UNREADABLE}
    assert [finding["code"] for finding in said["left"]] == [Code.MLFLOW_UNREACHABLE]
    assert done("doctor", "--no-tracking").startswith("Nothing wrong")


def test_a_store_of_a_later_mlflow_is_told_as_such(shown: Home) -> None:
    with closing(sqlite3.connect(shown.root / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    said = visit()["left"]
    assert codes(said) == {Code.MLFLOW_VERSION}
    assert "ffffffffffff" in str(said[0]["what"])


def test_a_home_that_was_moved_is_told_and_mended(shown: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {run.info.run_id for run in all_runs(shown)}
    moved = Home(tmp_path / "moved%20 to")
    shutil.copytree(shown.root, moved.root)
    monkeypatch.setenv("FER_EXP_HOME", str(moved.root))
    assert codes(visit()["left"]) == {Code.MLFLOW_ELSEWHERE}
    assert codes(visit("--fix")["mended"]) == {Code.MLFLOW_ELSEWHERE}
    assert done("doctor").startswith("Nothing wrong")
    assert "nothing to do" in done("sync", NAME)
    runs = all_runs(moved)
    assert {run.info.run_id for run in runs} == before
    assert "record/trial.json" in artifacts_of(moved, run_of(moved, "baseline"))
    assert list(moved.root.glob("mlflow.db.before-move-*"))


def test_nothing_is_trained_into_a_store_that_was_left_behind(shown: Home, tmp_path: Path) -> None:
    moved = Home(tmp_path / "moved")
    shutil.copytree(shown.root, moved.root)
    with pytest.raises(TrackingFailed, match="the home was moved") as refused:
        refuse_moved_store(moved, NAME)
    assert "doctor --fix" in refused.value.remedy
    refuse_moved_store(moved, "another")  # which it knows nothing of
