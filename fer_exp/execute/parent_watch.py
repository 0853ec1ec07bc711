"""What ties a process to those who started it: it ends when they do, and never works beside its own successor.

In: a process from the fork server. Out: nothing. Loads nothing heavy, so that it holds before Keras or MLflow does.
"""

import contextlib
import fcntl
import os
import threading
from multiprocessing import parent_process
from pathlib import Path

from fer_exp.system.errors import ExitCode

LOOK_EVERY = 0.5  # seconds between looks at the fork server

_fork_server: int | None = None  # its process number, as its processes inherit it


def tie_fork_server() -> None:
    """Says, before the first fork, that this is the process whose end must be seen.

    Asking for its number only afterwards would be too late: a process that is born as the fork server dies would hold
    whoever adopted it for the fork server, and live on beside its own successor.
    """
    global _fork_server
    _fork_server = os.getpid()


def end_with_parents() -> None:
    """Ends this process, from a thread of its own, as soon as the search or the fork server is gone.

    Without the fork server the search takes this process for dead and starts another. The search is seen to end at
    once, the fork server within `LOOK_EVERY`.
    """
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    search, server = parent_process(), _fork_server or os.getppid()
    if search is None:
        return
    while search.is_alive() and os.getppid() == server:
        search.join(LOOK_EVERY)
    os._exit(ExitCode.INTERRUPTED)


def alone_in(folder: Path) -> None:
    """Waits until no other process works in `folder`, then keeps it until this one ends.

    A process whose search was killed is gone within moments; but until it is, its successor must not write beside it.
    """
    descriptor = os.open(folder, os.O_RDONLY)  # stays open: the lock lasts as long
    with contextlib.suppress(OSError):  # a file system without flock; moments must do there
        fcntl.flock(descriptor, fcntl.LOCK_EX)
