"""A data source written anew: as CSV (packed or not), as parquet, or as folders of images.

In: any source, and a destination whose name says the form. Out: the destination, complete or not at all, and the Faces
that were written. Nothing is lost: images are stored as numbers or as PNG. Folders alone forget the order of rows: it
becomes that of part, class and name.
"""

import contextlib
import errno
import gzip
import lzma
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import Faces, Images, Usage
from fer_exp.data.form import FER2013_FORM
from fer_exp.data.reading import Reading
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadInput, NoSpace
from fer_exp.system.files import replacing, sync_folder, temporary_name

_NUMBERS = [str(value).encode() for value in range(256)]
_PARTS = {Usage.TRAINING: "train", Usage.PUBLIC_TEST: "test", Usage.PRIVATE_TEST: "test"}


def convert(source: str | Path, destination: Path, reading: Reading = Reading(), *, overwrite: bool = False) -> Faces:
    """Writes the faces of `source` to `destination`.

    Args:
        source: Whatever `read_faces` takes.
        destination: A name that ends in .csv, .csv.gz, .csv.xz, .csv.zst, .csv.zip or .parquet; without an ending, a
            folder of PNG files.
        reading: How the source is read.
        overwrite: Replace what is there. A folder is replaced only if it holds nothing but `train` and `test`.

    Raises:
        BadData: The source cannot be read.
        BadInput: The destination's ending is unknown, it exists, or it cannot be written.
        NoSpace: The disk is full.
    """
    write = _writer(destination)
    _refuse_existing(destination, overwrite)
    faces = read_faces(source, reading)
    try:
        write(faces, destination)
    except OSError as error:
        kind = NoSpace if error.errno == errno.ENOSPC else BadInput
        raise kind(
            f"{destination}: cannot be written ({error.strerror or error})",
            "What was there is unchanged. Choose another place, or mend that first.",
        ) from error
    return faces


def _refuse_existing(destination: Path, overwrite: bool) -> None:
    if not destination.exists():
        return
    if not overwrite:
        raise BadInput(
            f"{destination}: expected a new name, something exists there",
            "It is unchanged. Choose another name, or overwrite it with --overwrite.",
        )
    wrong_kind = destination.is_dir() != (destination.suffix == "")
    foreign = destination.is_dir() and any(path.name not in _PARTS.values() for path in destination.iterdir())
    if wrong_kind or foreign:
        raise BadInput(
            f"{destination}: expected something that this command wrote, received other content",
            "It is unchanged. Choose another name, or remove it yourself.",
        )


def _writer(destination: Path) -> Callable[[Faces, Path], None]:
    name = destination.name.lower()
    for ending, packed in _PACKERS.items():
        if name.endswith(ending):
            return lambda faces, path: _write_csv(faces, path, packed)
    if name.endswith(".parquet"):
        return _write_parquet
    if not destination.suffix:
        return _write_folder
    known = ", ".join([*_PACKERS, ".parquet"])
    raise BadInput(
        f"{destination}: expected a name that ends in {known}, or a folder without an ending",
        "Nothing was written. Choose such a name.",
    )


def _labels(faces: Faces) -> list[str] | None:
    """Class names in the rows' order; None where FER2013's numbers say as much."""
    return None if faces.classes == FER2013 else [faces.classes.names[label] for label in faces.labels]


def _write_csv(faces: Faces, destination: Path, packed: "_Packer") -> None:
    if faces.form.face != FER2013_FORM.face:
        raise BadInput(
            f"{destination}: expected grey faces of 48x48 for a CSV, received others",
            "Nothing was written. Choose .parquet or a folder.",
        )
    names = _labels(faces) or [str(label) for label in faces.labels.tolist()]
    with replacing(destination) as temporary, packed(temporary) as file:
        file.write(b"emotion,pixels,Usage\n")
        for image, label, usage in zip(faces.images, names, faces.usage, strict=True):
            pixels = b" ".join([_NUMBERS[value] for value in image.tobytes()])
            file.write(b"%b,%b,%b\n" % (label.encode(), pixels, Usage(usage).title.encode()))


@contextlib.contextmanager
def _gzip(path: Path) -> Iterator[IO[bytes]]:
    # No name and time inside, so the same faces give the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as file:
        yield cast(IO[bytes], file)


@contextlib.contextmanager
def _xz(path: Path) -> Iterator[IO[bytes]]:
    with lzma.open(path, "wb", preset=2) as file:  # a third of the default's time for a tenth more bytes
        yield file


@contextlib.contextmanager
def _zstd(path: Path) -> Iterator[IO[bytes]]:
    packer = zstandard.ZstdCompressor(level=9, write_checksum=True)
    with path.open("wb") as raw, packer.stream_writer(raw) as file:
        yield file


@contextlib.contextmanager
def _zip(path: Path) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo("fer2013.csv")  # dated 1980, so the same faces give the same bytes
        member.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(member, "w", force_zip64=True) as file:
            yield file


@contextlib.contextmanager
def _plain(path: Path) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        yield file


_Packer = Callable[[Path], contextlib.AbstractContextManager[IO[bytes]]]
_PACKERS: dict[str, _Packer] = {
    ".csv": _plain,
    ".csv.gz": _gzip,
    ".csv.xz": _xz,
    ".csv.zst": _zstd,
    ".csv.zip": _zip,
}


def _write_parquet(faces: Faces, destination: Path) -> None:
    table = pa.table(
        {
            "id": pa.array(np.arange(len(faces)), pa.int64()),
            "image": pa.array([_png(image) for image in faces.images], pa.binary()),
            "emotion": pa.array(faces.labels, pa.int8()) if (names := _labels(faces)) is None else pa.array(names),
            "Usage": pa.array([Usage(usage).title for usage in faces.usage]).dictionary_encode(),
        }
    )
    with replacing(destination) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def _write_folder(faces: Faces, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    fresh = destination.with_name(temporary_name(destination.name))
    stale = destination.with_name(temporary_name(f"old-{destination.name}"))
    digits = len(str(len(faces)))  # zeros in front, so that names sort as rows do
    try:
        for one in faces.classes:  # a class without a face keeps its folder, and so its place
            (fresh / _PARTS[Usage.TRAINING] / one.slug).mkdir(parents=True, exist_ok=True)
        for number, (image, label, usage) in enumerate(zip(faces.images, faces.labels, faces.usage, strict=True)):
            folder = fresh / _PARTS[Usage(usage)] / faces.classes[label].slug
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{Usage(usage).title}_{number:0{digits}}.png").write_bytes(_png(image))
        os.sync()  # once, instead of one fsync for each of tens of thousands of files
        if destination.exists():
            destination.rename(stale)
        fresh.rename(destination)
        sync_folder(destination.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(stale, ignore_errors=True)


def _png(image: Images) -> bytes:
    image = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])  # OpenCV's order is blue, green, red
    written, data = cv2.imencode(".png", image)
    if not written:  # an 8-bit grey image always can be
        raise RuntimeError("OpenCV could not write a PNG")
    return data.tobytes()
