"""The start of a trial's process: a fork of a server that has Keras loaded, against a new Python that loads it.

Beyond training means: until the first epoch begins, less the building and compiling that a process already at work
needs as well.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

from benchmarks.fakes import say_hello
from benchmarks.setting import CHECKOUT, Setting
from benchmarks.sides import Goal, Row, Side, in_turns, row
from benchmarks.toy import BASELINE
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.execute.entry import train_record
from fer_exp.execute.local import start_fork_server
from fer_exp.execute.task import Task
from fer_exp.records import Kind, Record, TrialSpec

LIMIT = 70


def rows(setting: Setting) -> Iterator[Row]:
    """Until its first line runs; until its first epoch begins."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        context = start_fork_server(home / "log")
        development = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=LIMIT, cache=home / "cache")
        development.train(clahe=True), development.validation(clahe=True)
        _hello(context)  # the server has loaded everything now
        _to_first_epoch(context, home / "0", development)
        times = setting.pick(3, 1)
        ways = {"fer-exp, its first line": lambda: _hello(context), "a new Python that loads Keras": _new_python}
        hello, new = in_turns(ways, times)
        numbers = iter(range(1, times + 1))
        ways = {
            "fer-exp, its first epoch": lambda: _to_first_epoch(context, home / str(next(numbers)), development),
            "build and compile in a process at work": _build,
        }
        _build()
        first, built = in_turns(ways, times)
    beyond = Side("fer-exp, beyond training", tuple(a - built.median for a in first.values))
    note = "the goal is about the first epoch's begin, less building and compiling"
    yield row(
        "start of a trial's process, beyond training",
        [beyond, hello, first, built, new],
        beyond.median,
        Goal(high=0.3, unit=" s"),
        note,
    )


def _hello(context: ForkServerContext) -> float:
    began = time.monotonic()
    ours, theirs = context.Pipe()
    process = context.Process(target=say_hello, args=(theirs,))
    process.start()
    said = float(ours.recv())
    process.join()
    return said - began


def _to_first_epoch(context: ForkServerContext, path: Path, development: Development) -> float:
    info = development.info
    digests = {"data_digest": info.data_digest, "split_digest": info.split_digest, "protocol": info.protocol.value}
    record = Record.create(
        path,
        TrialSpec(campaign="x", kind=Kind.TRIAL, number=1, seed=1, recipe=BASELINE, epochs=1, horizon=1, **digests),
    )
    task = Task(record.path, development.folder, 1, keep_checkpoints=False, threads=0)
    ours, theirs = context.Pipe()
    began = time.monotonic()
    process = context.Process(target=train_record, args=(task, theirs))
    process.start()
    ours.recv()  # sent when the first epoch begins
    seconds = time.monotonic() - began
    process.join()
    return seconds


def _build() -> float:
    from fer_exp.model import build, compile_model  # loaded before the clock starts

    began = time.monotonic()
    model = build(BASELINE, 1, to_train=True)
    compile_model(model, BASELINE, steps_per_epoch=3, horizon=1)
    model.optimizer.build(model.trainable_variables)
    return time.monotonic() - began


def _new_python() -> None:
    subprocess.run([sys.executable, "-c", "import keras"], cwd=CHECKOUT, check=True, capture_output=True)
