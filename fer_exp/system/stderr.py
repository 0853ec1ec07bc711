"""Keeping native libraries' chatter off the user's terminal.

In: where it should go. Out: file descriptor 2 points there for a while. TensorFlow's C++ code prints while it is
imported, before any of its settings can be heard; Python's own errors are raised as ever.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stderr_to(path: Path | str = os.devnull) -> Iterator[None]:
    """Sends everything written to file descriptor 2 to `path` (appended) while the block runs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    saved = os.dup(2)
    try:
        os.dup2(target, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(target)
