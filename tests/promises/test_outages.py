"""MLflow may be away, broken or hang: nothing waits for it, nothing is lost, and the next sync brings it level.

A real server, behind a front that misbehaves; trials are fake.
"""

import contextlib
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import forkserver
from pathlib import Path

import psutil
import pytest

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.execute import tracker
from fer_exp.execute.loop import Ending
from fer_exp.execute.progress import Silence, Snapshot
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Kind, State, records_in
from fer_exp.system.errors import TrackingFailed
from fer_exp.system.home import Home
from fer_exp.tracking import SyncReport, bounds, sync
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice, Result
from tests.commands import done, quick_trials, refused, write_campaign
from tests.fake_trials import train_fake
from tests.servers import Front, Manner, MlflowServer, served, tell
from tests.tracked import NAME, all_runs, begin, begin_campaign, everything, fail, finish, train

QUICKLY = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "4", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
WRONG = [manner for manner in Manner if manner is not Manner.PASS_ON]
TRIALS = 6


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, mlflow_db: Path) -> Iterator[tuple[MlflowServer, Front]]:
    """One server for all tests here. The tracker's process has its environment from the fork server, started here."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # an earlier test's knows nothing of this server
    with served(tmp_path_factory.mktemp("server"), mlflow_db) as (server, front), pytest.MonkeyPatch.context() as patch:
        for name, value in {"MLFLOW_TRACKING_URI": front.uri, **QUICKLY}.items():
            patch.setenv(name, value)
        yield server, front
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


@pytest.fixture
def server(real: tuple[MlflowServer, Front], monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    """The server, empty as far as campaigns go, and in order afterwards."""
    found, front = real
    for name, value in {"MLFLOW_TRACKING_URI": front.uri, **QUICKLY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bounds, "LONGEST_ANSWER", 2.0)
    yield found
    front.behave(Manner.PASS_ON)
    for name in (NAME, "tiny", "toy"):
        found.set_aside(name)


@pytest.fixture
def front(real: tuple[MlflowServer, Front], server: MlflowServer) -> Front:
    found, front = real
    assert found is server
    front.count_from_here()
    return front


@pytest.fixture
def shown(home: Home) -> Home:
    """A home with a finished baseline that nobody has told the server of."""
    begin_campaign(home)
    finish(begin(home, 0, kind=Kind.BASELINE))
    return home


def as_new(server: MlflowServer, home: Home) -> None:
    """Server and home as if there had been no sync."""
    server.set_aside(NAME)
    for note in home.campaign(NAME).rglob("tracking.json"):
        note.unlink()


# -- a sync that fails


@pytest.mark.slow
@pytest.mark.timeout(600)  # some forty times two syncs; a busy machine needs long
@pytest.mark.parametrize("passed_on", [False, True], ids=["before it is passed on", "before the answer is"])
def test_a_sync_that_fails_at_any_request_is_made_good_by_the_next(
    shown: Home, server: MlflowServer, front: Front, *, passed_on: bool
) -> None:
    """The answer to a question that changes nothing is not lost once more: the question itself was."""
    sync(shown, NAME)
    undisturbed, asked = server.shown(NAME), tuple(front.asked)
    assert len(asked) > 20
    failing = [number for number, what in enumerate(asked, start=1) if not (passed_on and _only_asks(what))]
    assert len(failing) > len(asked) / 2
    began = time.monotonic()
    for number in failing:
        as_new(server, shown)
        front.count_from_here(number, passed_on=passed_on)
        with pytest.raises(TrackingFailed):
            sync(shown, NAME)
        assert _kinds(front.asked) == _kinds(asked[:number])
        front.count_from_here()
        sync(shown, NAME)
        assert server.shown(NAME) == undisturbed, (number, asked[number - 1])
        assert sync(shown, NAME) == SyncReport(records=1)
    tell(
        f"{len(failing)} of {len(asked)} requests lost, in {time.monotonic() - began:.0f} s: level after one more sync"
    )


def _only_asks(asked: str) -> bool:
    return asked.startswith("GET ") or asked.endswith("/search")


def _kinds(asked: Sequence[str]) -> list[str]:
    """Requests without what differs between two servers: numbers of experiments, runs and models."""
    return [re.sub(r"[0-9a-f]{32}|=[0-9]+$|/artifacts/[0-9]+/", "", what) for what in asked]


def test_what_mlflow_asks_twice_because_an_answer_was_lost_is_there_once(
    shown: Home, server: MlflowServer, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(shown, NAME)
    undisturbed = server.shown(NAME)
    made = [number for number, asked in enumerate(front.asked, start=1) if "create" in asked or _makes_model(asked)]
    assert len(made) == 4  # experiment, two runs, model
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    for number in made:
        as_new(server, shown)
        front.count_from_here(number, passed_on=True)
        with contextlib.suppress(TrackingFailed):
            sync(shown, NAME)
            assert server.shown(NAME) == undisturbed, front.asked[number - 1]
        sync(shown, NAME)
        assert server.shown(NAME) == undisturbed, front.asked[number - 1]


def _makes_model(asked: str) -> bool:
    return asked.startswith("POST") and asked.endswith("/logged-models")


@pytest.mark.parametrize("manner", WRONG, ids=lambda manner: manner.name.lower())
def test_whatever_answers_a_sync_ends_soon_with_one_line(shown: Home, front: Front, manner: Manner) -> None:
    assert shown.campaign(NAME).exists()
    front.behave(manner)
    began = time.monotonic()
    problem, remedy = refused("sync", NAME, code=5)
    tell(f"{time.monotonic() - began:.1f} s: {problem}")
    assert time.monotonic() - began < 30
    assert problem.startswith(f"MLflow at {front.uri}: ")
    assert len(problem) < 200
    assert "fer-exp sync" in remedy
    assert front.told < 4 * bounds.LARGEST_ANSWER
    front.behave(Manner.PASS_ON)
    assert done("sync", NAME).startswith(f"{NAME}: 1 record, 2 runs made")
    assert done("sync", NAME) == f"{NAME}: 1 record, nothing to do\n"


def test_a_server_whose_disk_is_full_is_brought_level_when_there_is_room(shown: Home, server: MlflowServer) -> None:
    sync(shown, NAME)
    undisturbed = server.shown(NAME)
    as_new(server, shown)
    server.fill_up()
    try:
        refused("sync", NAME, code=5)
    finally:
        server.make_room()
    sync(shown, NAME)
    assert server.shown(NAME) == undisturbed


# -- a search beside a server that is away


def space(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(block_dropout=hp.Choice("block_dropout", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], default=0.2))


TOY = Campaign(
    "toy", "?", space, Settings(algorithm=Algorithm.GRID, max_trials=TRIALS, epochs=3, limit=70), data="demo"
)


class Watching(Silence):
    """Does things when so many trials have ended; keeps what was said, and what was shown of tracking."""

    def __init__(self, when_ended: dict[int, Callable[[], None]] | None = None) -> None:
        self._when_ended = dict(when_ended or {})
        self.lines: list[str] = []
        self.tracking: list[str] = []

    def show(self, snapshot: Snapshot) -> None:
        if not self.tracking or self.tracking[-1] != snapshot.tracking:
            self.tracking.append(snapshot.tracking)
        for ended in [ended for ended in self._when_ended if ended <= snapshot.ended]:
            self._when_ended.pop(ended)()

    def say(self, line: str) -> None:
        self.lines.append(line)


def search(home: Home, watching: Watching) -> Result:
    conditions = Conditions(home, watching, entry=train_fake)
    return run_search(TOY, TOY.settings, "toy.py", "fingerprint", DataChoice("demo"), conditions)


def assert_complete(home: Home, result: Result) -> None:
    """Every trial was trained, once, to its end."""
    assert result.ending is Ending.DONE
    records = list(records_in(home.campaign("toy") / "trials"))
    assert [record.state() for record in records] == [State.FINISHED] * (TRIALS + 1)
    assert [len(list(record.path.glob("attempt-*.log"))) for record in records] == [1] * (TRIALS + 1)


def assert_level(home: Home, server: MlflowServer) -> None:
    """MLflow shows each record once, whole; and so it does after any number of syncs."""
    sync(home, "toy")
    shown = server.shown("toy")
    assert set(shown) == {"toy", "baseline", *(f"trial {number}" for number in range(1, TRIALS + 1)), "models"}
    for record in records_in(home.campaign("toy") / "trials"):
        number = record.spec().number
        points = shown[f"trial {number}" if number else "baseline"][0]  # type: ignore[index]
        told = [(step, value) for step, _, value in points["epoch/val/accuracy"]]
        assert told == [(row.epoch, row.val_accuracy) for row in record.history()]
    assert sync(home, "toy") == SyncReport(records=TRIALS + 1)
    assert server.shown("toy") == shown


@pytest.mark.parametrize(
    "manner", [Manner.REFUSE, Manner.ERROR, Manner.HTML, Manner.ENDLESS, Manner.HANG], ids=lambda manner: manner.name
)
def test_a_search_ends_as_ever_and_names_the_command_that_brings_mlflow_level(
    home: Home, tmp_path: Path, front: Front, monkeypatch: pytest.MonkeyPatch, manner: Manner
) -> None:
    quick_trials(monkeypatch)
    front.behave(manner)
    told = done("search", write_campaign(tmp_path))
    (behind,) = [line for line in told.splitlines() if line.startswith("MLflow:")]
    tell(behind)
    assert f"behind the records (MLflow at {front.uri}: " in behind
    assert behind.endswith("nothing is lost: fer-exp sync tiny")
    front.behave(Manner.PASS_ON)
    assert len(list(records_in(home.campaign("tiny") / "trials"))) == 3
    assert done("sync").startswith("tiny: 3 records, 4 runs made")
    assert done("sync") == "tiny: 3 records, nothing to do\n"


def test_a_server_that_is_killed_and_comes_back_is_level_at_the_end(home: Home, server: MlflowServer) -> None:
    watching = Watching({1: server.stop, 4: server.start})
    result = search(home, watching)
    assert_complete(home, result)
    assert result.behind is None
    assert_level(home, server)


def test_a_server_that_hangs_in_the_middle_holds_up_nothing(home: Home, server: MlflowServer) -> None:
    watching = Watching({2: server.hold})
    try:
        result = search(home, watching)
    finally:
        server.go_on()
    assert_complete(home, result)
    assert "it does not answer in time" in str(result.behind)
    assert_level(home, server)


def test_the_next_start_brings_mlflow_level_too(home: Home, server: MlflowServer, front: Front) -> None:
    front.behave(Manner.REFUSE)
    assert search(home, Watching()).behind is not None
    front.behave(Manner.PASS_ON)
    result = search(home, Watching())
    assert_complete(home, result)
    assert result.behind is None
    assert_level(home, server)


def the_tracker() -> psutil.Process:
    """The tracker's process: the one below the fork server that never ends by itself."""
    server = psutil.Process(forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]
    return min(server.children(), key=lambda process: process.create_time())


def test_a_tracker_that_stands_still_for_ever_is_waited_for_a_while_and_no_longer(
    home: Home, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "PATIENCE", 2.0)
    watching = Watching({0: lambda: the_tracker().suspend()})
    result = search(home, watching)
    assert_complete(home, result)
    assert result.behind == "it did not answer within 2 s"
    assert_level(home, server)


def test_ctrl_c_ends_the_wait_for_mlflow_and_nothing_else(
    home: Home, front: Front, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(Watching):
        def say(self, line: str) -> None:
            if line.startswith("Bringing MLflow level"):
                threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    front.behave(Manner.HANG)
    result = search(home, Impatient())
    assert_complete(home, result)
    assert result.behind is not None
    front.behave(Manner.PASS_ON)
    assert_level(home, server)


def test_mlflow_s_file_held_by_another_program_is_brought_level_later(
    mlflow_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    begin_campaign(mlflow_home)
    finish(begin(mlflow_home, 0, kind=Kind.BASELINE))
    fail(begin(mlflow_home, 1))
    train(begin(mlflow_home, 2), 3)
    with contextlib.closing(sqlite3.connect(mlflow_home.root / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        problem, _ = refused("sync", NAME, code=5)
        tell(f"{time.monotonic() - began:.1f} s: {problem}")
    assert "locked" in problem
    sync(mlflow_home, NAME)
    assert len(all_runs(mlflow_home)) == 4
    before = everything(mlflow_home)
    assert sync(mlflow_home, NAME) == SyncReport(records=3)
    assert everything(mlflow_home) == before
