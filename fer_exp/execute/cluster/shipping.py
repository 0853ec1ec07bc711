"""The development part on its way to the nodes: each fetches it once, by digest, and whoever has it fetches nothing.

In: the parent's folder of prepared data. Out: a folder on a node with the same files. A node that can read the parent's
own folder (the parent's machine, a shared file system) uses that one. CLAHE's files are not sent: each node makes them
when a recipe asks for them.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_exp.system.errors import NoSpace
from fer_exp.system.files import TEMPORARY, read_file, replacing, sha256_of
from fer_exp.system.values import first_line

DERIVED = "-clahe.npy"  # ends the names of what a node makes itself
CHUNK = 32 * 1024**2  # bytes of an object; a small object store holds a large data set in turns
INFO = "info.json"
LARGEST = 64 * 1024**2  # bytes of that file


@dataclass(frozen=True)
class Sent:
    """A file of the development part."""

    name: str
    size: int
    sha256: str
    chunks: tuple[Any, ...]  # references to objects of Ray


@dataclass(frozen=True)
class Shipment:
    """A development part that nodes may fetch."""

    digest: str  # of names and contents
    files: tuple[Sent, ...]
    origin: Path | None  # the parent's folder; None where nodes are not to look for it


def ship(folder: Path, *, shared: bool = True) -> Shipment:
    """Puts a development part into Ray's object store.

    Args:
        folder: The parent's.
        shared: A node that can read that folder may use it.

    Raises:
        NoSpace: Neither this machine's object store nor the disk behind it has room.
    """
    files = []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith(TEMPORARY) or path.name.endswith(DERIVED):
            continue
        chunks = []
        with path.open("rb") as opened:
            while chunk := opened.read(CHUNK):
                chunks.append(_put(chunk))
        files.append(Sent(path.name, path.stat().st_size, sha256_of(path), tuple(chunks)))
    text = "\n".join(f"{file.name} {file.sha256}" for file in files)
    return Shipment(hashlib.sha256(text.encode()).hexdigest()[:16], tuple(files), folder if shared else None)


def _put(chunk: bytes) -> Any:
    import ray

    try:
        return ray.put(chunk)
    except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError) as error:
        raise NoSpace(
            f"the prepared data: expected room in Ray's object store here, received: {first_line(error)}",
            "Nothing was started, and no trial was marked as failed. Free space where Ray spills objects (/tmp/ray, or "
            "its --temp-dir), or give `ray start` a larger --object-store-memory; then give the same command again.",
        ) from error


def land(shipment: Shipment, store: Path) -> tuple[Path, bool]:
    """The folder of a shipment on this node, and whether it had to be fetched.

    Args:
        shipment: From the parent.
        store: Where this node keeps data; processes of one node take turns.

    Raises:
        OSError: The node's disk refuses.
        ray.exceptions.RayError: The parent's node is out of reach.
    """
    if shipment.origin is not None and _reads_origin(shipment, shipment.origin):
        return shipment.origin, False
    folder = store / shipment.digest
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(store / f"{shipment.digest}.lock"):
        missing = [file for file in shipment.files if not _is_here(file, folder)]
        for file in missing:
            _fetch(file, folder)
    return folder, bool(missing)


def _reads_origin(shipment: Shipment, origin: Path) -> bool:
    """Whether the parent's folder can be read from here; the digest in info.json tells folders of one path apart."""
    try:
        sizes = all((origin / file.name).stat().st_size == file.size for file in shipment.files)
        info = next(file for file in shipment.files if file.name == INFO)
        return sizes and hashlib.sha256(read_file(origin / INFO, LARGEST)).hexdigest() == info.sha256
    except (OSError, StopIteration):
        return False


def _is_here(file: Sent, folder: Path) -> bool:
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256


def _fetch(file: Sent, folder: Path) -> None:
    import ray

    with replacing(folder / file.name) as temporary, temporary.open("wb") as opened:
        for chunk in file.chunks:
            opened.write(ray.get(chunk))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
