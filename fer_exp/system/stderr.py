"""Keeping native libraries' chatter off the user's terminal.

In: where it should go. Out: file descriptor 2, or 1 and 2, point there for a while. TensorFlow's C++ code prints while
it is imported, before any of its settings can be heard; Python's own errors are raised as ever.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stderr_to(path: Path | str = os.devnull) -> Iterator[None]:
    """Sends everything written to file descriptor 2 to `path` (appended) while the block runs."""
    with _sent(path, 2):
        yield


@contextmanager
def output_to(path: Path | str) -> Iterator[None]:
    """Sends everything written to file descriptors 1 and 2 to `path` (appended) while the block runs."""
    with _sent(path, 1, 2):
        yield


@contextmanager
def _sent(path: Path | str, *descriptors: int) -> Iterator[None]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stdout.flush(), sys.stderr.flush()
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    saved = {number: os.dup(number) for number in descriptors}
    try:
        for number in descriptors:
            os.dup2(target, number)
        yield
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        for number, before in saved.items():
            os.dup2(before, number)
            os.close(before)
        os.close(target)
