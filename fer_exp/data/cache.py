"""The cache of faces: a source is read once, and found again by what its files look like from outside.

In: a source. Out: its Faces, memory-mapped where they were read before. Files, below the cache folder:

    sources/<key>.json                    what the source held, and the digest of its faces
    <data digest>/{images,labels,usage}.npy

Behind the last number of each array stands a checksum, which NumPy does not read, and `load_array` does.
The key is path, size and modification time (of every file, for a folder), so that a second start reads no pixel of the
source; two sources with the same faces share one copy. What is found is checked against its digest before it is used.
"""

import hashlib
import mmap
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.faces import BadRow, Faces, digest_of
from fer_exp.data.reading import Reading
from fer_exp.system.errors import BadData, BadRecord
from fer_exp.system.files import is_there, open_file, replacing, write_atomically
from fer_exp.system.values import Value

FORMAT = 3  # of the cache and of what the readers make of a source; raise it to have every source read anew
DEMO = "demo"  # the source that is drawn, not read; as `sources/read.py` knows it, which is not imported for one word
SEAL = struct.Struct("<I")  # CRC-32 of all before it
LARGEST_ARRAY = 2**33  # bytes
ARRAYS = ("images", "labels", "usage")
VOTES = "votes.npy"
GROUPS = "groups-{}"  # of one reading: the same faces may be grouped in several ways


class SourceEntry(Value):
    """What a source held when it was read."""

    digest: str  # of its faces
    source: str
    kind: str
    notes: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]  # where, problem
    class_names: tuple[str, ...] = FER2013.names  # in label order
    grouped_by: str = ""  # what a group is; empty without groups
    groups_digest: str = ""
    licence: str = ""
    voted: bool = False  # whether there are annotators' votes


def known_source(source: str, cache: Path, reading: Reading = Reading()) -> SourceEntry | None:
    """What `source` held when it was last read; None where it was not, or has changed since. Reads no pixels.

    Raises:
        BadData: There is no such file or folder.
    """
    path = _entry_path(source, cache, reading)
    try:
        return SourceEntry.read(path) if is_there(path) else None
    except BadRecord:  # a damaged cache is made anew
        return None


def cached_faces(source: str, cache: Path, reading: Reading = Reading()) -> tuple[Faces, SourceEntry]:
    """The faces of `source`: from the cache where it holds them undamaged, else read and put there.

    Raises:
        BadData: There is no such file or folder, or it cannot be read as faces.
    """
    entry = known_source(source, cache, reading)
    if entry is not None:
        stored = _stored_faces(cache / entry.digest, entry)
        if stored is not None:
            return stored, entry
    return _read_and_store(source, cache, reading)


def _read_and_store(source: str, cache: Path, reading: Reading) -> tuple[Faces, SourceEntry]:
    # Here because the readers load pandas and OpenCV, which a start from the cache has no use for.
    from fer_exp.data.sources.read import read_faces

    before = _entry_path(source, cache, reading)
    faces = read_faces(source, reading)
    entry = SourceEntry(
        digest=faces.digest,
        source=faces.source,
        kind=faces.kind,
        notes=faces.notes,
        dropped=tuple((row.where, row.problem) for row in faces.dropped),
        class_names=faces.classes.names,
        grouped_by=faces.grouped_by,
        voted=faces.votes is not None,
        licence=faces.licence,
        groups_digest="" if faces.groups is None else digest_of(faces.groups),
    )
    for name in ARRAYS:
        save_array(cache / entry.digest / f"{name}.npy", getattr(faces, name))
    if faces.votes is not None:
        save_array(cache / entry.digest / VOTES, faces.votes)
    if faces.groups is not None:
        save_array(cache / entry.digest / f"{GROUPS.format(entry.groups_digest)}.npy", faces.groups)
    if _entry_path(source, cache, reading) == before:  # else it was written to while it was read
        write_atomically(before, entry.sealed(indent=1))
    return faces, entry


def _stored_faces(folder: Path, entry: SourceEntry) -> Faces | None:
    """The faces in `folder`, memory-mapped; None where any of their files is missing or damaged."""
    try:
        images, labels, usage = (load_array(folder / f"{name}.npy") for name in ARRAYS)
        dropped = tuple(BadRow(*row) for row in entry.dropped)
        classes = Classes(entry.class_names)
        groups = load_array(folder / f"{GROUPS.format(entry.groups_digest)}.npy") if entry.grouped_by else None
        votes = load_array(folder / VOTES) if entry.voted else None
        about = (
            entry.source,
            entry.kind,
            entry.notes,
            dropped,
            classes,
            groups,
            entry.grouped_by,
            votes,
            entry.licence,
        )
        faces = Faces(images, labels, usage, *about)
        if groups is not None and digest_of(groups) != entry.groups_digest:
            return None
    except (OSError, ValueError, EOFError):
        return None
    return faces if faces.digest == entry.digest else None


def save_array(path: Path, array: NDArray[np.generic]) -> None:
    """Puts `array` at `path` as a NumPy file, whole or not at all."""
    with replacing(path) as temporary:
        np.save(temporary, array, allow_pickle=False)
        with temporary.open("r+b") as file:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as written:
                seal = zlib.crc32(written)
            file.seek(0, os.SEEK_END)
            file.write(SEAL.pack(seal))


def load_array(path: Path) -> NDArray[Any]:
    """The array stored at `path`, memory-mapped and read-only.

    Raises:
        OSError, ValueError, EOFError: The file is missing, truncated, altered, or no NumPy file.
    """
    with open_file(path, LARGEST_ARRAY) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stored:
        if len(stored) < SEAL.size or SEAL.unpack(stored[-SEAL.size :]) != (_checksum(stored),):
            raise ValueError(f"{path.name}: altered since it was written: its checksum does not fit")
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _checksum(stored: mmap.mmap) -> int:
    with memoryview(stored) as view:
        return zlib.crc32(view[: -SEAL.size])


def _entry_path(source: str, cache: Path, reading: Reading) -> Path:
    parts = [f"format {FORMAT}", reading.to_json(), *_outside(source)]
    key = hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()[:16]
    return cache / "sources" / f"{key}.json"


def _outside(source: str) -> list[str]:
    """What can be told about a source without reading it: name, size in bytes and modification time of each file."""
    if source == DEMO:
        from fer_exp.data.sources.demo import VERSION  # OpenCV, for the demo alone

        return [DEMO, str(VERSION)]
    path = Path(source).absolute()
    if path.is_dir():
        files = sorted(Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    elif path.exists():
        files = [path]
    else:
        raise BadData(
            f"data: expected a file or a folder, found none at {path}",
            "Nothing was started. Give --data an existing path, or 'demo' for drawn faces.",
        )
    return [str(path), *(f"{file} {(seen := _seen(file)).st_size} {seen.st_mtime_ns}" for file in files)]


def _seen(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError:  # a link that leads nowhere: what reads it says so
        return file.lstat()
