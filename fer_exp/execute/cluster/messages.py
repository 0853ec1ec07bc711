"""What an attempt on a node tells the parent, in the order in which it may come.

In: nothing. Out: values that Ray carries. `Refused` comes alone; else `Begun`, any number of `Moved` and `Files`,
`Over`. Where the stream breaks off, the node or its worker is gone, and Ray says so.
"""

from dataclasses import dataclass

from fer_exp.execute.fault import Fault


@dataclass(frozen=True)
class Refused:
    """The node does not fit, and trained nothing."""

    node: str  # Ray's identifier
    host: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Begun:
    """The attempt's process has been started."""

    node: str
    host: str
    pid: int


@dataclass(frozen=True)
class Moved:
    """How far it is."""

    epoch: int  # in progress, from 1
    step: int
    steps: int
    peak_memory_mib: float


@dataclass(frozen=True)
class Files:
    """What it has written since the last message; to be taken in whole: files, then lines, then the end of the log."""

    files: tuple[tuple[str, bytes], ...] = ()  # path within the record, content
    lines: tuple[str, ...] = ()  # of the history, in order
    log: bytes = b""


@dataclass(frozen=True)
class Over:
    """Its process has ended, and everything it wrote has been sent."""

    code: int  # exit code; minus the signal that killed it
    fault: Fault | None  # what it said of its end
    peak_memory_mib: float
    checkpoints: tuple[str, ...] = ()  # those that it left
    outcome: bytes | None = None  # the record's outcome.json, where the training came to an end


Message = Refused | Begun | Moved | Files | Over
