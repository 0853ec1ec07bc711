"""The tracker's process: shows epochs as they come, outlives a store that breaks, and never outlives its parent."""

import multiprocessing
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from fer_exp.records import Record
from fer_exp.system.home import Home
from fer_exp.tracking import follow
from tests.tracked import (
    NAME,
    all_runs,
    begin,
    points,
    run_of,
    train,
)


@pytest.fixture
def tracker(shown: Home) -> Iterator[tuple[Connection, multiprocessing.process.BaseProcess]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=follow, args=(shown.root, NAME, theirs))
    process.start()
    theirs.close()
    yield ours, process
    process.kill()
    process.join()


def heard(line: Connection, wanted: Callable[[tuple[str, object]], bool], seconds: float = 60) -> tuple[str, object]:
    deadline = time.monotonic() + seconds
    while line.poll(max(0.0, deadline - time.monotonic())):
        word: tuple[str, object] = line.recv()
        if wanted(word):
            return word
    raise AssertionError("the tracker did not say it in time")


def test_the_tracker_shows_epochs_as_they_come_and_ends_when_told(
    shown: Home, tracker: tuple[Connection, multiprocessing.process.BaseProcess]
) -> None:
    line, process = tracker
    assert heard(line, lambda word: word[0] == "level") == ("level", 3)
    train(Record(shown.campaign(NAME) / "trials" / "0002"), 4)
    heard(line, lambda word: word[0] == "level")
    assert len(points(shown, "trial 2", "fit/train_loss")) == 4
    begin(shown, 3)
    assert heard(line, lambda word: word[0] == "level") == ("level", 4)
    line.send(("finish", "interrupted"))
    heard(line, lambda word: word == ("done", None))
    process.join(10)
    assert process.exitcode == 0
    assert run_of(shown, NAME).info.status == "KILLED"


def test_the_tracker_leaves_at_once_when_its_parent_dies(
    tracker: tuple[Connection, multiprocessing.process.BaseProcess],
) -> None:
    line, process = tracker
    heard(line, lambda word: word[0] == "level")
    line.close()
    process.join(2)
    assert process.exitcode == 0


def test_the_tracker_leaves_at_once_even_where_a_server_hangs(shown: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        process = context.Process(target=follow, args=(shown.root, NAME, theirs))
        process.start()
        theirs.close()
        silent.settimeout(60)
        asked, _ = silent.accept()  # from here on it waits for an answer that never comes
        ours.close()
        process.join(2)
        asked.close()
        assert process.exitcode == 0


def test_the_tracker_outlives_a_store_that_breaks_and_says_why_it_is_behind(
    shown: Home, mlflow_db: Path, tracker: tuple[Connection, multiprocessing.process.BaseProcess]
) -> None:
    line, _ = tracker
    heard(line, lambda word: word[0] == "level")
    for table in shown.root.glob("mlflow.db*"):
        table.unlink()
    (shown.root / "mlflow.db").write_text("no database")
    train(Record(shown.campaign(NAME) / "trials" / "0002"), 6)
    assert "mlflow.db" in str(heard(line, lambda word: word[0] == "behind")[1])
    shutil.copyfile(mlflow_db, shown.root / "mlflow.db")
    heard(line, lambda word: word[0] == "level")
    line.send(("finish", "finished"))
    heard(line, lambda word: word == ("done", None))
    assert len(points(shown, "trial 2", "fit/train_loss")) == 6
    assert len(all_runs(shown)) == 4
