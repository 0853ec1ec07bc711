"""Writing files so that a reader, or a later start, finds the old content or the new one, never half of either.

In: a path and bytes. Out: the file, on disk. Temporary file, fsync, rename, fsync of the folder. Only regular files are
read and written: a pipe would be waited on for ever, a device has no end.
"""

import contextlib
import errno
import functools
import hashlib
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fer_exp.system.errors import BadRecord

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, none left to this user, none in this file
BROKEN = (  # the disk does not answer as it should, or the server behind it
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
    *(errno.ENOTCONN, errno.ENODEV, errno.ENXIO),
    *(getattr(errno, name) for name in ("EREMOTEIO", "ENOLINK", "ENOMEDIUM") if hasattr(errno, name)),  # Linux's
)
LARGEST = 256 * 1024**2  # bytes; the state of a search over ten thousand trials has a few million
TEMPORARY = ".partial-"  # begins the name of files being written; `temporary_name` says what follows
_NAMED = re.compile(r"\.partial-(?P<host>[0-9a-f]{8})\.(?P<pid>\d{1,18})\.[0-9a-f]{8}-")
FOREIGN_AGE = 24 * 3600.0  # seconds unwritten, after which a temporary file of another host is a leftover
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux's; another one after every start of the machine
CLOCK = 2.0  # seconds by which the times of a file and of a process may seem to differ


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` for the caller to write; it takes `path`'s place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The temporary name ends like the final one, because Keras and NumPy choose the format by it.
    temporary = path.with_name(temporary_name(path.name))
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        _put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def temporary_name(name: str, *, pid: int | None = None, host: str | None = None) -> str:
    """A name for a file or folder that is to be called `name` once it is whole; another one at every call.

    It says who writes: `.partial-<host>.<pid>.<random>-<name>`. Process numbers alone are not enough, because two
    containers that share a disk both begin with 1.

    Args:
        name: The final name, at the end of this one.
        pid: Of the process that writes; None for this one.
        host: Eight hexadecimal digits, as `host_digest` gives; None for this host.
    """
    return f"{TEMPORARY}{host or host_digest()}.{pid or os.getpid()}.{secrets.token_hex(4)}-{name}"


@functools.cache
def host_digest() -> str:
    """Eight hexadecimal digits that tell apart where process numbers are counted: hosts, and containers of a host.

    The kernel's number of this boot is part of them, because machines made from one image share a name. What an
    earlier boot left counts as another host's.
    """
    facts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # not Linux, or hidden
        facts.append(str(Path("/proc/self/ns/pid").readlink()))
    with contextlib.suppress(OSError):
        facts.append(BOOT_ID.read_text())
    return hashlib.sha256(" ".join(facts).encode()).hexdigest()[:8]


def _put(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except IsADirectoryError as error:
        raise _in_the_way(path, "a folder") from error


def open_file(path: Path, largest: int = LARGEST) -> BinaryIO:
    """Opens a regular file to read, without ever waiting for one.

    Raises:
        OSError: It is missing, no regular file, or has more than `largest` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else opening a pipe waits for its writer
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if seen.st_size > largest:
            raise OSError(errno.EFBIG, f"{seen.st_size:,} bytes, more than {largest:,}", str(path))
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_file(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: As `open_file`.
    """
    with open_file(path, largest) as file:
        return file.read()


def is_there(path: Path) -> bool:
    """Whether anything has this name, be it a link that leads nowhere: what cannot be read is not taken for absent."""
    return os.path.lexists(path)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Puts `content` at `path`, whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def append_line(path: Path, line: str) -> None:
    """Adds one line to `path` and waits until it is on disk. A line cut short by a crash has no newline at its end.

    Raises:
        BadRecord: Something else than a file has that name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not is_there(path)
    if not new and not path.is_file():
        raise _in_the_way(path, "something else")
    with path.open("ab") as target:
        target.write(line.encode() + b"\n")
        target.flush()
        os.fsync(target.fileno())
    if new:
        sync_folder(path.parent)


def whole_lines(path: Path) -> list[str]:
    """The lines of `path` that were written whole; none where the file is absent.

    Raises:
        BadRecord: It cannot be read, or is no file.
    """
    # Not splitlines(): JSON may hold U+2028 and others, which it takes for ends of lines.
    return _lines_of(path).decode(errors="replace").split("\n")[:-1]


def drop_torn_line(path: Path) -> None:
    """Cuts off what a crash left behind the last newline, so that the next line starts on its own."""
    text = _lines_of(path)
    whole = text.rfind(b"\n") + 1
    if whole != len(text):
        os.truncate(path, whole)


def _lines_of(path: Path) -> bytes:
    if not is_there(path):
        return b""
    try:
        return read_file(path)
    except OSError as error:
        raise BadRecord(
            f"{path}: expected a file of lines, received something else ({error.strerror})",
            "Nothing was changed. Restore the file, or move its folder away to do that part again.",
        ) from error


def _in_the_way(path: Path, received: str) -> BadRecord:
    return BadRecord(
        f"{path}: expected a file to write, received {received} of that name",
        "Nothing was changed. Move it away and give the same command again.",
    )


def drop_partial(folder: Path) -> None:
    """Deletes what processes that are gone left half written below `folder`; others may be writing there just now."""
    for path in folder.rglob(f"{TEMPORARY}*"):
        if path.is_file() and is_abandoned(path):
            path.unlink(missing_ok=True)


def is_abandoned(temporary: Path) -> bool:
    """Whether whoever wrote a temporary file is gone.

    The process of a file of this host is looked for. Its number may have been given out again: a file older than the
    process that has its number now is another one's. The number says nothing about a file of another host, nor about
    one whose name says no host: such a file is a leftover when nobody has written to it for `FOREIGN_AGE`.
    """
    named = _NAMED.match(temporary.name)
    if named is None or named["host"] != host_digest():
        return _is_old(temporary)
    import psutil  # for this alone: every command imports this module

    try:
        written = temporary.stat().st_mtime
        process = psutil.Process(int(named["pid"]))
        return bool(process.status() == psutil.STATUS_ZOMBIE or process.create_time() > written + CLOCK)
    except FileNotFoundError:  # finished meanwhile
        return False
    except psutil.AccessDenied:
        return False
    except (ValueError, OverflowError, psutil.NoSuchProcess):
        return True


def _is_old(temporary: Path) -> bool:
    try:
        return time.time() - temporary.stat().st_mtime > FOREIGN_AGE
    except FileNotFoundError:  # finished meanwhile
        return False


def is_full(error: BaseException) -> bool:
    """Whether `error`, or one behind it, says that there is no space left."""
    return _says(error, FULL)


def is_broken(error: BaseException) -> bool:
    """Whether `error`, or one behind it, says that the disk itself has failed."""
    return _says(error, BROKEN)


def _says(error: BaseException | None, numbers: tuple[int, ...]) -> bool:
    """HDF5 names the number in its text alone."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in numbers:
            return True
        if any(f"errno = {number}," in str(error) for number in numbers):
            return True
        error = error.__cause__ or error.__context__
    return False


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


def size_of(folder: Path) -> int:
    """Bytes on disk of all files below `folder`; a file with several names counts once."""
    seen = {(s.st_dev, s.st_ino): s.st_size for p in folder.rglob("*") if p.is_file() for s in [p.stat()]}
    return sum(seen.values())
