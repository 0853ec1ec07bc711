"""Faults inside a process: it kills its whole search at a named point, or an operation on a file fails, once.

In: `FER_TEST_FAULT` in the environment, as JSON (`Fault`). Out: wrapped functions of `os` and `io`, and methods. Only
tests load this; the product has no hooks. Counted is what changes the files below one folder, or makes it durable
(`OPERATIONS`), not what changes nothing, as deleting what is not there; and calls of the methods of given classes.
"""

import builtins
import contextlib
import fnmatch
import io
import json
import mmap
import os
import resource
import shutil
import signal
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VARIABLE = "FER_TEST_FAULT"
GROUP = "FER_TEST_GROUP"  # the process group of the search, to be killed
OPERATIONS = ("open", "write", "fsync", "rename", "unlink", "mkdir", "link", "truncate")
CALL = "call"  # of a method, which changes no file
SMALL = 64 * 2**20  # bytes of the largest disk that is filled up
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens where. It happens once, however many processes reach it."""

    process: str  # "driver", "trial" or "tracker"
    under: str  # folder whose files count
    marker: str  # file that says that it has happened; outside of that folder
    operation: str = "*"  # pattern of `OPERATIONS`, or `CALL`
    file: str = "*"  # pattern of the file's name, or of the method's
    nth: int = 1  # 0: nothing happens
    when: str = "before"  # or "after"; "within": when half of what is to be written has been
    error: int = 0  # number of an OSError; 0 kills
    alone: bool = False  # it kills the process that is at it, not the whole search
    ballast: str = ""  # instead, this file is written until its disk is full; everything fails by itself from there on
    spare: int = 0  # bytes of the ballast that are given back then
    largest: int = 0  # instead, bytes that no file of the process may become larger than
    forks: bool = False  # what the process forks counts with it; else that is another process, with faults of its own
    trace: str = ""  # file outside of that folder that lists what was counted, a line each; none where empty

    def environment(self) -> dict[str, str]:
        """What a process has to find in its environment."""
        return {VARIABLE: json.dumps(asdict(self))}


def install(process: str, *classes: type) -> None:
    """Arms the fault of the environment, if it is one of this kind of process; calls of `classes` count too."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return
    fault = Fault(**json.loads(text))
    if fault.process == process:
        armed = _Armed(fault)
        armed.wrap()
        for one in classes:
            armed.wrap_methods(one)


class _Armed:
    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._seen = mmap.mmap(-1, 8)  # shared with what is forked
        self._by = os.getpid()
        self._quiet = False

    def wrap(self) -> None:
        """Puts counting functions in the place of the real ones."""
        os.fsync = self._around("fsync", os.fsync, _name_of)
        os.replace = self._around("rename", os.replace, lambda _, target: target)
        os.rename = self._around("rename", os.rename, lambda _, target: target)
        os.unlink = self._around("unlink", os.unlink, lambda path, **_: _if_there(path))
        os.mkdir = self._around("mkdir", os.mkdir, lambda path, *_: None if os.path.lexists(path) else path)
        os.link = self._around("link", os.link, lambda _, target: target)
        os.truncate = self._around("truncate", os.truncate, lambda path, _: path)
        os.open = self._around("open", os.open, lambda path, flags, *_: path if flags & WRITING else None)
        builtins.open = io.open = self._opening(io.open)

    def wrap_methods(self, of: type) -> None:
        """The same for every public method of a class."""
        for name, method in list(vars(of).items()):
            if not name.startswith("_") and callable(method):
                setattr(of, name, self._around(CALL, method, lambda *_, name=name: Path(self._fault.under, name)))

    def _around(self, operation: str, real: Callable[..., Any], which: Callable[..., Any]) -> Any:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            due = not self._quiet and self._counts(operation, which(*arguments))
            if due and self._fault.when != "after":
                self.happen()
            result = real(*arguments, **options)
            if due:
                self.happen()
            return result

        return wrapped

    def _opening(self, real: Any) -> Any:
        armed = self

        class Counted(io.FileIO):
            cut = False

            def write(self, data: Any) -> Any:
                if self.cut:  # what is left of what was half written
                    self.cut = False
                    armed.happen()
                elif not armed._quiet and armed._counts("write", _name_of(self.fileno())):
                    self.cut = armed._fault.when == "within" and len(data) > 1
                    if self.cut:
                        return super().write(data[: len(data) // 2])
                    armed.happen()
                return super().write(data)

        def opened(file: Any, mode: str = "r", buffering: int = -1, *text: Any, **options: Any) -> Any:
            path = _name_of(file) if isinstance(file, int) else file
            if armed._quiet or not set(mode) & set("wax+") or not armed._within(path):
                return real(file, mode, buffering, *text, **options)
            if not isinstance(file, int) and armed._counts("open", path):
                armed.happen()
            raw = Counted(file, mode.replace("b", "").replace("t", ""))
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, *text, **options)

        return opened

    def _within(self, path: Any) -> bool:
        return path is not None and os.path.abspath(os.fspath(path)).startswith(self._fault.under)  # noqa: PTH100

    def _counts(self, operation: str, path: Any) -> bool:
        """Whether the fault is due at this operation."""
        stranger = os.getpid() != self._by and not self._fault.forks
        if self._quiet or stranger or not self._within(path):
            return False
        name = Path(os.fsdecode(path)).name
        if not fnmatch.fnmatch(operation, self._fault.operation) or not fnmatch.fnmatch(name, self._fault.file):
            return False
        (seen,) = struct.unpack("q", self._seen[:])
        self._seen[:] = struct.pack("q", seen + 1)
        if self._fault.trace:
            self._note(f"{'driver' if os.getpid() == self._by else 'trial'} {operation} {name}\n")
        return bool(seen + 1 == self._fault.nth)

    def _note(self, line: str) -> None:
        self._quiet = True
        descriptor = os.open(self._fault.trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, line.encode())
        os.close(descriptor)
        self._quiet = False

    def happen(self) -> None:
        """Once."""
        self._quiet = True
        try:
            os.close(os.open(self._fault.marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return
        if self._fault.ballast:
            _fill_up(Path(self._fault.ballast), self._fault.spare)
            return
        if self._fault.largest:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._fault.largest, resource.RLIM_INFINITY))
            return
        if self._fault.error:
            raise OSError(self._fault.error, os.strerror(self._fault.error))
        if not self._fault.alone:
            os.killpg(int(os.environ[GROUP]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _fill_up(ballast: Path, spare: int) -> None:
    """Only a disk that was made to be filled: the machine's own, or its memory, is everybody's."""
    if shutil.disk_usage(ballast.parent).total > SMALL:
        raise ValueError(f"{ballast} is on no small disk")
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(2**20))
    os.truncate(ballast, ballast.stat().st_size - spare)


def _name_of(descriptor: Any) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115  # a Path would not name a deleted file so


def _if_there(path: Any) -> Any:
    return path if os.path.lexists(path) else None
