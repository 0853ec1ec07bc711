"""Writing files so that a reader, or a later start, finds the old content or the new one, never half of either.

In: a path and bytes. Out: the file, on disk. Temporary file, fsync, rename, fsync of the folder.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".partial-"  # begins the name of files being written; a start may delete any that it finds


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` for the caller to write; it takes `path`'s place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The temporary name ends like the final one, because Keras and NumPy choose the format by it.
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Puts `content` at `path`, whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def append_line(path: Path, line: str) -> None:
    """Adds one line to `path` and waits until it is on disk. A line cut short by a crash has no newline at its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("ab") as target:
        target.write(line.encode() + b"\n")
        target.flush()
        os.fsync(target.fileno())
    if new:
        sync_folder(path.parent)


def whole_lines(path: Path) -> list[str]:
    """The lines of `path` that were written whole; none where the file is absent."""
    if not path.exists():
        return []
    # Not splitlines(): JSON may hold U+2028 and others, which it takes for ends of lines.
    return path.read_bytes().decode(errors="replace").split("\n")[:-1]


def drop_torn_line(path: Path) -> None:
    """Cuts off what a crash left behind the last newline, so that the next line starts on its own."""
    if not path.exists():
        return
    text = path.read_bytes()
    whole = text.rfind(b"\n") + 1
    if whole != len(text):
        os.truncate(path, whole)


def drop_partial(folder: Path) -> None:
    """Deletes what killed processes left half written below `folder`; for whoever knows that none is writing now."""
    for path in folder.rglob(f"{TEMPORARY}*"):
        if path.is_file():
            path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable (a rename is only safe once its folder is)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
