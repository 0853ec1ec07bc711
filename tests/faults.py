"""Faults inside a process: it kills its whole search at a named point, or an operation on a file fails, once.

In: `FER_TEST_FAULT` in the environment, as JSON (`Fault`). Out: wrapped functions of `os` and `io`, and methods. Only
tests load this; the product has no hooks. Counted are opening for writing, writing, fsync, renaming and deleting, of
files below one folder, and calls of the methods of given classes, by their names.
"""

import builtins
import fnmatch
import io
import json
import os
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VARIABLE = "FER_TEST_FAULT"
GROUP = "FER_TEST_GROUP"  # the process group of the search, to be killed
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Fault:
    """What happens where. It happens once, however many processes reach it."""

    process: str  # "driver", "trial" or "tracker"
    under: str  # folder whose files count
    marker: str  # file that says that it has happened; outside of that folder
    operation: str = "*"  # "open", "write", "fsync", "rename", "unlink", "call"
    file: str = "*"  # pattern of the file's name, or of the method's
    nth: int = 1
    when: str = "before"
    error: int = 0  # number of an OSError; 0 kills the search

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
        self._seen = 0
        self._quiet = False
        self._pid = os.getpid()  # what it forks is another process, with faults of its own

    def wrap(self) -> None:
        """Puts counting functions in the place of the real ones."""
        os.fsync = self._around("fsync", os.fsync, _name_of)
        os.replace = self._around("rename", os.replace, lambda _, target: target)
        os.rename = self._around("rename", os.rename, lambda _, target: target)
        os.unlink = self._around("unlink", os.unlink, lambda path: path)
        os.open = self._around("open", os.open, lambda path, flags, *_: path if flags & WRITING else None)
        builtins.open = io.open = self._opening(io.open)

    def wrap_methods(self, of: type) -> None:
        """The same for every public method of a class."""
        for name, method in list(vars(of).items()):
            if not name.startswith("_") and callable(method):
                setattr(of, name, self._around("call", method, lambda *_, name=name: Path(self._fault.under, name)))

    def _around(self, operation: str, real: Callable[..., Any], which: Callable[..., Any]) -> Any:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            due = not self._quiet and self._counts(operation, which(*arguments))
            if due and self._fault.when == "before":
                self.happen()
            result = real(*arguments, **options)
            if due:
                self.happen()
            return result

        return wrapped

    def _opening(self, real: Any) -> Any:
        armed = self

        class Counted(io.FileIO):
            def write(self, data: Any) -> Any:
                if armed._counts("write", _name_of(self.fileno())):
                    armed.happen()
                return super().write(data)

        def opened(file: Any, mode: str = "r", buffering: int = -1, *text: Any, **options: Any) -> Any:
            path = _name_of(file) if isinstance(file, int) else file
            if armed._quiet or not set(mode) & set("wax+") or not armed._within(path):
                return real(file, mode, buffering, *text, **options)
            if armed._counts("open", path):
                armed.happen()
            raw = Counted(file, mode.replace("b", "").replace("t", ""))
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, *text, **options)

        return opened

    def _within(self, path: Any) -> bool:
        return path is not None and os.path.abspath(os.fspath(path)).startswith(self._fault.under)  # noqa: PTH100

    def _counts(self, operation: str, path: Any) -> bool:
        """Whether the fault is due at this operation."""
        if self._quiet or os.getpid() != self._pid or not self._within(path):
            return False
        fits = fnmatch.fnmatch(operation, self._fault.operation)
        if not fits or not fnmatch.fnmatch(Path(os.fsdecode(path)).name, self._fault.file):
            return False
        self._seen += 1
        return self._seen == self._fault.nth

    def happen(self) -> None:
        """Once."""
        self._quiet = True
        try:
            os.close(os.open(self._fault.marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return
        if self._fault.error:
            raise OSError(self._fault.error, os.strerror(self._fault.error))
        os.killpg(int(os.environ[GROUP]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _name_of(descriptor: Any) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115  # a Path would not name a deleted file so
