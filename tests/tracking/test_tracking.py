"""MLflow shows what the records say, whatever happened before."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from mlflow import MlflowClient

from fer_exp.model import with_preprocessing, with_temperature
from fer_exp.recipe import Views, baseline_recipe
from fer_exp.records import DATA, Kind, Record, best_epoch
from fer_exp.system.errors import NotFound, TrackingFailed
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from fer_exp.tracking import SyncReport, sync
from fer_exp.tracking.store import connect
from tests.made_records import made_campaign_spec, made_history, made_scores
from tests.tracked import (
    COMMIT,
    NAME,
    all_runs,
    artifacts_of,
    begin,
    begin_campaign,
    client_of,
    datasets_of,
    everything,
    finish,
    models_in,
    points,
    run_of,
    train,
)

SERIES_POINTS = 12 * 7  # epochs by series


def test_a_campaign_becomes_a_parent_run_and_a_run_per_record(shown: Home) -> None:
    sync(shown, NAME, "running")
    parent = run_of(shown, NAME)
    assert {run.info.run_name for run in all_runs(shown)} == {NAME, "baseline", "trial 1", "trial 2"}
    children = [run for run in all_runs(shown) if run.info.run_id != parent.info.run_id]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert parent.data.tags["fer_exp.kind"] == "campaign"


def test_a_finished_training_shows_its_series_its_final_values_and_what_made_it(shown: Home) -> None:
    sync(shown, NAME)
    run = run_of(shown, "baseline")
    record = Record(shown.campaign(NAME) / "trials" / "0000")
    history = record.history()
    best = history[best_epoch(history) - 1]
    assert run.info.status == "FINISHED"
    assert points(shown, "baseline", "epoch/val/accuracy") == [(row.epoch, row.val_accuracy) for row in history]
    assert run.data.metrics["val/accuracy"] == made_scores(0.66)["val/accuracy"]
    assert run.data.metrics["val/loss"] == best.val_loss
    assert run.data.metrics["train/accuracy"] == best.train_accuracy
    assert run.data.params["widths"] == "32-64-128"
    assert run.data.params["horizon"] == "12"
    assert run.data.tags["mlflow.source.git.commit"] == COMMIT
    assert not [name for name in run.data.tags if "provenance" in name]  # an artifact, and no 22 tags
    assert run.data.tags["mlflow.note.content"].startswith("**val/accuracy 66.01 %** at epoch 12 of 12")
    assert run.data.tags["fer_exp.leaky"] == "false"
    assert run.info.end_time == record.outcome().ended_ms  # type: ignore[union-attr]


def test_files_stand_in_folders_by_role(shown: Home) -> None:
    sync(shown, NAME)
    assert artifacts_of(shown, run_of(shown, "baseline")) == {
        "recipe.json",
        "record/trial.json",
        "record/history.jsonl",
        "record/provenance.json",
        "record/scores.json",
        "record/outcome.json",
        "reports/report.txt",
        "figures/confusion.png",
        "predictions/predictions.npz",
        "logs/attempt-1.log",
    }
    assert artifacts_of(shown, run_of(shown, NAME)) == {"campaign/campaign.json"}


def test_every_parameter_stands_once_and_the_baseline_has_its_values(shown: Home) -> None:
    """A second set, `hp/...`, which the baseline lacked, drew it at the edge of MLflow's comparison."""
    sync(shown, NAME)
    trial, baseline = (run_of(shown, name).data.params for name in ("trial 1", "baseline"))
    assert trial["learning_rate"] == "0.002"
    assert baseline["learning_rate"] == "0.001"
    assert not [name for name in trial if name.startswith("hp/")]
    assert set(trial) == set(baseline)


def test_datasets_carry_our_digest_and_the_counts_before_and_after_oversampling(shown: Home) -> None:
    sync(shown, NAME)
    given = {tag.value: one for one in datasets_of(run_of(shown, "baseline")) for tag in one.tags}
    assert set(given) == {"train", "validation"}
    profile = json.loads(str(given["train"].dataset.profile))
    assert given["train"].dataset.digest == "fedcba9876543210"
    assert profile["class_counts"]["disgust"] == 436
    assert profile["class_counts_after_oversampling"]["disgust"] == 6144
    assert profile["data_digest"] == "0123456789abcdef"
    assert json.loads(str(given["validation"].dataset.profile))["num_rows"] == 3589


def test_the_datasets_of_a_retrain_on_less_data_are_those_it_was_trained_on(mlflow_home: Home) -> None:
    campaign = made_campaign_spec(NAME).data
    begin_campaign(mlflow_home)
    less = campaign.model_copy(
        update={"limit": 700, "train_counts": (100,) * 7, "validation_counts": (50,) * 7, "split_digest": "0" * 16}
    )
    record = begin(mlflow_home, 1, kind=Kind.RETRAIN)
    write_atomically(record.path / "trial.json", record.spec().model_copy(update={"split_digest": "0" * 16}).sealed())
    write_atomically(record.path / DATA, less.sealed())
    finish(record)
    sync(mlflow_home, NAME)
    run = next(run for run in all_runs(mlflow_home) if run.data.tags["fer_exp.kind"] == "retrain")
    given = {tag.value: json.loads(str(one.dataset.profile)) for one in datasets_of(run) for tag in one.tags}
    assert (given["train"]["num_rows"], given["validation"]["num_rows"]) == (700, 350)


def test_a_failed_training_keeps_its_epochs_says_why_and_has_no_final_values(shown: Home) -> None:
    sync(shown, NAME)
    run = run_of(shown, "trial 1")
    assert run.info.status == "FAILED"
    assert run.data.tags["fer_exp.reason"] == "out of memory"
    assert run.data.tags["fer_exp.attempt"] == "3"
    assert len(points(shown, "trial 1", "fit/train_loss")) == 2
    assert not [name for name in run.data.metrics if name.startswith(("val/", "train/"))]


def test_syncing_twice_changes_nothing(shown: Home) -> None:
    first = sync(shown, NAME)
    before, models = everything(shown), models_in(shown)
    assert first.runs_created == 4
    assert first.models_logged == 1
    assert sync(shown, NAME) == SyncReport(records=3)
    assert everything(shown) == before
    assert models_in(shown) == models


def test_losing_the_notes_duplicates_nothing(shown: Home) -> None:
    sync(shown, NAME)
    before, models = everything(shown), models_in(shown)
    for note in shown.campaign(NAME).rglob("tracking.json"):
        note.unlink()
    assert sync(shown, NAME).runs_created == 0
    assert everything(shown) == before
    assert models_in(shown) == models


def test_a_history_that_grows_adds_only_its_new_epochs(shown: Home) -> None:
    sync(shown, NAME, "running")
    record = Record(shown.campaign(NAME) / "trials" / "0002")
    train(record, 5)
    assert sync(shown, NAME, "running").points == 2 * 7
    assert [step for step, _ in points(shown, "trial 2", "epoch/val/loss")] == [1, 2, 3, 4, 5]
    assert run_of(shown, "trial 2").info.status == "RUNNING"
    finish(record)
    sync(shown, NAME, "running")
    assert run_of(shown, "trial 2").info.status == "FINISHED"
    assert len(points(shown, "trial 2", "epoch/val/loss")) == 12


def test_a_tracker_killed_between_making_a_run_and_noting_it_leaves_no_second_run(
    shown: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = MlflowClient.create_run

    def killed(client: MlflowClient, *arguments: object) -> None:
        made(client, *arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    for _ in range(4):  # the parent, then each record
        with monkeypatch.context() as patched:
            patched.setattr(MlflowClient, "create_run", killed)
            with pytest.raises(KeyboardInterrupt):
                sync(shown, NAME)
    assert sync(shown, NAME).runs_created == 0
    assert sorted(run.info.run_name for run in all_runs(shown)) == ["baseline", NAME, "trial 1", "trial 2"]
    assert run_of(shown, "baseline").info.status == "FINISHED"


def test_of_two_runs_for_one_record_the_older_stays(shown: Home) -> None:
    sync(shown, NAME)
    run = run_of(shown, "baseline")
    tags = dict(run.data.tags) | {"fer_exp.created_ms": str(int(run.data.tags["fer_exp.created_ms"]) + 1)}
    client_of(shown).create_run(run.info.experiment_id, tags=tags, run_name="baseline")
    sync(shown, NAME)
    assert run_of(shown, "baseline").info.run_id == run.info.run_id


def test_deleted_runs_and_a_new_empty_store_are_filled_from_the_records(shown: Home, mlflow_db: Path) -> None:
    sync(shown, NAME)
    before = everything(shown)
    client_of(shown).delete_run(run_of(shown, NAME).info.run_id)
    client_of(shown).delete_run(run_of(shown, "baseline").info.run_id)
    assert sync(shown, NAME).runs_created == 2
    assert everything(shown) == before
    assert run_of(shown, "trial 1").data.tags["mlflow.parentRunId"] == run_of(shown, NAME).info.run_id

    shutil.copyfile(mlflow_db, shown.root / "mlflow.db")
    assert sync(shown, NAME).runs_created == 4
    assert everything(shown) == before


def test_a_deleted_experiment_comes_back(shown: Home) -> None:
    sync(shown, NAME)
    before = everything(shown)
    client_of(shown).delete_experiment(run_of(shown, NAME).info.experiment_id)
    sync(shown, NAME)
    assert everything(shown) == before


def test_a_record_trained_anew_gets_a_run_of_its_own(shown: Home) -> None:
    sync(shown, NAME)
    old = run_of(shown, "trial 1").info.run_id
    shutil.rmtree(shown.campaign(NAME) / "trials" / "0001")
    record = begin(shown, 1)
    for row in made_history(2, seed=1):
        record.append(row.model_copy(update={"time_ms": row.time_ms + 1}))
    sync(shown, NAME)
    assert run_of(shown, "trial 1").info.run_id != old
    assert len(points(shown, "trial 1", "fit/train_loss")) == 2


def test_a_model_appears_once_is_replaced_and_goes_with_the_record_s(shown: Home) -> None:
    sync(shown, NAME)
    record = Record(shown.campaign(NAME) / "trials" / "0000")
    (first,) = models_in(shown)
    run = run_of(shown, "baseline")
    assert run.outputs is not None
    assert [output.model_id for output in run.outputs.model_outputs] == [first]
    folder = shown.artifacts / NAME / "models" / first
    assert (folder / "artifacts" / "data" / "model.keras").read_bytes() == b"a model"

    record.model.write_bytes(b"another model")
    sync(shown, NAME)
    (second,) = models_in(shown)
    assert second != first
    assert not folder.exists()

    record.model.unlink()
    assert sync(shown, NAME).models_deleted == 1
    assert models_in(shown) == []
    assert not (shown.artifacts / NAME / "models" / second).exists()
    assert sync(shown, NAME) == SyncReport(records=3)


def test_a_model_that_was_cut_off_half_way_is_logged_whole(shown: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_model_artifacts", killed)
        with pytest.raises(KeyboardInterrupt):
            sync(shown, NAME)
    sync(shown, NAME)
    (model_id,) = models_in(shown)
    assert client_of(shown).get_logged_model(model_id).status.value == "READY"


def test_an_interrupted_campaign_shows_nothing_as_running_until_it_goes_on(shown: Home) -> None:
    sync(shown, NAME, "running")
    assert run_of(shown, NAME).info.status == run_of(shown, "trial 2").info.status == "RUNNING"
    sync(shown, NAME, "interrupted")
    assert run_of(shown, NAME).info.status == run_of(shown, "trial 2").info.status == "KILLED"
    sync(shown, NAME, "running")
    assert run_of(shown, NAME).info.status == run_of(shown, "trial 2").info.status == "RUNNING"


def test_test_scores_appear_when_evaluate_has_opened_the_test_part(shown: Home) -> None:
    sync(shown, NAME)
    record = Record(shown.campaign(NAME) / "trials" / "0000")
    record.write_scores({"test/accuracy": 0.65}, "test/scores.json")
    assert sync(shown, NAME).points == 1
    run = run_of(shown, "baseline")
    assert run.data.metrics["test/accuracy"] == 0.65
    assert "test/scores.json" in artifacts_of(shown, run)


def test_a_damaged_record_is_named_and_holds_up_no_other(shown: Home) -> None:
    (shown.campaign(NAME) / "trials" / "0001" / "outcome.json").write_text("{")
    report = sync(shown, NAME)
    assert len(report.skipped) == 1
    assert "0001/outcome.json" in report.skipped[0]
    assert {run.info.run_name for run in all_runs(shown)} == {NAME, "baseline", "trial 2"}


def test_values_that_are_no_numbers_are_told_once(shown: Home) -> None:
    Record(shown.campaign(NAME) / "trials" / "0000").write_scores({"val/a": float("nan"), "val/b": float("-inf")})
    sync(shown, NAME)
    assert sync(shown, NAME).points == 0


def test_a_retrain_is_named_by_its_seed(shown: Home) -> None:
    finish(begin(shown, 3, kind=Kind.RETRAIN, seed=2))
    sync(shown, NAME)
    assert run_of(shown, "retrain 3 seed 2").data.tags["fer_exp.seed"] == "2"


def test_a_home_that_was_moved_is_refused_in_one_line(shown: Home, mlflow_db: Path) -> None:
    sync(shown, NAME)
    moved = Home(shown.root.rename(shown.root.with_name("moved")))
    with pytest.raises(TrackingFailed, match="the home was moved"):
        sync(moved, NAME)
    shutil.copyfile(mlflow_db, moved.root / "mlflow.db")
    assert sync(moved, NAME).runs_created == 4


def test_an_unknown_campaign_names_those_there_are(shown: Home) -> None:
    with pytest.raises(NotFound, match="there: made"):
        sync(shown, "other")


def test_a_server_that_is_not_there_costs_seconds_and_one_line(shown: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(TrackingFailed, match=r"http://127\.0\.0\.1:9") as caught:
        sync(shown, NAME)
    assert time.monotonic() - start < 20
    assert "\n" not in caught.value.problem


def test_a_kill_while_mlflow_s_file_is_made_leaves_no_half_of_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "search_experiments", killed)
    with pytest.raises(KeyboardInterrupt):
        connect(home)
    assert [path.name for path in home.root.iterdir()] == ["mlflow.lock"]


# -- models that load


SERVE = """
import sys, numpy as np, mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
faces = np.load(sys.argv[3])
raw = model.predict(faces, params={"raw": True})
np.save(sys.argv[4], raw)
import fer_exp.model
np.testing.assert_array_equal(mlflow.keras.load_model(sys.argv[2]).predict(faces, verbose=0), raw)
"""


def test_a_logged_model_loads_through_pyfunc_and_keras_in_another_process(mlflow_home: Home, tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.GlobalAveragePooling2D()])
    inner.add(keras.layers.Dense(7, activation="softmax"))
    model = with_temperature(with_preprocessing(inner, baseline_recipe().but(views=Views.TEN_CROP)), 30.0)
    model.save(tmp_path / "model.keras")
    begin_campaign(mlflow_home)
    finish(begin(mlflow_home, 0, kind=Kind.BASELINE), model=(tmp_path / "model.keras").read_bytes())
    sync(mlflow_home, NAME)
    (model_id,) = models_in(mlflow_home)
    faces = np.random.default_rng(1).integers(0, 256, (3, 48, 48, 1)).astype(np.float32)
    np.save(tmp_path / "faces.npy", faces)
    arguments = [mlflow_home.tracking_uri, f"models:/{model_id}", tmp_path / "faces.npy", tmp_path / "said.npy"]
    subprocess.run([sys.executable, "-c", SERVE, *map(str, arguments)], check=True, timeout=120)
    np.testing.assert_allclose(np.load(tmp_path / "said.npy"), model.predict(faces, verbose=0), rtol=1e-5)
