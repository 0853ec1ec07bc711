"""One small search in fractions of a second, any of whose operations on files can fail, or be its last.

In: a folder. Out: drivers as in `tests.nursery`, here forked together with their trials from one process that has
loaded everything. Real are the command, the loop, Keras Tuner, the record and the trial's own process; not done are
what takes long and writes nothing that anything rests on: Keras's fit and prediction, and figures.
"""

import contextlib
import functools
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.prepare import Development, Split
from fer_exp.doctor import Code, examine
from fer_exp.execute.task import Task
from fer_exp.metrics.calibration import CALIBRATION, Calibration, calibration_at
from fer_exp.recipe import Recipe
from fer_exp.records import Epoch, Record, best_epoch, now_ms
from fer_exp.records.digest import checkpoint_of
from fer_exp.system import lock
from fer_exp.system.errors import ExitCode
from fer_exp.system.files import replacing, sha256_of, write_atomically
from fer_exp.system.home import Home
from tests.fake_trials import accuracy
from tests.faults import Fault
from tests.killing import Board, assert_whole, prepared
from tests.nursery import Nursery, answer_requests, serving
from tests.warming import warm_up

# Trial 1 is the baseline again, and so answered by it; trial 2 is trained; and one model of the two is dropped.
CAMPAIGN = '''"""A campaign for sweeps."""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe

BASELINE = baseline_recipe().but(widths=(4,), last_width=8, head_widths=(8,), head_dropouts=(0.1,), block_dropout=0.2)


def space(hp: HyperParameters) -> Recipe:
    """One number, and the baseline's first."""
    return BASELINE.but(block_dropout=hp.Choice("block_dropout", [0.2, 0.3], default=0.2))


campaign = Campaign(
    name="tiny",
    question="What if it stops here?",
    space=space,
    baseline=BASELINE,
    settings=Settings(algorithm=Algorithm.GRID, max_trials=2, epochs=2, limit=140, keep_models=1),
    data="demo",
)
'''


def campaign(folder: Path) -> tuple[Home, Path]:
    """An empty home with prepared data, and the campaign's file."""
    home, file = Home(folder / "mlruns"), folder / "tiny.py"
    home.root.mkdir(parents=True, exist_ok=True)
    home.cache.symlink_to(prepared())
    file.write_text(CAMPAIGN)
    return home, file


@contextmanager
def sweepers() -> Iterator[Nursery]:
    """Whoever starts drivers. Without TensorFlow, for which there is nothing to do, they are half as large."""
    with serving("from tests.sweeping import serve; serve()", KERAS_BACKEND="numpy") as ready:
        yield ready


def watched(drivers: Nursery, folder: Path) -> tuple[Home, list[str]]:
    """A search that nothing happens to, and its operations, a line each."""
    home, file = campaign(folder)
    trace = folder / "trace"
    marker = str(folder / "happened")
    fault = Fault(process="driver", forks=True, under=str(home.root), marker=marker, nth=0, trace=str(trace))
    code, said = drivers.run(home, "search", file, "--no-tracking", fault=fault)
    assert code == 0, said
    return home, trace.read_text().splitlines()


# -- the process that drivers are forked from


def serve() -> None:
    """As `tests.nursery.serve`."""
    from fer_exp import results
    from fer_exp.execute import child
    from fer_exp.system import provenance
    from fer_exp.system.stderr import stderr_to
    from fer_exp.tuning import run as search_run

    with stderr_to():
        warm_up(entry=attempt)
    _replace(search_run, start_fork_server=lambda *_: multiprocessing.get_context("fork"))
    _replace(child, train=_train, _kept=_kept)
    _replace(results, _write_figures=lambda *_: None, _write_calibration=_write_calibration)
    _replace(provenance, collect=dict, device=dict)  # starts git three times
    _calibration(sum(DataInfo.read(next(prepared().rglob("info.json"))).validation_counts))  # scikit-learn is slow once
    answer_requests()


def attempt(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process, which has of the driver what one from a fork server has: no output, no lock."""
    from fer_exp.execute.child import run

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them
            if descriptor.readlink().name == lock.FILE:
                os.close(int(descriptor.name))
    run(task, parent)


def _replace(module: Any, **by: Any) -> None:
    for name, value in by.items():
        assert hasattr(module, name)
        setattr(module, name, value)


class _Model:
    """As much of a Keras model as an attempt asks of it."""

    def save(self, path: Path) -> None:
        path.write_bytes(b"model")

    def count_params(self) -> int:
        return 1


def _train(record: Record, _development: Development, listener: Any) -> Any:
    """Writes what `fer_exp.training.train.train` would, as it does."""
    from fer_exp.training.train import Progress, Trained

    spec = record.spec()
    last = len(record.history())
    if last:
        checkpoint_of(record, record.history(), last)  # training goes on from it
    for epoch in range(last + 1, spec.epochs + 1):
        listener.progress(Progress(epoch, 0, 1))
        with replacing(record.checkpoint(epoch)) as temporary:
            temporary.write_bytes(f"weights after {epoch}".encode())
        value = accuracy(spec.recipe, epoch)
        record.append(
            Epoch(
                epoch=epoch,
                train_loss=1 / epoch,
                train_accuracy=value,
                val_loss=1 / epoch,
                val_accuracy=value,
                learning_rate=spec.recipe.learning_rate,
                seconds=1.0,
                images_per_second=1000,
                time_ms=now_ms(),
                checkpoint_sha256=sha256_of(record.checkpoint(epoch)),
            )
        )
    history = record.history()
    checkpoint_of(record, history, best_epoch(history))  # the model is made of it
    return Trained(_Model(), True, (20,) * 7)


def _kept(_trained: Any, recipe: Recipe, split: Split, _info: object) -> tuple[_Model, Any, Calibration]:
    """The better the recipe, the more faces are taken for what they are."""
    right = np.arange(len(split)) % 10 < 10 * accuracy(recipe, 1)
    said = np.where(right, split.labels, (split.labels + 1) % 7)
    return _Model(), np.eye(7, dtype=np.float32)[said], _calibration(len(split))


@functools.cache
def _calibration(images: int) -> Calibration:
    labels = np.arange(images, dtype=np.uint8) % 7
    return calibration_at(labels, np.full((images, 7), 1 / 7, np.float32), 1.0, applied=False)


def _write_calibration(record: Record, _predictions: Any, calibration: Calibration, prefix: str) -> None:
    write_atomically(record.path / prefix / CALIBRATION, calibration.to_json(indent=1))


# What may be left half written, and the next start clears.
PASSING = {Code.TORN_LINE, Code.LEFTOVER_FILE, Code.LEFTOVER_CHECKPOINT, Code.LOCK_STALE}


@contextmanager
def place() -> Iterator[Path]:
    """A folder in memory where there is such a thing: hundreds of searches wait for the disk thousands of times."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="fer-exp-sweep-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def assert_nothing_wrong(home: Home, expected: Board) -> None:
    """Every record whole, the leaderboard as it should be, nothing lying about, and a doctor who agrees."""
    assert_whole(home, expected)
    assert [finding.line for finding in examine(home, ["tiny"], tracking=False).left] == []


def assert_told(said: str, code: int) -> None:
    """A problem and a remedy, in two lines, as the last of what was said; the same for every failure of a disk."""
    assert "Traceback" not in said
    problem, remedy = said.splitlines()[-2:]
    assert problem.startswith("fer-exp: ")
    assert remedy.startswith(" " * 9)
    words = {ExitCode.NO_SPACE: ("is full", "Free some space"), ExitCode.DISK_FAILED: ("failed", "See to the disk")}
    what, do = words[ExitCode(code)]
    assert f"the disk {what}: " in problem
    assert f"All that was complete is kept. {do}" in remedy
    assert "give the same command again." in remedy
