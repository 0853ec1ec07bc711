"""Drivers to be killed again and again: the real command on trials that train nothing, started in no time.

In: arguments of `fer-exp`. Out: processes in groups of their own, and what is left of their campaign. A nursery is one
process that has loaded what the command needs and forks a driver at every request; only the first costs seconds.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import psutil

from fer_exp.data.prepare import prepare
from fer_exp.data.protocol import Protocol
from fer_exp.execute.entry import Task
from fer_exp.files import TEMPORARY
from fer_exp.home import Home
from fer_exp.records import Record, State, records_in
from tests import faults
from tests.fake_trials import train_fake

CHECKOUT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0  # seconds for a driver that takes a few
SOON = 20.0  # seconds in which processes whose search was killed are gone
TICK = 0.005

Board = list[tuple[int, float | None, int, str]]


def train_faulty(task: Task, parent: Connection) -> None:
    """Entry of a trial's process: a fake trial, with the fault of the environment."""
    faults.install("trial")
    train_fake(task, parent)


# -- the nursery, seen from a test


@dataclass
class Driver:
    """A search at work, in a process group of its own."""

    nursery: "Nursery"
    pid: int
    output: Path
    code: int | None = None  # once it has ended

    def kill(self) -> None:
        """Kills the group, if it is still there."""
        if self.ended() is None:
            os.killpg(self.pid, signal.SIGKILL)

    def ended(self) -> int | None:
        """Its exit code, minus the signal that killed it; None while it works."""
        if self.code is None:
            self.code = self.nursery.ask(wait=self.pid)
        return self.code

    def wait(self) -> int:
        """Its exit code, once it has one."""
        deadline = time.monotonic() + PATIENCE
        while (code := self.ended()) is None:
            assert time.monotonic() < deadline, self.said
            time.sleep(TICK)
        return code

    @property
    def said(self) -> str:
        """What it wrote to standard output and standard error."""
        return self.output.read_text(errors="replace")


class Nursery:
    """Starts drivers for one home after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **request: Any) -> Any:
        """One question, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, home: Home, *arguments: object, fault: faults.Fault | None = None) -> Driver:
        """Gives `fer-exp` with these arguments."""
        output = home.root.parent / "output.txt"
        environment = {"FER_EXP_HOME": str(home.root), **(fault.environment() if fault else {})}
        pid = self.ask(arguments=[str(argument) for argument in arguments], output=str(output), environment=environment)
        return Driver(self, int(pid), output)

    def run(self, home: Home, *arguments: object, fault: faults.Fault | None = None) -> tuple[int, str]:
        """The same to its end: exit code, and what it said."""
        driver = self.start(home, *arguments, fault=fault)
        return driver.wait(), driver.said


@contextmanager
def nursery(module: str = "tests.killing", **environment: str) -> Iterator[Nursery]:
    """A nursery, for as long as the block lasts; `module` has its `serve`."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {module} import serve; serve()"],
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


# -- the nursery's own process


def serve() -> None:
    """Answers requests until its standard input ends; in a forked driver, runs the command instead."""
    warm_up(entry=train_faulty, loads="tests.preloaded")
    answer_requests()


def warm_up(**conditions: Any) -> None:
    """Loads what the command needs, and has it work under these conditions."""
    from fer_exp.cli import view
    from fer_exp.quiet import stderr_to
    from fer_exp.search import conduct

    with stderr_to():
        from fer_exp import summary
        from fer_exp.search import drive
    assert view
    assert drive
    quick = functools.partial(conduct.Conditions, **conditions)
    conduct.Conditions = quick  # type: ignore[assignment,misc]  # the command makes its conditions by this name
    # Forests and figures take ten times the rest, and say nothing about what survives; the leaderboard is written.
    from fer_exp.importance import importance as forest

    setattr(summary, "importance", lambda _, space, objective: forest((), space, objective))  # noqa: B010  # as above
    setattr(summary, "_write_figures", lambda *_: None)  # noqa: B010  # as above


def answer_requests() -> None:
    """Starts drivers, and says how they ended."""
    gc.collect()
    gc.freeze()  # else every driver would copy all of this at its first collection
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
    faults.install("driver")


@functools.cache
def prepared() -> Path:
    """A cache with the data of `tests.commands.TINY`: OpenCV, which prepares them, may hang in a forked process."""
    cache = Path(tempfile.mkdtemp(prefix="fer-exp-"))
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=140, cache=cache)
    return cache


# -- what is left


def trials(home: Home, name: str = "tiny") -> list[Record]:
    """The records of a campaign."""
    return list(records_in(home.campaign(name) / "trials"))


def board(home: Home, name: str = "tiny") -> Board:
    """The leaderboard, as far as two runs of one campaign must agree; read from its file, as a person would."""
    stored = json.loads((home.campaign(name) / "leaderboard.json").read_bytes())
    return [(row["number"], row["objective"], row["epochs"], json.dumps(row["values"])) for row in stored["rows"]]


def assert_whole(home: Home, expected: Board, name: str = "tiny") -> None:
    """Every trial once, finished; epochs without gap or repetition; the same leaderboard; nothing left lying about."""
    records = trials(home, name)
    assert [record.spec().number for record in records] == list(range(len(records)))
    for record in records:
        assert record.state() is State.FINISHED, record.outcome()
        assert [epoch.epoch for epoch in record.history()] == list(range(1, record.spec().epochs + 1))
        assert record.scores()
    assert board(home, name) == expected
    assert [path for path in home.root.rglob(f"{TEMPORARY}*")] == []
    assert [path for path in home.campaign(name).rglob("checkpoint-*")] == []
    assert (home.campaign(name) / "lock.json").read_bytes() == b""


def processes_of(home: Home) -> list[psutil.Process]:
    """Those that work for this home, by their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and process.environ().get("FER_EXP_HOME") == str(home.root) and process.pid != os.getpid():
                found.append(process)
    return found


def strays(home: Home) -> list[psutil.Process]:
    """Processes of this home that do not end soon after their search."""
    deadline = time.monotonic() + SOON
    while (left := processes_of(home)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
