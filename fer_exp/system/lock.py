"""The lock of a campaign: one driver at a time, on one machine or on several that share a disk.

In: a campaign's folder. Out: a Lock, which can say at any moment whether the campaign is still this process's. The
kernel's `flock` decides where it can, because it lets go of whatever dies; where the file system has none, or the owner
is on another machine, what the owner wrote into `lock.json` decides.
"""

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from io import BufferedRandom
from pathlib import Path

import psutil

from fer_exp.system.errors import BadRecord, Busy
from fer_exp.system.files import BOOT_ID, CLOCK, drop_partial, is_there, open_file
from fer_exp.system.values import Value

FILE = "lock.json"
SETTLED = 0.3  # seconds after which, without flock, a second writer would have been seen
PATIENCE = 1.0  # seconds: whoever asks whether the campaign is held takes the lock for a moment
ASK_AGAIN = 0.05  # seconds


class Owner(Value):
    """`lock.json`: who drives the campaign. Empty while nobody does."""

    pid: int
    host: str
    boot: str = ""  # which run of the machine, from its start to its end
    started: float = 0.0  # seconds since 1970 when the process began; a process number is given out again

    @classmethod
    def this_process(cls) -> "Owner":
        """The process that asks."""
        return cls(pid=os.getpid(), host=socket.gethostname(), boot=boot_id(), started=psutil.Process().create_time())

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Standing(Enum):
    """What can be known about an owner from here."""

    ALIVE = "alive"
    GONE = "gone"
    ELSEWHERE = "elsewhere"  # on another machine, so it cannot be known


@dataclass(frozen=True)
class Lock:
    """A campaign that this process holds."""

    path: Path
    owner: Owner

    def check(self) -> None:
        """Passes as long as the campaign is this process's; asked before anything is written.

        Raises:
            Busy: `lock.json` was replaced, removed or taken over.
        """
        present = _read(self.path)
        if present != self.owner:
            raise Busy(
                f"campaign {self.path.parent.name!r} is no longer driven by process {self.owner.pid}: expected "
                f"{self.path} to name it, received {present or 'no owner'}",
                "This process has stopped and writes nothing more. What was complete is kept; the same command goes "
                "on, unless another process does.",
            )


@contextmanager
def lock(folder: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[Lock]:
    """Holds the campaign in `folder` against other drivers; the kernel lets go when the process ends, in any way.

    What killed processes left half written there is deleted, before and after.

    Raises:
        Busy: Another process holds it, or may hold it on another machine.
        BadRecord: Something else than a file has the lock's name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    with _open(path) as file:
        by_kernel = _flock(file, path)
        before = _read(path)
        if before is not None:
            _refuse(path, before, by_kernel=by_kernel)
            say(f"Taking over from {before}, which ended without letting go.")
        held = Lock(path, Owner.this_process())
        _write(file, held.owner.sealed())
        if not by_kernel:
            time.sleep(SETTLED)
        held.check()  # the file may have been replaced since it was opened
        drop_partial(folder)
        try:
            yield held
        finally:
            if _read(path) == held.owner:
                drop_partial(folder)  # of trials that were ended while they wrote
                _write(file, "")


def is_held(folder: Path) -> bool:
    """Whether a driver holds the campaign in `folder`, or may hold it on another machine."""
    path = folder / FILE
    try:
        with open_file(path) as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:  # a file system without flock, or nothing that a driver could hold
        owner = _read(path)
        return owner is not None and standing(owner) is not Standing.GONE
    owner = _read(path)
    return owner is not None and owner.boot != boot_id() and standing(owner) is Standing.ELSEWHERE


def standing(owner: Owner) -> Standing:
    """What has become of `owner`, by what it wrote about itself."""
    if owner.host != socket.gethostname():
        return Standing.ELSEWHERE
    if owner.boot and owner.boot != boot_id():
        return Standing.GONE
    try:
        process = psutil.Process(owner.pid)
        began, status = process.create_time(), process.status()
    except psutil.NoSuchProcess:
        return Standing.GONE
    same = not owner.started or abs(began - owner.started) < CLOCK
    return Standing.ALIVE if same and status != psutil.STATUS_ZOMBIE else Standing.GONE


def boot_id() -> str:
    """Which run of the machine this is."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else str(int(psutil.boot_time()))


def _open(path: Path) -> BufferedRandom:
    if is_there(path) and not path.is_file():  # to open a pipe may wait for ever
        raise BadRecord(
            f"{path}: expected a file to lock, received something else of that name",
            "Nothing was changed. Move it away and give the same command again.",
        )
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    return os.fdopen(descriptor, "r+b")


def _flock(file: BufferedRandom, path: Path) -> bool:
    """Whether the kernel has given the lock; False where the file system has none.

    Raises:
        Busy: The kernel says that another process holds it.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() < deadline:
                time.sleep(ASK_AGAIN)
                continue
            raise _busy(path, _read(path), "Nothing was changed. Wait for it, or stop that process first.") from error
        except OSError:
            return False
        return True


def _refuse(path: Path, owner: Owner, *, by_kernel: bool) -> None:
    if by_kernel and owner.boot == boot_id():  # the same kernel, perhaps another container: its word is enough
        return
    found = standing(owner)
    if found is Standing.ALIVE:
        raise _busy(path, owner, "Nothing was changed. Wait for it, or stop that process first.")
    if found is Standing.ELSEWHERE:
        raise _busy(
            path,
            owner,
            f"Nothing was changed. If that process is gone for certain, delete {path} and give the command again.",
        )


def _busy(path: Path, owner: Owner | None, remedy: str) -> Busy:
    return Busy(f"campaign {path.parent.name!r} is being driven by {owner or 'another process'}", remedy)


def _read(path: Path) -> Owner | None:
    """Who is written there; nobody where the file is absent, empty or unreadable."""
    try:
        return Owner.read(path)
    except BadRecord:
        return None


def _write(file: BufferedRandom, text: str) -> None:
    """In place, because the kernel's lock is on this very file."""
    file.seek(0)
    file.truncate()
    file.write(text.encode())
    file.flush()
