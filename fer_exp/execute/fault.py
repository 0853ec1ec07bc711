"""What can go wrong in an attempt that says nothing about its recipe: faults of the machine, by kind.

In: an exception, or how a process ended. Out: a `Fault`. A loss that is not finite and a network that cannot be built
are the recipe's, and never become a `Fault`; what a fault means for its trial is decided by `failures.py`.
"""

import signal
from dataclasses import dataclass
from enum import Enum

from fer_exp.system.errors import BadData, BadRecord, ExitCode
from fer_exp.system.files import is_broken, is_full
from fer_exp.system.values import first_line

# Every backend has its own exception for a device that is out of memory; this module loads none of them.
OUT_OF_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError", "MemoryError")
OUT_OF_MEMORY_TEXTS = ("RESOURCE_EXHAUSTED", "out of memory")


class FaultKind(Enum):
    """What the machine lacked."""

    MEMORY = "memory"  # of the host or a device
    FULL_DISK = "full disk"
    DISK = "disk"  # it does not read or write: EIO, ESTALE and their family
    FILES = "files"  # what a training reads is gone or damaged: the cache, a checkpoint
    NODE = "node"  # a machine of a cluster, or the way to it, is gone, or cannot train; another one may
    PROGRAM = "program"  # anything else: a missing library, a crash in native code, a defect


@dataclass(frozen=True)
class Fault:
    """Why an attempt ended without an outcome."""

    kind: FaultKind
    cause: str  # one line: "killed by SIGKILL", "FileNotFoundError: ..."


def fault_of(error: BaseException) -> Fault:
    """The fault that an exception of a training tells of."""
    return Fault(_kind_of(error), f"{type(error).__name__}: {first_line(error)}")


def fault_of_exit(code: int) -> Fault:
    """The fault of a process that ended without a word.

    Args:
        code: Its exit code; minus the signal where one killed it.
    """
    if code == ExitCode.NO_SPACE:
        return Fault(FaultKind.FULL_DISK, "no space left on the disk")
    if code >= 0:
        return Fault(FaultKind.PROGRAM, f"exit code {code}")
    # The kernel ends a process with SIGKILL where memory has run out.
    kind = FaultKind.MEMORY if -code == signal.SIGKILL else FaultKind.PROGRAM
    return Fault(kind, f"killed by {signal.Signals(-code).name}")


def _kind_of(error: BaseException) -> FaultKind:
    if is_full(error):
        return FaultKind.FULL_DISK
    if is_broken(error):
        return FaultKind.DISK
    if _is_out_of_memory(error):
        return FaultKind.MEMORY
    if isinstance(error, OSError | BadRecord | BadData):
        return FaultKind.FILES
    return FaultKind.PROGRAM


def _is_out_of_memory(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    return not names.isdisjoint(OUT_OF_MEMORY) or any(text in str(error) for text in OUT_OF_MEMORY_TEXTS)
