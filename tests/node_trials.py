"""Trials that train nothing and look at the node they run on, or find it broken.

In: a task. Out: the record of a fake trial. In a module of its own, because each attempt's process loads it anew: a
module that loads Keras, or all that a test needs, would cost each attempt more than its epochs.
"""

import os
from multiprocessing.connection import Connection

from fer_exp.execute.task import Task
from fer_exp.system.errors import ExitCode
from tests.fake_trials import train_fake

FAKE = "tests.fake_trials:train_fake"
SEEING, FULL, HEAVY = (f"{__name__}:{name}" for name in ("train_seeing", "train_on_full_disk", "train_heavy"))
HEAVY_BYTES = 100 * 1024**2  # more than the object store of a test's node holds
REPORT_BYTES = 16 * 1024**2


def train_seeing(task: Task, parent: Connection) -> None:
    """A fake trial that writes what it sees of its node."""
    data = sorted(path.name for path in task.development.iterdir())
    names = ("CUDA_VISIBLE_DEVICES", "KERAS_BACKEND", "TF_FORCE_GPU_ALLOW_GROWTH")
    seen = [f"{name}={os.environ.get(name)}" for name in names]
    (task.record / "report.txt").write_text("\n".join([str(task.development), ",".join(data), *seen]))
    train_fake(task, parent)


def train_on_full_disk(task: Task, parent: Connection) -> None:
    """A trial whose first attempt finds its node's disk full."""
    if task.attempt == 1:
        os._exit(ExitCode.NO_SPACE)
    train_fake(task, parent)


def train_heavy(task: Task, parent: Connection) -> None:
    """A trial whose first attempt leaves a result that no object store of a test holds."""
    if task.attempt == 1:
        with (task.record / "large.bin").open("wb") as opened:
            opened.truncate(HEAVY_BYTES)
    train_fake(task, parent)


def train_with_large_report(task: Task, parent: Connection) -> None:
    """A fake trial with a report that takes a while on a thin line."""
    (task.record / "report.txt").write_bytes(bytes(range(256)) * (REPORT_BYTES // 256))
    train_fake(task, parent)
