"""The engine of one machine: a process for each attempt, started, heard, and found out how it ended.

In: records to train. Out: attempts that are over. Processes come from a fork server that has Keras loaded already, so
one starts in hundredths of a second; this process never touches a device.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil

from fer_exp.campaign import Resources
from fer_exp.execute.devices import deal, visible_devices
from fer_exp.execute.engine import End, Ended
from fer_exp.execute.entry import TRAINING, train_record
from fer_exp.execute.fault import Fault, fault_of_exit
from fer_exp.execute.start import start_without_main
from fer_exp.execute.task import Task
from fer_exp.records import Record, State, TrialSpec
from fer_exp.system.provenance import cores
from fer_exp.system.stderr import output_to
from fer_exp.system.surroundings import require_backend


@dataclass
class LocalAttempt:
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
    fault: Fault | None = None  # what its process said of its end
    waits: str = ""  # nothing: there is a slot when it starts

    meter: psutil.Process | None = None  # kept, since making one costs more than reading it

    def look(self) -> None:
        """Sees how much memory it uses now."""
        with contextlib.suppress(psutil.Error):  # it has just ended
            self.meter = self.meter or psutil.Process(self.process.pid)
            self.peak_memory_mib = max(self.peak_memory_mib, self.meter.memory_info().rss / 2**20)


PRELOAD = "fer_exp.execute.preload"
LOOK_EVERY = 0.25  # seconds between looks at memory; at every message it would be a fifth of the work with 64 slots

Entry = Callable[[Task, Connection], None]  # what an attempt's process runs; must be importable by name


def start_fork_server(log: Path, loads: str = TRAINING) -> multiprocessing.context.ForkServerContext:
    """Starts loading the module `loads` in the background; what its libraries print goes to `log`.

    Raises:
        BadInput: Keras's backend is not installed.
    """
    require_backend()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD, loads])
    log.parent.mkdir(parents=True, exist_ok=True)
    with output_to(log):  # stdout too: whoever reads this command's output would wait for the end of the fork server
        forkserver.ensure_running()
    return context


class LocalEngine:
    """Up to `workers` attempts at a time.

    Args:
        context: Of the fork server.
        workers: Slots.
        development: Folder of the development part that attempts train on.
        keep_checkpoints: Later trials may go on from the last epoch of an earlier one.
        entry: What an attempt's process runs.
        devices: Graphics processors to deal to the slots; None for those that are visible.
        resources: What an attempt takes of them, and how many threads it has; its own share where nothing is said.
    """

    def __init__(
        self,
        context: multiprocessing.context.ForkServerContext,
        workers: int,
        development: Path,
        *,
        keep_checkpoints: bool = False,
        entry: Entry = train_record,
        devices: Sequence[str] | None = None,
        resources: Resources = Resources(),
    ) -> None:
        self._context = context
        self._entry = entry
        self._slots = deal(workers, visible_devices() if devices is None else devices, resources.gpus)
        self._threads = threads_of(workers, resources)
        self._development = development
        self._keep_checkpoints = keep_checkpoints
        self._attempts: list[LocalAttempt] = []
        self._looked = 0.0  # when memory was, by the monotonic clock
        self._stopping = False

    @property
    def capacity(self) -> int:
        """Attempts that can run at a time."""
        return len(self._slots)

    @property
    def attempts(self) -> tuple[LocalAttempt, ...]:
        """The attempts at work."""
        return tuple(self._attempts)

    def start(self, record: Record) -> None:
        """Starts the next attempt at `record`; there must be a free slot."""
        slot = min(set(range(self.capacity)) - {attempt.slot for attempt in self._attempts})
        number = 1 + len(list(record.path.glob("attempt-*.log")))
        task = Task(
            record=record.path,
            development=self._development,
            attempt=number,
            keep_checkpoints=self._keep_checkpoints,
            threads=self._threads,
            environment=self._slots[slot].environment(),
        )
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=self._entry, args=(task, theirs), daemon=True)
        start_without_main(process)
        theirs.close()
        self._attempts.append(LocalAttempt(record, record.spec(), number, process, ours, slot))

    def wait(self, seconds: float) -> list[Ended]:
        """Waits until something happens, at most `seconds`; returns the attempts that are over, each once."""
        if (now := time.monotonic()) - self._looked >= LOOK_EVERY:
            self._looked = now
            for attempt in self._attempts:
                attempt.look()
        lines = {attempt.line: attempt for attempt in self._attempts}
        ends = {attempt.process.sentinel: attempt for attempt in self._attempts}
        for ready in wait([*lines, *ends], timeout=seconds):
            if isinstance(ready, Connection):
                _hear(lines[ready])
        return [self._end(attempt) for attempt in self.attempts if attempt.process.exitcode is not None]

    def _end(self, attempt: LocalAttempt) -> Ended:
        """Takes an attempt whose process is over off the list, and says how it ended."""
        self._attempts.remove(attempt)
        _hear(attempt)
        attempt.line.close()
        code = attempt.process.exitcode or 0
        fault = None
        if (outcome := attempt.record.outcome()) is not None:
            end = End.FINISHED if outcome.state is State.FINISHED else End.RECIPE_FAILED
        elif code == 0 or (self._stopping and attempt.fault is None):  # asked to stop after an epoch, and did
            end = End.STOPPED
        else:
            end, fault = End.MACHINE_FAILED, attempt.fault or fault_of_exit(code)
        return Ended(attempt.record, attempt.number, end, fault, attempt.peak_memory_mib)

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

    def close(self) -> None:
        """Nothing: its slots are nobody else's."""


def threads_of(workers: int, resources: Resources) -> int:
    """Threads of an attempt's backend; 0 leaves them to it."""
    if resources.cpus is not None:
        return max(int(resources.cpus), 1)
    return max(cores() // workers, 1) if workers > 1 else 0


def _hear(attempt: LocalAttempt) -> None:
    """Takes in what an attempt's process has said: how far it is, or why it fails."""
    try:
        while attempt.line.poll():
            said = attempt.line.recv()
            if isinstance(said, Fault):
                attempt.fault = said
            else:
                attempt.epoch, attempt.step, attempt.steps = said
    except (EOFError, OSError):
        attempt.process.join(timeout=5)
