"""A nursery of drivers: one process that has loaded what a search needs, and forks a driver at every request.

In: arguments of `fer-exp`. Out: processes in groups of their own. Only the first costs seconds: a driver's fork server,
and all that comes out of it, are forked as well, in the place of fresh interpreters, and find everything loaded.
"""

import contextlib
import gc
import importlib
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import psutil

from fer_exp.execute.entry import TRAINING, follow_records, train_record
from fer_exp.execute.task import Task
from fer_exp.system.home import Home
from tests import faults
from tests.fake_trials import train_fake
from tests.warming import warm_up

CHECKOUT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0  # seconds for a driver that takes a few
TICK = 0.005
LOADED_BY_MLFLOW = ("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store")


class Trials(StrEnum):
    """What trials are, to the drivers of one nursery."""

    FAKE = "fake"  # they train nothing, and need no Keras
    REAL = "real"  # they train with Keras


def train_faulty(task: Task, parent: Connection) -> None:
    """Entry of a trial's process: a fake trial, with the fault of the environment."""
    faults.install("trial")
    train_fake(task, parent)


def train_really(task: Task, parent: Connection) -> None:
    """Entry of a trial's process: a real training, with the fault of the environment."""
    from fer_exp.execute.child import _Line  # the nursery has loaded it

    faults.install("trial", _Line)
    train_record(task, parent)


def follow_faulty(home: Path, campaign: str, control: Connection) -> None:
    """Entry of the tracker's process, with the fault of the environment."""
    from mlflow import MlflowClient  # as above

    faults.install("tracker", MlflowClient)
    follow_records(home, campaign, control)


# -- seen from a test


@dataclass
class Driver:
    """A command at work, in a process group of its own."""

    nursery: "Nursery"
    pid: int
    output: Path
    code: int | None = None  # once it has ended

    def kill(self, *, family: bool = False) -> None:
        """Kills the group, if it is still there; with `family`, at the same moment all that came out of it."""
        if self.ended() is not None:
            return
        descendants = psutil.Process(self.pid).children(recursive=True) if family else []
        os.killpg(self.pid, signal.SIGKILL)
        for process in descendants:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def ended(self) -> int | None:
        """Its exit code, minus the signal that killed it; None while it works."""
        if self.code is None:
            self.code = self.nursery.ask(wait=self.pid)
        return self.code

    def wait(self) -> int:
        """Its exit code, once it has one."""
        if self.code is not None:
            return self.code
        ending = os.pidfd_open(self.pid)  # it becomes readable when the process ends, which nobody but us collects
        try:
            assert select.select([ending], [], [], PATIENCE)[0], self.said
        finally:
            os.close(ending)
        code = self.ended()
        assert code is not None
        return code

    @property
    def said(self) -> str:
        """What it wrote to standard output and standard error."""
        return self.output.read_text(errors="replace")


class Nursery:
    """Starts drivers for one home after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.started: set[int] = set()  # the drivers' numbers, which are those of their sessions

    def ask(self, **request: Any) -> Any:
        """One question, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(
        self,
        home: Home,
        *arguments: object,
        fault: faults.Fault | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> Driver:
        """Gives `fer-exp` with these arguments, and with these variables in its environment."""
        output = home.root.parent / "output.txt"
        environment = {"FER_EXP_HOME": str(home.root), **(fault.environment() if fault else {}), **variables}
        pid = self.ask(arguments=[str(argument) for argument in arguments], output=str(output), environment=environment)
        self.started.add(int(pid))
        return Driver(self, int(pid), output)

    def run(self, home: Home, *arguments: object, **conditions: Any) -> tuple[int, str]:
        """The same to its end: exit code, and what it said."""
        driver = self.start(home, *arguments, **conditions)
        return driver.wait(), driver.said


@contextmanager
def nursery(trials: Trials = Trials.FAKE) -> Iterator[Nursery]:
    """A nursery, for as long as the block lasts; where nothing is trained, half as large without TensorFlow."""
    backend = {"KERAS_BACKEND": "numpy"} if trials is Trials.FAKE else {}
    with serving(f"from tests.nursery import Trials, serve; serve(Trials({trials.value!r}))", **backend) as ready:
        yield ready


@contextmanager
def serving(program: str, **environment: str) -> Iterator[Nursery]:
    """A nursery whose own process runs `program`, for as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=CHECKOUT,
    )
    with process:
        try:
            yield Nursery(process)
        finally:
            process.kill()


# -- its own process


def serve(trials: Trials) -> None:
    """Answers requests until its standard input ends; in a forked driver, runs the command instead."""
    from fer_exp.system.stderr import stderr_to

    with stderr_to():
        _load(trials)
    answer_requests()


def answer_requests() -> None:
    """Starts drivers, and says how they ended."""
    gc.collect()
    gc.freeze()  # a collection in a fork would touch, and so copy, all that was loaded
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _answer(_code_of(request["wait"]))
            continue
        pid = os.fork()
        if pid == 0:
            _become(request)
            _give_command()
        _answer(pid)


def _give_command() -> NoReturn:
    """The command to its end, without taking apart what was loaded, which takes a second."""
    from fer_exp.cli import main

    code: object = 1
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _load(trials: Trials) -> None:
    """All that drivers, trials and trackers load, and what makes them quick; no device is touched."""
    from fer_exp import tracking
    from fer_exp.execute import tracker

    assert tracking
    for name in LOADED_BY_MLFLOW:
        importlib.import_module(name)
    entry, loads = train_faulty, "tests.nursery"
    if trials is Trials.REAL:
        from fer_exp.execute import child

        assert child
        entry, loads = train_really, TRAINING
    warm_up(entry=entry, loads=loads)
    setattr(tracker, "follow_records", follow_faulty)  # noqa: B010  # the search makes its tracker by this name
    setattr(util, "spawnv_passfds", _fork_instead)  # noqa: B010  # so that it forks


def _fork_instead(_executable: str, arguments: Sequence[str], kept: Sequence[int]) -> int:
    """Runs what `python -c` was to run, in a fork: the fork server and its resource tracker, without their loading."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        bounds = sorted({2, *kept, os.sysconf("SC_OPEN_MAX")})
        for below, above in itertools.pairwise(bounds):
            os.closerange(below + 1, above)
        forkserver._forkserver._lock = threading.Lock()  # type: ignore[attr-defined]  # held by who starts a fork server
        exec(arguments[-1], {})
        code = 0
    finally:
        os._exit(code)


def _answer(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _code_of(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(request: dict[str, Any]) -> None:
    """A driver: a session of its own, nothing of the nursery's, the fault of its environment."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor, number in ((null, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
    os.environ |= request["environment"] | {faults.GROUP: str(os.getpid())}
    sys.argv = ["fer-exp", *request["arguments"]]
    mlflow = sys.modules.get("mlflow")  # `sync` talks to MLflow itself; who has not loaded it does not
    faults.install("driver", *([mlflow.MlflowClient] if mlflow else []))
