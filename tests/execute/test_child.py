"""An attempt's process: it leaves a whole record, and is followed by one that goes on."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
import pytest

from fer_exp.data.split.prepare import Development
from fer_exp.execute.engine import End, Ended
from fer_exp.execute.fault import Fault, FaultKind
from fer_exp.execute.local import LocalEngine, start_fork_server
from fer_exp.execute.task import Task
from fer_exp.metrics.calibration import Calibration, fit_temperature, uncalibrated
from fer_exp.metrics.scores import Scores
from fer_exp.model import load_model, predict
from fer_exp.recipe import Augmentation, Recipe, Schedule, Views
from fer_exp.records import Record, State, best_epoch
from tests.trainings import TINY, demo_development, new_record, without_times
from tests.undrawn import train_undrawn

# Every kind of randomness and of state that a process can lose by dying.
RECIPE = TINY.but(augmentation=Augmentation(flip=True, rotation=10, erasing=0.5), ema=0.9, plateau_patience=1)
EPOCHS = 12  # enough to die in the middle of


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Development:
    return demo_development(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ForkServerContext:
    return start_fork_server(tmp_path_factory.mktemp("server") / "server.log")


class EngineOf(Protocol):
    def __call__(self, workers: int, keep_checkpoints: bool = False) -> LocalEngine: ...


@pytest.fixture(scope="module")
def engine_of(context: ForkServerContext, development: Development) -> Iterator[EngineOf]:
    """Makes engines of so many workers, whose trainings draw no figures, and ends them afterwards."""
    engines: list[LocalEngine] = []

    def of(workers: int, keep_checkpoints: bool = False) -> LocalEngine:
        engine = LocalEngine(
            context, workers, development.folder, entry=train_undrawn, keep_checkpoints=keep_checkpoints
        )
        engines.append(engine)
        return engine

    yield of
    for engine in engines:
        engine.kill()


def work(engine: LocalEngine, until: Callable[[LocalEngine], bool] = lambda engine: not engine.attempts) -> None:
    """Lets the engine work until a condition holds; without one, until it has nothing left to do."""
    while not until(engine):
        engine.wait(0.05)


def in_epoch(number: int) -> Callable[[LocalEngine], bool]:
    return lambda engine: all(attempt.epoch >= number for attempt in engine.attempts)


def pid_of(engine: LocalEngine) -> int:
    pid = engine.attempts[0].process.pid
    assert pid is not None
    return pid


def ends(engine: LocalEngine) -> list[Ended]:
    """Waits for all that are at work; several may end at one time."""
    over: list[Ended] = []
    while engine.attempts:
        over += engine.wait(0.05)
    return over


def only_end(engine: LocalEngine) -> Ended:
    [ended] = ends(engine)
    return ended


def same(a: Record, b: Record) -> bool:
    mine, other = a.predictions(), b.predictions()
    same_predictions = np.array_equal(mine.probabilities, other.probabilities)
    return same_predictions and without_times(a.history()) == without_times(b.history()) and a.scores() == b.scores()


def train_alone(engine: LocalEngine, folder: Path, recipe: Recipe = RECIPE, epochs: int = EPOCHS) -> Record:
    record = new_record(folder, recipe, epochs=epochs)
    engine.start(record)
    work(engine)
    return record


@pytest.fixture(scope="module")
def finished(
    context: ForkServerContext, development: Development, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Record]:
    """A record whose training nothing disturbed, with its figures."""
    engine = LocalEngine(context, 1, development.folder)
    yield train_alone(engine, tmp_path_factory.mktemp("finished") / "0001")
    engine.kill()


# -- what a process leaves


def test_a_finished_record_is_whole(finished: Record) -> None:
    outcome = finished.outcome()
    assert outcome is not None
    assert (outcome.state, outcome.reason, outcome.attempts) == (State.FINISHED, "", 1)
    assert outcome.best_epoch == best_epoch(finished.history())
    assert outcome.seconds == pytest.approx(sum(row.seconds for row in finished.history()))
    assert outcome.peak_memory_mib > 100
    assert {str(path.relative_to(finished.path)) for path in finished.path.rglob("*") if path.is_file()} == {
        "trial.json",
        "attempt-1.log",
        "history.jsonl",
        "provenance.json",
        "predictions.npz",
        "scores.json",
        "calibration.json",
        "report.txt",
        "report.json",
        "model.keras",
        "outcome.json",
        *(
            f"figures/{name}.png"
            for name in ("confusion", "classes", "confidence", "calibration", "mistakes", "curves")
        ),
    }


def test_the_outcome_is_written_last(finished: Record) -> None:
    written = {path: path.stat().st_mtime_ns for path in finished.path.rglob("*") if path.is_file()}
    log = written.pop(finished.attempt_log(1))  # open as long as the process lives
    assert log
    assert max(written, key=lambda path: written[path]).name == "outcome.json"


def test_the_kept_model_says_of_raw_faces_what_the_trained_one_said(finished: Record, development: Development) -> None:
    stored = finished.predictions()
    raw = development.validation(clahe=False)
    assert np.abs(predict(load_model(finished.model), raw.images) - stored.probabilities).max() < 1e-5
    assert np.array_equal(stored.labels, raw.labels)
    assert np.array_equal(stored.rows, raw.rows)


def test_the_temperature_of_validation_is_reported_and_not_applied_unless_asked_for(finished: Record) -> None:
    stored = finished.predictions()
    calibration = Calibration.read(finished.path / "calibration.json")
    assert calibration.temperature == fit_temperature(stored.labels, stored.probabilities)
    assert not calibration.applied
    scores = finished.scores()
    assert scores["val/temperature"] == calibration.temperature
    assert scores["val/log_loss"] == scores["val/log_loss_uncalibrated"] >= scores["val/log_loss_calibrated"]
    assert "does not apply it" in (finished.path / "report.txt").read_text()


def test_views_and_temperature_are_in_the_kept_model_and_in_what_is_recorded_of_it(
    engine_of: EngineOf, development: Development, tmp_path: Path
) -> None:
    recipe = TINY.but(views=Views.FLIP, calibrate=True)
    record = train_alone(engine_of(1), tmp_path / "calibrated", recipe, epochs=2)
    stored, kept = record.predictions(), load_model(record.model)
    np.testing.assert_allclose(
        predict(kept, development.validation(clahe=False).images), stored.probabilities, atol=1e-6
    )
    assert [layer.name for layer in kept.layers if layer.name in ("views", "temperature")] == ["views", "temperature"]
    calibration = Calibration.read(record.path / "calibration.json")
    assert calibration.applied
    assert kept.get_layer("temperature").temperature == calibration.temperature
    scores = record.scores()
    assert scores["val/log_loss"] == scores["val/log_loss_calibrated"] < scores["val/log_loss_uncalibrated"]
    before = keras.Model(kept.input, kept.get_layer("mean_over_views").output)
    plain = predict(before, development.validation(clahe=False).images)
    np.testing.assert_allclose(uncalibrated(stored.probabilities, calibration), plain, atol=1e-5)
    assert calibration.temperature == pytest.approx(fit_temperature(stored.labels, plain), rel=1e-4)


def test_the_scores_are_those_of_the_best_epoch(finished: Record) -> None:
    row = finished.history()[best_epoch(finished.history()) - 1]
    scores = finished.scores()
    assert scores["val/accuracy"] == pytest.approx(row.val_accuracy, abs=1e-6)
    assert scores["val/log_loss"] == pytest.approx(row.val_loss, rel=1e-5)
    assert Scores.from_json((finished.path / "report.json").read_bytes()).accuracy == scores["val/accuracy"]


def test_where_the_result_comes_from_is_in_the_record(finished: Record, development: Development) -> None:
    facts = json.loads((finished.path / "provenance.json").read_text())
    assert facts["seed"] == 1
    assert facts["attempt"] == 1
    assert facts["backend"] == "tensorflow"
    assert facts["device"]
    assert facts["parameters"] == load_model(finished.model).count_params()
    target = int(1.5 * np.median(development.info.train_counts))
    assert facts["train_counts_after"] == [max(count, target) for count in development.info.train_counts]


def test_what_a_process_prints_and_how_it_failed_goes_into_the_record(engine_of: EngineOf, tmp_path: Path) -> None:
    record = train_alone(engine_of(1), tmp_path / "failing", TINY.but(class_weight_range=(1e38, 1e38)), 2)
    outcome = record.outcome()
    assert outcome is not None
    assert outcome.state is State.FAILED
    assert outcome.reason.startswith("NotFinite: loss became ")
    assert outcome.reason.endswith("in epoch 1")
    assert "\n" not in outcome.reason
    log = record.attempt_log(1).read_text()
    assert "Traceback (most recent call last)" in log
    assert outcome.reason in log.replace("fer_exp.training.train.", "")
    assert not list(record.path.glob("checkpoint-*"))


# -- faults of the machine


def test_a_cache_that_has_gone_is_no_word_on_the_recipe(context: ForkServerContext, tmp_path: Path) -> None:
    engine = LocalEngine(context, 1, tmp_path / "gone")
    record = new_record(tmp_path / "open", TINY, epochs=1)
    engine.start(record)
    ended = only_end(engine)
    assert ended.end is End.MACHINE_FAILED
    assert ended.fault is not None
    assert (ended.fault.kind, record.outcome()) == (FaultKind.FILES, None)
    assert "gone" in ended.fault.cause


def test_a_schedule_that_does_not_fit_the_training_fails_for_its_recipe(engine_of: EngineOf, tmp_path: Path) -> None:
    recipe = TINY.but(schedule=Schedule.COSINE, warmup_epochs=3.0)
    engine = engine_of(1)
    record = new_record(tmp_path / "impossible", recipe, epochs=2)
    engine.start(record)
    assert only_end(engine).end is End.RECIPE_FAILED
    outcome = record.outcome()
    assert outcome is not None
    assert outcome.reason.startswith("ImpossibleRecipe: warmup_epochs: expected fewer than the 2 epochs")


def test_processes_that_share_a_device_are_told_to_take_what_they_need(
    context: ForkServerContext, development: Development, tmp_path: Path
) -> None:
    """With fake devices: each process writes down what it finds in its environment."""
    engine = LocalEngine(context, 3, development.folder, entry=say_environment, devices=["GPU-a", "GPU-b"])
    for number in range(3):
        engine.start(new_record(tmp_path / f"{number}", TINY, epochs=1))
    over = ends(engine)
    assert len(over) == 3
    assert all(ended.fault is not None and ended.fault.cause.startswith("exit code") for ended in over)
    found = [(tmp_path / f"{number}" / "environment").read_text() for number in range(3)]
    assert found == ["GPU-a true false", "GPU-b None None", "GPU-a true false"]


def say_environment(task: Task, _parent: Connection) -> None:
    os.environ |= task.environment
    names = ("CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE")
    (task.record / "environment").write_text(" ".join(str(os.environ.get(name)) for name in names))
    os._exit(3)


# -- deaths


def test_a_killed_process_is_followed_by_one_that_goes_on_to_the_same_end(
    engine_of: EngineOf, finished: Record, tmp_path: Path
) -> None:
    engine = engine_of(1)
    record = new_record(tmp_path / "killed", RECIPE, epochs=EPOCHS)
    engine.start(record)
    work(engine, until=in_epoch(3))
    os.kill(pid_of(engine), signal.SIGKILL)
    ended = only_end(engine)
    assert (ended.end, ended.attempt) == (End.MACHINE_FAILED, 1)
    assert ended.fault == Fault(FaultKind.MEMORY, "killed by SIGKILL")
    engine.start(record)
    work(engine)
    outcome = record.outcome()
    assert outcome is not None
    assert (outcome.state, outcome.attempts) == (State.FINISHED, 2)
    assert record.attempt_log(2).exists()
    assert same(record, finished)


def test_signals_to_its_group_do_not_end_it(engine_of: EngineOf, finished: Record, tmp_path: Path) -> None:
    engine = engine_of(1)
    record = new_record(tmp_path / "signalled", RECIPE, epochs=EPOCHS)
    engine.start(record)
    work(engine, until=in_epoch(2))
    group = os.getpgid(pid_of(engine))
    assert group != os.getpgrp()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        os.killpg(group, number)
    work(engine)
    outcome = record.outcome()
    assert outcome is not None
    assert (outcome.state, outcome.attempts) == (State.FINISHED, 1)
    assert same(record, finished)


def test_asked_to_stop_it_ends_after_its_epoch_and_the_next_one_goes_on(
    engine_of: EngineOf, finished: Record, tmp_path: Path
) -> None:
    engine = engine_of(1)
    record = new_record(tmp_path / "stopped", RECIPE, epochs=EPOCHS)
    engine.start(record)
    work(engine, until=in_epoch(2))
    engine.ask_to_stop()
    work(engine)
    assert record.state() is State.RUNNING
    assert 2 <= len(record.history()) < EPOCHS
    later = engine_of(1, keep_checkpoints=True)
    later.start(record)
    work(later)
    assert same(record, finished)
    assert record.checkpoint(EPOCHS).exists()  # for a later trial to go on from; the others keep none


def test_two_at_once_train_what_one_trains_alone(engine_of: EngineOf, tmp_path: Path) -> None:
    engine = engine_of(2)
    records = [new_record(tmp_path / name, RECIPE, epochs=2) for name in ("left", "right")]
    for record in records:
        engine.start(record)
    work(engine)
    alone = train_alone(engine_of(2), tmp_path / "alone", epochs=2)
    assert all(same(record, alone) for record in records)
