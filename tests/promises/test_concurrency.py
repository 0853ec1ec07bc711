"""Many at once: writers in one folder, workers in one campaign, people at one name; and a hundred trials in a row."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from pathlib import Path

import psutil
import pytest

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.execute import tracker
from fer_exp.execute.loop import Ending
from fer_exp.execute.progress import Silence, Snapshot
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Record, State, records_in
from fer_exp.system.files import TEMPORARY, whole_lines
from fer_exp.system.home import Home
from fer_exp.tracking import SyncReport, sync
from fer_exp.tracking.follower import follow
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice, Result
from tests.commands import write_campaign
from tests.fake_trials import train_fake
from tests.servers import tell
from tests.tracked import all_runs, begin, begin_campaign, client_of, finish
from tests.writers import LEDGER, NUMBERS, SHARED, is_whole, read_all_the_time, write_records

pytestmark = pytest.mark.slow

WRITERS, RECORDS = 16, 500
WORKERS, TRIALS_EACH = 8, 20
STARTS = 8
GROWTH = 0.02  # of resident memory in a hundred trials
LOADED = 60  # records that a tracker has shown when it has loaded all it ever loads
BUSY = 6


@pytest.fixture(autouse=True)
def own_fork_server() -> Iterator[None]:
    """None that was started with another environment, or to load other things."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    yield
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def test_sixteen_writers_and_a_reader_who_never_sees_half_of_anything(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.writers"])
    done = context.Event()
    processes = [
        context.Process(target=write_records, args=(tmp_path, number, RECORDS)) for number in range(1, WRITERS + 1)
    ]
    began = time.monotonic()
    for process in processes:
        process.start()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_all_the_time, tmp_path, done)
        for process in processes:
            process.join()
        seconds = time.monotonic() - began
        done.set()
        seen = reading.result()
    assert [process.exitcode for process in processes] == [0] * WRITERS
    numbers = [NUMBERS * writer + count for writer in range(1, WRITERS + 1) for count in range(RECORDS)]
    records = list(records_in(tmp_path / "trials"))
    assert [record.spec().number for record in records] == numbers
    assert {record.state() for record in records} == {State.FINISHED}
    assert {len(record.history()) for record in records} == {2}
    lines = whole_lines(tmp_path / LEDGER)
    assert len(lines) == len(numbers)
    assert all(is_whole(line) for line in lines)
    assert is_whole((tmp_path / SHARED).read_text())
    assert not list(tmp_path.rglob(f"{TEMPORARY}*"))
    assert min(seen.shared, seen.lines, seen.records, seen.ended) > 0
    tell(
        f"{WRITERS} writers x {RECORDS} records: {seconds:.0f} s, {len(numbers) / seconds:.0f} records/s; "
        f"read meanwhile: {seen.shared} times the shared file, {seen.lines} lines, {seen.records} records, "
        f"{seen.ended} of them ended; none torn"
    )


# -- a campaign


def campaign(trials: int) -> Campaign:
    """A grid of as many points."""

    def space(hp: HyperParameters) -> Recipe:
        points = [round(0.001 * (point + 1), 4) for point in range(trials)]
        return baseline_recipe().but(head_dropouts=(hp.Choice("dropout", points, default=points[0]),), head_widths=(8,))

    settings = Settings(algorithm=Algorithm.GRID, max_trials=trials, epochs=2, limit=70)
    return Campaign("many", "?", space, settings, data="demo")


def search(home: Home, trials: int, watcher: Silence, *, workers: int, tracking: bool) -> Result:
    many = campaign(trials)
    conditions = Conditions(home, watcher, workers, tracking=tracking, entry=train_fake, loads="tests.nursery")
    return run_search(many, many.settings, "many.py", "fingerprint", DataChoice("demo"), conditions)


def test_eight_workers_run_every_trial_once_and_mlflow_has_each_once(mlflow_home: Home) -> None:
    trials = WORKERS * TRIALS_EACH
    began = time.monotonic()
    result = search(mlflow_home, trials, Silence(), workers=WORKERS, tracking=True)
    seconds = time.monotonic() - began
    assert result.ending is Ending.DONE
    records = list(records_in(mlflow_home.campaign("many") / "trials"))
    assert [record.spec().number for record in records] == list(range(trials + 1))
    assert len({record.spec().recipe for record in records}) == trials + 1
    assert {record.state() for record in records} == {State.FINISHED}
    assert all([path.name for path in record.path.glob("attempt-*.log")] == ["attempt-1.log"] for record in records)

    began = time.monotonic()
    report = sync(mlflow_home, "many")
    tell(
        f"{WORKERS} workers x {TRIALS_EACH} trials: {seconds:.0f} s; MLflow "
        f"{'level' if result.behind is None else f'behind ({result.behind})'} at the end; a sync after it: "
        f"{time.monotonic() - began:.1f} s, {report}"
    )
    shown = {run.info.run_name: run for run in all_runs(mlflow_home, "many")}
    assert len(all_runs(mlflow_home, "many")) == len(shown) == trials + 2  # the campaign's own
    client = client_of(mlflow_home)
    for record in records:
        number = record.spec().number
        run = shown[f"trial {number}" if number else "baseline"]
        assert run.info.status == "FINISHED"
        told = client.get_metric_history(run.info.run_id, "epoch/val/accuracy")
        assert sorted((point.step, point.value) for point in told) == [
            (row.epoch, row.val_accuracy) for row in record.history()
        ]
    assert sync(mlflow_home, "many") == SyncReport(records=trials + 1)


# -- a hundred in a row


class Weighing(Silence):
    """Takes the resident memory of the search's process when so many trials have ended."""

    def __init__(self, at: tuple[int, ...]) -> None:
        self._left = list(at)
        self.mebibytes: list[float] = []

    def show(self, snapshot: Snapshot) -> None:
        while self._left and snapshot.ended > self._left[0]:  # the baseline has ended too
            self._left.pop(0)
            self.mebibytes.append(_mebibytes(psutil.Process()))


def _mebibytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


@pytest.mark.parametrize("tracking", [False, True], ids=["without tracking", "with tracking"])
def test_a_hundred_trials_in_a_row_take_no_more_memory_than_ten(
    mlflow_home: Home, monkeypatch: pytest.MonkeyPatch, *, tracking: bool
) -> None:
    monkeypatch.setattr(tracker, "PATIENCE", 0.0)  # whoever is weighed has been when MLflow would be waited for
    weighing = Weighing((10, 110))
    began = time.monotonic()
    search(mlflow_home, 112, weighing, workers=1, tracking=tracking)
    tell(f"112 trials in {time.monotonic() - began:.0f} s; MiB at trials 10, 110: {_steps(weighing.mebibytes)}")
    assert weighing.mebibytes[1] < (1 + GROWTH) * weighing.mebibytes[0]


@pytest.mark.timeout(900)  # a second for each of 161 records where other tests run beside it
def test_a_tracker_that_shows_a_hundred_records_more_takes_no_more_memory(mlflow_home: Home) -> None:
    """The search's own tracker, without a search: how far it is behind one is a matter of the machine."""
    folder = begin_campaign(mlflow_home)
    for number in range(LOADED + 101):
        finish(begin(mlflow_home, number))
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    began = time.monotonic()
    follower = context.Process(target=follow, args=(mlflow_home.root, folder.name, its), daemon=True)
    follower.start()
    its.close()
    weighed: list[float] = []
    while len(weighed) < 2:
        word, what = ours.recv()
        assert word != "behind", what
        if word == "telling" and what in (101, 1):  # records that it still has to show
            weighed.append(_mebibytes(psutil.Process(follower.pid)))
    ours.close()
    follower.join(10)
    assert follower.exitcode == 0
    tell(
        f"{LOADED + 100} records shown in {time.monotonic() - began:.0f} s; "
        f"MiB of the tracker at {LOADED}, {LOADED + 100}: {_steps(weighed)}"
    )
    assert weighed[1] < (1 + GROWTH) * weighed[0]


def _steps(mebibytes: list[float]) -> str:
    return f"{' -> '.join(f'{step:.1f}' for step in mebibytes)} ({mebibytes[-1] / mebibytes[0] - 1:+.2%})"


# -- at one name


START = """
import functools
from fer_exp.tuning import run
from tests.fake_trials import train_fake
run.Conditions = functools.partial(run.Conditions, entry=train_fake, loads="tests.nursery")
from fer_exp.cli import main
main()
"""


def test_of_eight_who_start_one_campaign_one_drives_and_seven_are_refused(home: Home, tmp_path: Path) -> None:
    file = write_campaign(tmp_path, trials=10, epochs=35)  # long enough for the last to come
    command = [sys.executable, "-c", START, "search", str(file), "--no-tracking"]
    began = time.monotonic()
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}  # TensorFlow, loaded sixteen times, would do nothing here
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(STARTS)
    ]
    ended = [(process, *process.communicate()) for process in processes]
    codes = [process.returncode for process, _, _ in ended]
    assert sorted(codes) == [0] + [BUSY] * (STARTS - 1), ended
    driver = next(process.pid for process, _, _ in ended if process.returncode == 0)
    for process, _, said in ended:
        if process.returncode == BUSY:
            assert f"campaign 'tiny' is being driven by process {driver} on " in said
    records = list(records_in(home.campaign("tiny") / "trials"))
    assert [record.spec().number for record in records] == list(range(11))
    assert all(_whole_and_once(record) for record in records)
    tell(f"{STARTS} starts of one campaign: 1 drove, {STARTS - 1} refused, in {time.monotonic() - began:.0f} s")


def _whole_and_once(record: Record) -> bool:
    outcome = record.outcome()
    attempts = len(list(record.path.glob("attempt-*.log")))
    answered = outcome is not None and outcome.same_as is not None
    return record.state() is State.FINISHED and (answered or attempts == 1)
