"""Signals, a full disk and the tracker's process while a search or a retrain runs.

In: a block of code. Out: the same block, interruptible, with every process ended however the block is left.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import FrameType

from fer_exp.execute.loop import hearing_signals
from fer_exp.execute.tracker import Tracker
from fer_exp.system.errors import BROKEN_DISK, FULL_DISK, DiskFailed, FerExpError, NoSpace
from fer_exp.system.files import is_broken, is_full
from fer_exp.system.values import first_line


@contextmanager
def running_tracker(context: ForkServerContext, home: Path, campaign: str, *, wanted: bool) -> Iterator[Tracker | None]:
    """A tracker, if one is wanted, that does not outlive the block."""
    if not wanted:
        yield None
        return
    tracker = Tracker(context, home, campaign)
    try:
        yield tracker
    finally:
        tracker.kill()


@contextmanager
def interruptible() -> Iterator[None]:
    """Lets every request to stop be heard, also before and after trials, and says it where the disk is full or broken.

    Raises:
        KeyboardInterrupt: A stop was asked for outside of the loop around the trials, which has a better answer.
        NoSpace: Something could not be written for want of space.
        DiskFailed: Something could not be read or written because the disk is broken.
    """
    try:
        with hearing_signals(_interrupt):
            yield
    except FerExpError:
        raise
    except Exception as error:
        if is_full(error):
            raise NoSpace(f"the disk is full: {first_line(error)}", FULL_DISK) from error
        if is_broken(error):
            raise DiskFailed(f"the disk failed: {first_line(error)}", BROKEN_DISK) from error
        raise


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
