"""A real server and MLflow's pages: on loopback, on a free port, the same runs as in a file."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fer_exp.records import Kind, Record
from fer_exp.system.home import Home
from fer_exp.tracking import SyncReport, serve_ui, sync
from fer_exp.tracking.mapping import epoch_metrics
from tests.made_records import made_history
from tests.tracked import (
    NAME,
    begin,
    begin_campaign,
    client_of,
    everything,
    fail,
    finish,
    models_in,
    run_of,
)


def answers(url: str, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.2)
    return False


def listening(pid: int) -> set[str]:
    """The addresses at which a process and its children listen."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    sockets = [entry for one in family for entry in one.net_connections("tcp")]
    return {entry.laddr.ip for entry in sockets if entry.status == psutil.CONN_LISTEN}


SHOW = "import sys; from fer_exp.system.home import Home; from fer_exp.tracking import serve_ui; " + (
    "sys.exit(serve_ui(Home.from_environment(), int(sys.argv[1])))"
)


@pytest.fixture
def served(mlflow_home: Home) -> Iterator[tuple[str, str]]:
    """MLflow's pages on a home while another program has the wanted port: their address, and what was said."""
    assert mlflow_home.root.exists()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-c", SHOW, str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"MLFLOW_HOST": "0.0.0.0", "UVICORN_HOST": "0.0.0.0"},
        )
        assert process.stdout is not None
        said = "".join(process.stdout.readline() for _ in range(4))
        address = next(word for word in said.split() if word.startswith("http"))
        try:
            assert answers(f"{address}/health")
            assert listening(process.pid) == {"127.0.0.1"}
            yield address, said
        finally:
            process.terminate()
            assert process.wait(30) == 0
            process.stdout.close()
        assert not answers(f"{address}/health", seconds=0.5)


def test_a_real_server_shows_the_same_and_takes_it_twice(
    served: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, said = served
    assert "is busy; taking" in said
    for name in ("MLFLOW_HOST", "UVICORN_HOST"):
        assert f"{name}=0.0.0.0 is not followed" in said
    home = Home(tmp_path / "elsewhere")
    begin_campaign(home)
    finish(begin(home, 0, kind=Kind.BASELINE))
    fail(begin(home, 1))
    sync(home, NAME)
    own = everything(home)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    sync(home, NAME)
    assert everything(home) == own
    assert sync(home, NAME) == SyncReport(records=2)
    for note in home.campaign(NAME).rglob("tracking.json"):
        note.unlink()
    sync(home, NAME)
    assert everything(home) == own

    run = run_of(home, "baseline")
    client_of(home).log_batch(run.info.run_id, epoch_metrics(made_history(12, seed=0)))  # the same points once more
    assert everything(home) == own
    assert len(models_in(home)) == 1
    Record(home.campaign(NAME) / "trials" / "0000").model.unlink()
    assert sync(home, NAME).models_deleted == 1
    assert models_in(home) == []
    said_of_it: list[str] = []
    assert serve_ui(home, say=said_of_it.append) == 0
    assert said_of_it[0] == f"MLflow answers at {address}"
    assert said_of_it[1].startswith(f"  {NAME}: {address}/#/experiments/")
