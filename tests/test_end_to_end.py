"""The whole way through the real command, with real trainings: search, kill, resume, retrain, evaluate, load.

Networks are tiny and faces are drawn; everything else is what a person runs.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from fer_exp.campaign import Objective
from fer_exp.holdout.gap import GAP, Gap
from fer_exp.holdout.ledger import Opening
from fer_exp.leaderboard.rows import leaderboard
from fer_exp.records import Record, State
from fer_exp.system.files import whole_lines
from fer_exp.system.home import Home
from tests.commands import done, finish, start, trials, write_campaign
from tests.tracked import all_runs, client_of, run_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # starts Keras two dozen times; a busy machine needs long

PATIENCE = 120.0  # seconds for what takes a few
SOON = 20.0  # seconds in which processes whose parent was killed are gone
Board = list[tuple[int, float | None, int]]

LOAD = """
import sys
import mlflow, numpy as np
mlflow.set_tracking_uri(sys.argv[1])
faces = np.random.default_rng(1).integers(0, 256, (5, 48, 48, 1)).astype(np.float32)
served = np.asarray(mlflow.pyfunc.load_model(sys.argv[2]).predict(faces, params={"raw": True}))
import fer_exp.model  # the layers, as README.md asks before mlflow.keras
answer = np.asarray(mlflow.keras.load_model(sys.argv[2]).predict(faces))
print(served.shape, bool(np.allclose(served.sum(axis=1), 1, atol=1e-5)), bool((served == answer).all()))
"""


def board(home: Home) -> Board:
    return [(row.number, row.objective, row.epochs) for row in leaderboard(trials(home), Objective())]


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def attempts(home: Home) -> int:
    return len(list(home.campaigns.glob("tiny/trials/*/attempt-*.log")))


def family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The process and everything it has started."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


@dataclass(frozen=True)
class Searched:
    """What a search that nothing disturbed left."""

    home: Home
    told: str


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, mlflow_db: Path) -> Searched:
    """One search of a baseline and two trials, for all tests that go on from one."""
    folder = tmp_path_factory.mktemp("searched")
    home = Home(folder / "mlruns")
    home.root.mkdir()
    shutil.copyfile(mlflow_db, home.root / "mlflow.db")
    return Searched(home, finish(home, "search", write_campaign(folder)))


# -- from search to champion


def test_from_a_search_to_a_champion_that_anyone_can_load(searched: Searched, monkeypatch: pytest.MonkeyPatch) -> None:
    """In that search's own home: MLflow's file names it."""
    home = searched.home
    monkeypatch.setenv("FER_EXP_HOME", str(home.root))
    assert searched.told.splitlines()[-1] == "Next:    fer-exp retrain-best tiny --seeds 3"
    assert len(done("status", "tiny").splitlines()) >= 6
    assert {"history.png", "parallel.png"} <= {path.name for path in (home.campaign("tiny") / "figures").iterdir()}

    told = finish(home, "retrain-best", "tiny", "--trial", 1, "--seeds", 2)
    assert "A: tiny retrain of trial 1, 2 seeds (2, 3), up to 2 epochs" in told
    assert "B: tiny retrain of the baseline, 2 seeds (2, 3), up to 2 epochs" in told
    (answer,) = [line for line in told.splitlines() if line.startswith(("Better: ", "Not shown: ", "Worse: "))]
    found = json.loads(done("compare", "tiny", "tiny:baseline", "--json"))
    assert found["sentence"].startswith(f"{answer} That allows for ")
    assert found["judgement"]["images"] == 400
    assert "Registered: tiny version 1" in told
    assert told.splitlines()[-1] == "Next:    fer-exp evaluate --model models:/tiny@champion"
    assert {run.info.status for run in all_runs(home, "tiny")} == {"FINISHED"}

    told = finish(home, "evaluate", "--model", "models:/tiny@champion")
    assert "on the test part, protocol official" in told
    assert "opened 1 time, for 1 model" in told
    best, champion = leaderboard(trials(home), Objective())[0], _champion(home)
    for count, run_id in enumerate((champion, run_of(home, "trial 1", "tiny").info.run_id, _parent(home)), start=2):
        shown = json.loads(done("evaluate", "--run-id", run_id, "--again", "to see both", "--json"))
        assert shown["metrics"]["test/images"] == 400
        assert shown["run_id"] == run_id
        ledger = [Opening.from_json(line) for line in whole_lines(home.campaign("tiny") / "ledger.jsonl")]
        assert len(ledger) == count
        assert shown["record"] == f"campaigns/tiny/{ledger[-1].record}"
    assert ledger[-1].record == f"trials/{best.number:04d}"
    for run_id, record in ((champion, ledger[0].record), (run_of(home, "trial 1", "tiny").info.run_id, "trials/0001")):
        scores = Record(home.campaign("tiny") / record).test_scores()
        metrics = client_of(home).get_run(run_id).data.metrics
        assert {name: metrics[name] for name in scores} == pytest.approx(scores)

    loaded = subprocess.run(
        [sys.executable, "-c", LOAD, home.tracking_uri, "models:/tiny@champion"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.stdout.splitlines()[-1:] == ["(5, 7) True True"], loaded.stderr


def _champion(home: Home) -> str:
    return str(client_of(home).get_model_version_by_alias("tiny", "champion").run_id)


def _parent(home: Home) -> str:
    return str(run_of(home, "tiny", "tiny").info.run_id)


@pytest.fixture
def server(tmp_path: Path, mlflow_db: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real MLflow server on loopback, which this test starts and ends; `MLFLOW_TRACKING_URI` names it."""
    store = tmp_path / "server.db"
    store.write_bytes(mlflow_db.read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{store}", "--artifacts-destination", str(tmp_path / "artifacts")]
    process = subprocess.Popen(
        command,
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=tmp_path,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(f"{address}/health")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_the_same_way_on_a_real_server(home: Home, tmp_path: Path, server: str) -> None:
    told = finish(home, "search", write_campaign(tmp_path, trials=0))
    assert server in told
    told = finish(home, "retrain-best", "tiny")
    assert "Registered: tiny version 1" in told
    json.loads(done("evaluate", "--model", "models:/tiny@champion", "--json"))
    assert not (home.root / "mlflow.db").exists()
    runs = all_runs(home, "tiny")
    assert len(runs) == 3
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert "test/accuracy" in client_of(home).get_run(_champion(home)).data.metrics


def test_the_reference_is_reproduced_beside_its_own_figures(home: Home) -> None:
    command = ("baseline", "--protocol", "reference", "--data", "demo", "--epochs", 1, "--limit", 140, "--no-tracking")
    told = finish(home, *command)
    assert "leaky: its validation part holds copies of training images" in told
    table = told[told.index("images  ") :].splitlines()
    assert [line.split("  ")[0] for line in table[1:7]][3:] == [
        f"reference: {x}" for x in ("validation", "test", "gap")
    ]
    name = "baseline-reference-1e-limit140"
    gap = Gap.read(Record(home.campaign(name) / "trials/0000").path / GAP)
    assert gap.reproduces_reference
    assert gap.validation.copies > 0
    assert done(*command).splitlines()[-8:] == told.splitlines()[-8:]
    assert len(whole_lines(home.campaign(name) / "ledger.jsonl")) == 1  # the second time told what the first had found

    assert "opened 2 times, for 1 model" in done("evaluate", "--record", name, "--no-tracking")
    assert not (home.root / "mlflow.db").exists()


def test_a_training_is_reproduced_to_the_last_bit(searched: Searched, home: Home) -> None:
    shutil.copytree(searched.home.campaign("tiny"), home.campaign("tiny"))
    told = done("reproduce", "tiny/trials/0001", "--no-tracking", "--fail-if-not-equal")
    assert "Equal: all numbers of 2 epochs and all 400 predictions" in told


# -- killed in the middle


def _in_the_middle(home: Home) -> bool:
    """A trial, not the baseline, has finished, and another has begun."""
    records = trials(home)
    ended = [record.path.name for record in records if (record.path / "outcome.json").exists()]
    begun = [record for record in records if list(record.path.glob("attempt-*.log"))]
    return max(ended, default="0000") > "0000" and len(begun) > len(ended)


def test_a_search_killed_in_the_middle_ends_as_if_it_had_not_been(
    mlflow_home: Home, tmp_path: Path, searched: Searched
) -> None:
    """From start to end with MLflow; tests/promises/test_killed_real.py kills many times."""
    home, file = mlflow_home, write_campaign(tmp_path)
    process = start(home, "search", file)
    wait_for(lambda: _in_the_middle(home), process)
    before = family(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(before, timeout=SOON)
    assert alive == []
    assert len(before) > 2

    finish(home, "search", file)
    assert board(home) == board(searched.home)
    assert [record.spec().number for record in trials(home)] == list(range(len(trials(home))))
    for record in trials(home):
        assert record.state() is State.FINISHED
        assert [epoch.epoch for epoch in record.history()] == list(range(1, record.spec().epochs + 1))
    runs = all_runs(home, "tiny")
    assert len(runs) == len(trials(home)) + 1
    assert {run.info.status for run in runs} == {"FINISHED"}


# -- stopped on request


def test_a_search_stops_on_request_at_once_on_a_second_and_goes_on(mlflow_home: Home, tmp_path: Path) -> None:
    home, file = mlflow_home, write_campaign(tmp_path)
    command = ("search", str(file), "--no-tracking")
    again = f"Go on: fer-exp {' '.join(command)}"

    process = start(home, *command)
    wait_for(lambda: attempts(home) == 2, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    written, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 75, said
    assert again in written
    assert "Traceback" not in said

    process = start(home, *command)
    wait_for(lambda: attempts(home) == 3, process)
    asked = time.monotonic()
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.5)
    written, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 75, said
    assert again in written
    assert "Traceback" not in said
    assert time.monotonic() - asked < SOON
    ended = [record for record in trials(home) if record.outcome() is not None]
    assert 1 <= len(ended) < 3

    finish(home, *command)
    assert [record.state() for record in trials(home)] == [State.FINISHED] * 3
    assert [len(record.history()) for record in trials(home)] == [2, 2, 2]
    assert all_runs(home, "tiny") == []
    assert done("sync").startswith("tiny: 3 records, 4 runs made")
    assert {run.info.status for run in all_runs(home, "tiny")} == {"FINISHED"}
    assert done("sync", "tiny") == "tiny: 3 records, nothing to do\n"
