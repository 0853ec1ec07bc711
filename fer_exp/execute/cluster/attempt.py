"""What runs on a node: a supervisor in a worker of Ray, and the attempt's own process beneath it.

In: an order. Out: messages, as they come. The attempt's process is the same as on one machine (`execute/child.py`), on
a copy of the record in the node's scratch; its supervisor streams what it writes, and dies with it or before it: a
process whose supervisor is gone ends by itself (`execute/parent_watch.py`). Ray ends the supervisor when the parent is
gone.
"""

import contextlib
import fcntl
import importlib
import multiprocessing
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import psutil

from fer_exp.execute.cluster.connect import SEARCH
from fer_exp.execute.cluster.fit import Facts, facts, misfits, scratch
from fer_exp.execute.cluster.messages import Begun, Message, Moved, Over, Refused
from fer_exp.execute.cluster.parcels import Outbox, Parcel, unpack
from fer_exp.execute.cluster.shipping import Shipment, land
from fer_exp.execute.fault import Fault, fault_of
from fer_exp.execute.task import Task
from fer_exp.system.surroundings import settle

LOOK = 0.2  # seconds between looks at the attempt's process
ASK_EVERY = 30.0  # seconds after which a supervisor asks again whether the parent wants an end
STOP = "stop"  # what an attempt's process takes for the wish that it ends after its epoch
ATTEMPTS, DATA = "attempts", "data"  # folders in a node's scratch


@dataclass(frozen=True)
class Order:
    """An attempt, as the parent asks for it."""

    entry: str  # function that the process runs: "package.module:name"
    number: int
    parcel: Parcel
    shipment: Shipment
    keep_checkpoints: bool
    threads: int  # 0 leaves it to the backend
    environment: dict[str, str]
    parent: Facts
    report_every: float  # seconds between messages on progress


@dataclass
class _Process:
    """The attempt's process, and what it has said. Changes as messages come in."""

    process: SpawnProcess
    line: Connection
    epoch: int = 0
    step: int = 0
    steps: int = 0
    fault: Fault | None = None
    peak_memory_mib: float = field(default=0.0)

    def hear(self) -> None:
        try:
            while self.line.poll():
                said = self.line.recv()
                if isinstance(said, Fault):
                    self.fault = said
                else:
                    self.epoch, self.step, self.steps = said
        except (EOFError, OSError):
            self.process.join(timeout=5)

    def look(self) -> None:
        with contextlib.suppress(psutil.Error):  # it has just ended
            used = psutil.Process(self.process.pid).memory_info().rss / 2**20
            self.peak_memory_mib = max(self.peak_memory_mib, used)

    def ask_to_stop(self) -> None:
        with contextlib.suppress(OSError):  # it has just ended by itself
            self.line.send(STOP)

    def moved(self) -> Moved:
        return Moved(self.epoch, self.step, self.steps, self.peak_memory_mib)


def attempt(order: Order, stop: Any) -> Iterator[Message]:
    """Carries out an order; a task of Ray, whose values are the messages.

    Args:
        order: What to train.
        stop: Actor of the parent, `StopRequest`.
    """
    node, host = _here()
    settle()
    os.environ |= order.environment
    if reasons := misfits(order.parent, facts()):
        yield Refused(node, host, reasons)
        return
    try:
        with _seat(scratch()) as folder:
            development, _ = land(order.shipment, scratch() / DATA)
            record = unpack(order.parcel, folder)
            outbox = Outbox(record, order.number)
            task = Task(
                record=record.path,
                development=development,
                attempt=order.number,
                keep_checkpoints=order.keep_checkpoints,
                threads=order.threads,
                environment=order.environment,
            )
            with _process(_entry(order.entry), task) as running:
                yield Begun(node, host, running.process.pid or 0)
                yield from _stream(running, outbox, stop, order.report_every)
    except OSError as error:  # of the node's disk
        yield Over(1, fault_of(error), 0.0)


def _stream(running: _Process, outbox: Outbox, stop: Any, report_every: float) -> Iterator[Message]:
    import ray

    asked: Any = stop.asked.remote()
    told = 0.0
    while running.process.is_alive():
        wait([running.line, running.process.sentinel], timeout=LOOK)
        running.hear()
        running.look()
        if asked is not None and ray.wait([asked], timeout=0)[0]:
            asked = _hear_wish(asked, stop, running)
        if (files := outbox.epochs()) is not None:
            yield files
        if time.monotonic() - told >= report_every:
            told = time.monotonic()
            yield running.moved()
        time.sleep(LOOK / 10)  # a process that reports without pause is not followed without pause
    if asked is not None:
        ray.cancel(asked)  # else this worker would wait for the answer before it makes room for the next
    running.process.join()
    running.hear()
    if (files := outbox.epochs()) is not None:
        yield files
    yield from outbox.results()
    code = running.process.exitcode or 0
    yield Over(code, running.fault, running.peak_memory_mib, outbox.checkpoints(), outbox.outcome())


def _hear_wish(asked: Any, stop: Any, running: _Process) -> Any:
    """Passes on the parent's wish, or asks again; None where there is nothing left to ask.

    Where the parent is gone the answer is an error, and Ray ends this process soon.
    """
    import ray

    try:
        if not ray.get(asked):
            return stop.asked.remote()
    except ray.exceptions.RayError:
        return None
    running.ask_to_stop()
    return None


@contextmanager
def _process(entry: Any, task: Task) -> Iterator[_Process]:
    """The attempt's process; it does not outlive the block."""
    context = multiprocessing.get_context("spawn")
    main = sys.modules["__main__"]  # Ray's own program, which the process would else load, and Ray with it
    main.__spec__ = None
    if hasattr(main, "__file__"):
        del main.__file__
    ours, theirs = context.Pipe()
    process = context.Process(target=entry, args=(task, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _Process(process, ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _entry(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


@contextmanager
def _seat(root: Path) -> Iterator[Path]:
    """A folder for one attempt, gone after the block; those that killed attempts left go before it."""
    place = root / ATTEMPTS
    place.mkdir(parents=True, exist_ok=True)
    with _locked(root / f"{ATTEMPTS}.lock"):
        _sweep(place)
        folder = place / secrets.token_hex(8)
        folder.mkdir()
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)  # as long as this process lives: nobody sweeps it away
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _sweep(place: Path) -> None:
    for folder in place.iterdir():
        with contextlib.suppress(OSError):
            held = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:  # somebody trains in it
                continue
            finally:
                os.close(held)


def _here() -> tuple[str, str]:
    import ray

    context = ray.get_runtime_context()
    return context.get_node_id(), ray.util.get_node_ip_address()


def new_name() -> str:
    """A name for the actor of a search, by which other searches on the cluster count it."""
    return SEARCH + secrets.token_hex(8)


class StopRequest:
    """The parent's wish that attempts end after their epoch; an actor.

    Its answer comes when the wish is there, and else after `ASK_EVERY`, so that those who ask and are killed are
    forgotten.
    """

    def __init__(self) -> None:
        import asyncio

        self._wished = asyncio.Event()

    async def ready(self) -> None:
        """Answers when this actor is there."""

    async def wish(self) -> None:
        """The wish comes."""
        self._wished.set()

    async def asked(self) -> bool:
        """Whether it has come."""
        import asyncio

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wished.wait(), ASK_EVERY)
        return self._wished.is_set()
