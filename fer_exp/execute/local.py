"""The parent's side of attempts: starts them, hears their progress, finds out how they ended, tries again once.

In: records to train. Out: the same records, ended. Processes come from a fork server that has Keras loaded already, so
one starts in hundredths of a second; this process never touches a device. A process that died without an outcome is
noted in its record (`deaths.jsonl`), and its trial goes on from the last epoch; after two deaths the trial is given
up.
"""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil

from fer_exp.errors import ExitCode, NoSpace
from fer_exp.execute.crashes import give_up, note_death
from fer_exp.execute.entry import TRAINING, Task, train_record
from fer_exp.provenance import cores
from fer_exp.quiet import stderr_to
from fer_exp.records import Record, TrialSpec


@dataclass
class Attempt:
    """A process at work. Changes as messages come in; only the engine changes it."""

    record: Record
    spec: TrialSpec
    number: int  # which attempt this is, from 1
    process: ForkServerProcess
    line: Connection
    slot: int
    started: float = field(default_factory=time.monotonic)
    epoch: int = 0
    step: int = 0
    steps: int = 0
    peak_memory_mib: float = 0.0  # the most that was seen

    def look(self) -> None:
        """Sees how much memory it uses now."""
        with contextlib.suppress(psutil.Error):  # it has just ended
            used = psutil.Process(self.process.pid).memory_info().rss / 2**20
            self.peak_memory_mib = max(self.peak_memory_mib, used)


PRELOAD = "fer_exp.execute.preload"

Entry = Callable[[Task, Connection], None]  # what an attempt's process runs; must be importable by name


def start_fork_server(log: Path, loads: str = TRAINING) -> multiprocessing.context.ForkServerContext:
    """Starts loading the module `loads` in the background; what its libraries print goes to `log`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD, loads])
    log.parent.mkdir(parents=True, exist_ok=True)
    with stderr_to(log):
        forkserver.ensure_running()
    return context


class LocalEngine:
    """Up to `workers` attempts at a time."""

    def __init__(
        self,
        context: multiprocessing.context.ForkServerContext,
        workers: int,
        development: Path,
        *,
        keep_checkpoints: bool = False,
        entry: Entry = train_record,
    ) -> None:
        self._context = context
        self._entry = entry
        self._workers = workers
        self._development = development
        self._keep_checkpoints = keep_checkpoints
        self._attempts: list[Attempt] = []
        self._stopping = False

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts at work."""
        return tuple(self._attempts)

    @property
    def has_room(self) -> bool:
        """Whether another attempt can start."""
        return len(self._attempts) < self._workers

    def start(self, record: Record) -> bool:
        """Starts the next attempt at `record`; False where it has been given up instead, and so has ended."""
        if give_up(record):
            return False
        slot = min(set(range(self._workers)) - {attempt.slot for attempt in self._attempts})
        number = 1 + len(list(record.path.glob("attempt-*.log")))
        task = Task(
            record=record.path,
            development=self._development,
            attempt=number,
            keep_checkpoints=self._keep_checkpoints,
            threads=max(cores() // self._workers, 1) if self._workers > 1 else 0,
            device=_device(slot, self._workers),
        )
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=self._entry, args=(task, theirs), daemon=True)
        process.start()
        theirs.close()
        self._attempts.append(Attempt(record, record.spec(), number, process, ours, slot))
        return True

    def wait(self, seconds: float) -> list[Record]:
        """Waits until something happens, at most `seconds`; returns the records that have ended.

        Raises:
            NoSpace: A trial's process could not write for want of space.
        """
        for attempt in self._attempts:
            attempt.look()
        lines = {attempt.line: attempt for attempt in self._attempts}
        ends = {attempt.process.sentinel: attempt for attempt in self._attempts}
        for ready in wait([*lines, *ends], timeout=seconds):
            if isinstance(ready, Connection):
                self._hear(lines[ready])
        ended = [attempt for attempt in self._attempts if attempt.process.exitcode is not None]
        return [attempt.record for attempt in ended if self._has_ended(attempt)]

    def _hear(self, attempt: Attempt) -> None:
        try:
            while attempt.line.poll():
                attempt.epoch, attempt.step, attempt.steps = attempt.line.recv()
        except (EOFError, OSError):
            attempt.process.join(timeout=5)

    def _has_ended(self, attempt: Attempt) -> bool:
        """Takes an attempt whose process is over off the list; returns whether its trial has ended with it."""
        self._attempts.remove(attempt)
        attempt.line.close()
        if attempt.record.outcome() is not None:
            return True
        code = attempt.process.exitcode or 0
        if code == ExitCode.NO_SPACE:
            raise NoSpace(
                f"the disk is full: {attempt.record.path} could not be written",
                "All that was complete is kept. Free some space and give the same command again.",
            )
        if self._stopping or code == 0:  # asked to stop after an epoch, and did
            return False
        note_death(attempt.record, attempt.number, code, attempt.peak_memory_mib)
        return not self.start(attempt.record)

    def ask_to_stop(self) -> None:
        """Asks every attempt to end after its epoch."""
        self._stopping = True
        for attempt in self._attempts:
            try:
                attempt.line.send("stop")
            except OSError:  # it has just ended by itself
                continue

    def kill(self) -> None:
        """Ends every attempt now; their records go on from the last epoch at the next start."""
        self._stopping = True
        for attempt in self._attempts:
            attempt.process.kill()
        for attempt in self._attempts:
            attempt.process.join()
            attempt.line.close()
        self._attempts.clear()


def _device(slot: int, workers: int) -> str | None:
    """The graphics processor of a slot, where several are visible and several work; else all stay visible."""
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return visible[slot % len(visible)] if workers > 1 and len(visible) > 1 else None
