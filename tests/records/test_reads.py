"""A record is read once where all of it is needed: its files are opened once, not once for each who asks."""

from collections import Counter
from pathlib import Path
from typing import BinaryIO

import pytest

from fer_exp.campaign import Objective
from fer_exp.data.split.prepare import Development
from fer_exp.leaderboard.rows import leaderboard, whole
from fer_exp.records import Kind, records_in
from fer_exp.system import files
from fer_exp.system.home import Home
from fer_exp.tracking.projection import Projection
from fer_exp.tracking.store import holding
from fer_exp.training.train import Listener, Progress, train
from tests.made_records import made_record, made_scores
from tests.tracked import NAME, begin, begin_campaign, finish
from tests.trainings import Stopping, demo_development, new_record

PARTS = ("trial.json", "outcome.json", "history.jsonl", "scores.json")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file of a record was opened to be read, by name."""
    count: Counter[str] = Counter()
    real = files.open_file

    def counting(path: Path, largest: int = files.LARGEST) -> BinaryIO:
        count[path.name] += 1
        return real(path, largest)

    monkeypatch.setattr(files, "open_file", counting)
    return count


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Development:
    return demo_development(tmp_path_factory.mktemp("cache"))


def test_a_leaderboard_reads_each_file_of_a_record_once(tmp_path: Path, opened: Counter[str]) -> None:
    for number in range(3):
        made_record(tmp_path, number, made_scores(0.6))
    opened.clear()
    found, _ = whole(records_in(tmp_path))
    assert len(leaderboard(found, Objective())) == 3
    assert {name: opened[name] for name in PARTS} == dict.fromkeys(PARTS, 3)


def test_a_record_is_shown_in_mlflow_by_one_read(mlflow_home: Home, opened: Counter[str]) -> None:
    folder = begin_campaign(mlflow_home)
    record = finish(begin(mlflow_home, 1, kind=Kind.TRIAL))
    with holding(folder / "tracking.lock"):
        projection = Projection(mlflow_home, NAME)
        opened.clear()
        assert projection.level(record, growing=False) is not None
    assert {name: opened[name] for name in PARTS} == dict.fromkeys(PARTS, 1)


class AtFirstBatch(Listener):
    """Notes what had been read when training began."""

    def __init__(self, opened: Counter[str]) -> None:
        self._opened = opened
        self.reads: dict[str, int] | None = None

    def progress(self, progress: Progress) -> None:
        if self.reads is None:
            self.reads = dict(self._opened)


def test_a_training_reads_its_record_once_before_the_first_batch(
    development: Development, tmp_path: Path, opened: Counter[str]
) -> None:
    record = new_record(tmp_path / "0001", epochs=2)
    train(record, development, Stopping(1))
    assert len(record.history()) == 1
    listener = AtFirstBatch(opened)
    opened.clear()
    train(record, development, listener)
    assert listener.reads is not None
    assert {name: listener.reads.get(name) for name in ("trial.json", "history.jsonl")} == {
        "trial.json": 1,
        "history.jsonl": 1,
    }
