"""A disk of a few megabytes, in memory, that can be full and grow.

In: a folder. Out: the folder, with a file system of its own until the block ends, however it ends. Takes root's rights;
`MOUNTABLE` says whether they are there.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of `size` bytes at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "fer-exp-test", str(folder))
    try:
        yield folder
    finally:
        # Lazily: a process that has just been killed may hold it open for a moment.
        _run("umount", "--lazy", str(folder))


def grow(folder: Path, size: int) -> None:
    """Gives the disk at `folder` another size."""
    _run("mount", "-o", f"remount,size={size}", str(folder))


def free_bytes(folder: Path) -> int:
    """What is left of the disk at `folder`."""
    return shutil.disk_usage(folder).free


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _can_mount() -> bool:
    """Containers may refuse root too; util-linux's `unshare` finds out without mounting anything here."""
    if os.geteuid() != 0 or shutil.which("mount") is None or shutil.which("unshare") is None:
        return False
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "fer-exp-test", "/mnt"]
    return subprocess.run(tried, check=False, capture_output=True).returncode == 0


MOUNTABLE = _can_mount()
