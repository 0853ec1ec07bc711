"""Rubbish in place of data: sources, archives, images and the cache. Refused, or read with a digest that tells.

A plain CSV has no checksum, so another digit in it is another face; then the digest is another, which every campaign
compares. What is packed with checksums is read as it was packed, or refused.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import resource
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from fer_exp.data.cache import cached_faces
from fer_exp.data.check import check, describe
from fer_exp.data.reading import Reading
from fer_exp.data.sources import archives, rows
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadData
from tests.made_archives import tar_of, zip_of
from tests.made_faces import columns_of, csv_of, png_of, some_faces, write_parquet
from tests.rubbish import Input, altered, no_files, patience, throw, told_badly

FACES = some_faces(6)
CSV = csv_of(FACES)
CHECKED: dict[str, Callable[[bytes], bytes]] = {  # packed with a checksum over everything
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "zip": lambda data: zip_of({"readme.txt": b"hello", "a/fer2013.csv": data}),
    "tar.gz": lambda data: tar_of({"README": b"hello", "fer2013.csv": data}, "gz"),
    "tar.xz": lambda data: tar_of({"README": b"hello", "fer2013.csv": data}, "xz"),
}
UNCHECKED: dict[str, Callable[[bytes], bytes]] = {
    "csv": bytes,
    "tar": lambda data: tar_of({"README": b"hello", "fer2013.csv": data}),
}


def reading(path: Path) -> Callable[[], Any]:
    """A source as commands read it: whole, and with bad rows left out, which is then told."""

    def read() -> Any:
        with contextlib.suppress(BadData):
            describe(check(read_faces(path, reading=Reading(skip_bad_rows=True))))
        return read_faces(path).digest

    return read


@pytest.mark.parametrize("packing", [*CHECKED, *UNCHECKED])
def test_csv_however_packed(packing: str, tmp_path: Path) -> None:
    file = tmp_path / "fer2013"
    good = (CHECKED | UNCHECKED)[packing](CSV)
    file.write_bytes(good)
    # What has no checksum of its own is only another source.
    inputs = (
        Input(given.name, given.put, damaged=packing in CHECKED)
        for given in chain(altered(good, packing, 120, 60), no_files())
    )
    verdict = throw(file, without_folders(inputs), reading(file), tmp_path, label=packing)
    verdict.check(at_least=210)
    assert verdict.refused > 80


def without_folders(inputs: Iterator[Input]) -> Iterator[Input]:
    """A folder is a kind of source, so it has a test of its own."""
    return (given for given in inputs if "folder" not in given.name)


@pytest.mark.parametrize("kind", ["images", "pixels", "lists"])
def test_parquet(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "fer2013"
    images: dict[str, dict[str, object]] = {
        "images": {"image": [{"bytes": png_of(image), "path": None} for image in FACES.images]},
        "pixels": {"pixels": [" ".join(map(str, image.ravel())) for image in FACES.images]},
        "lists": {"pixels": [image.ravel().tolist() for image in FACES.images]},
    }
    write_parquet(file, columns_of(FACES, **images[kind]))
    good = file.read_bytes()
    inputs = (Input(given.name, given.put, damaged=False) for given in chain(altered(good, kind, 160, 40), no_files()))
    throw(file, without_folders(inputs), reading(file), tmp_path, label=f"parquet of {kind}").check(at_least=260)


def test_parquet_of_other_types(tmp_path: Path) -> None:
    """Every type of Arrow's in every column."""
    file = tmp_path / "fer2013"
    image = [png_of(FACES.images[0])] * 2
    good = {"image": pa.array(image), "emotion": pa.array([1, 2]), "Usage": pa.array(["Training", "PublicTest"])}
    pq.write_table(pa.table(good), file)
    odd = {
        "times": pa.array([2**62, -(2**62)], pa.timestamp("us")),
        "dates": pa.array([2**40, 0], pa.date64()),
        "decimals": pa.array([None, None], pa.decimal128(38)),
        "nulls": pa.nulls(2),
        "floats": pa.array([float("nan"), 1.0]),
        "lists": pa.array([[1], None]),
        "structs": pa.array([{"bytes": 1}, None]),
        "maps": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "big numbers": pa.array([2**63, 2**64 - 1], pa.uint64()),
        "words": pa.array(["happy", "sad"]).dictionary_encode(),
        "bytes": pa.array([b"\xff", b""]),
        "booleans": pa.array([True, None]),
        "durations": pa.array([2**62, None], pa.duration("s")),
    }
    tables = {
        f"{column} of {name}": pa.table({**good, column: array}) for column in good for name, array in odd.items()
    }
    features = [b"{", b"[]", b"null", b'{"info": {"features": {"emotion": {"names": [1, 2]}}}}', b"[" * 100_000]
    for number, text in enumerate(features):
        tables[f"features {number}"] = pa.table(good).replace_schema_metadata({b"huggingface": text})
    inputs = [Input(name, partial(pq.write_table, table), damaged=False) for name, table in tables.items()]
    throw(file, inputs, reading(file), tmp_path, label="parquet types").check(at_least=44)


# -- folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    for part in ("train", "test"):
        for name in ("happy", "sad"):
            (folder / part / name).mkdir(parents=True)
            for number in range(2):
                (folder / part / name / f"{number}.png").write_bytes(png_of(FACES.images[number]))
    return folder


def test_an_image_among_others(folder: Path) -> None:
    file = folder / "train" / "happy" / "0.png"
    good = file.read_bytes()
    inputs = (Input(given.name, given.put, damaged=False) for given in chain(altered(good, "png", 160, 60), no_files()))
    with quiet():
        verdict = throw(file, inputs, reading(folder), folder, label="image")
    verdict.check(at_least=280)
    assert verdict.refused > 150


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """OpenCV's decoders complain to standard error by themselves."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def test_names_that_are_no_text_and_links_that_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    (folder / "train" / "sad" / name).write_bytes(b"no image")
    (folder / "train" / "sad" / ("x" * 251 + ".png")).write_bytes(png_of(FACES.images[3]))
    (folder / "test" / "sad" / "gone.png").symlink_to("nowhere")
    (folder / "test" / "sad" / "round.png").symlink_to("round.png")
    with pytest.raises(BadData, match="expected an image"):
        read_faces(folder)
    faces, entry = cached_faces(str(folder), tmp_path / "cache", reading=Reading(skip_bad_rows=True))
    assert len(faces) == 9
    assert [where.encode() and problem for where, problem in entry.dropped] == [row.problem for row in faces.dropped]
    assert [where for where, _ in entry.dropped] == [
        f"faces/t{n}" for n in ("rain/sad/caf\\xe9.png", "est/sad/gone.png", "est/sad/round.png")
    ]
    assert cached_faces(str(folder), tmp_path / "cache", reading=Reading(skip_bad_rows=True))[1] == entry
    (folder / "train" / os.fsdecode(b"\xff")).mkdir()
    with pytest.raises(BadData, match=r"received '.xff'"):
        read_faces(folder)


def test_a_folder_that_holds_itself(folder: Path, tmp_path: Path) -> None:
    (folder / "train" / "happy" / "again").symlink_to(folder)
    (folder / "train" / "train").symlink_to("..")
    with patience(), pytest.raises(BadData, match="received 'train'"):
        cached_faces(str(folder), tmp_path / "cache")


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    for source in ("x" * 5_000, "a/" * 5_000, str(tmp_path / ("y" * 300))):
        with pytest.raises(BadData) as caught:
            read_faces(source)
        assert told_badly(caught.value) is None


# -- bombs


def memory_mib() -> float:
    """The most that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tar_header(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """A member's header with any size, its checksum right."""
    header = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    header[124:136], header[156:157], header[148:156] = size, kind, b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


HUGE = b"\x80" + (2**60).to_bytes(11, "big")
NEGATIVE = b"\xff" * 12


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that ask for much."""
    header = b"emotion,pixels,Usage\n"
    millions = 100 * 2**20
    yield "a gigabyte of one line", gzip.compress(header + b"1" * millions, 1)
    yield "blank lines without end", gzip.compress(header + b"\n" * millions, 1)
    yield "rubbish in a hundred million lines", gzip.compress(header + b"x\n" * (millions // 2), 1)
    yield "three layers", gzip.compress(gzip.compress(gzip.compress(header + b"\n" * millions, 1)))
    yield "ten layers", _nested(CSV, 10)
    yield "a member of 2^60 bytes", tar_header("fer2013.csv", HUGE) + CSV
    yield "something before it of 2^60 bytes", tar_header("README", HUGE) + CSV
    yield "a member of less than nothing", tar_header("fer2013.csv", NEGATIVE) + CSV
    yield "a name of a gigabyte", gzip.compress(tar_header("x", b"07777777777\0", b"L") + b"x" * millions, 1)
    yield "attributes of a gigabyte", gzip.compress(tar_header("x", b"07777777777\0", b"x") + b"x" * millions, 1)
    yield "a size among the attributes", _pax_size()
    yield "a zip of 120,000 members", zip_of({f"{number}.csv": b"" for number in range(120_000)})
    yield "a tar of 120,000 members", gzip.compress(tar_header("a.csv", b"00000000000\0") * 120_000, 1)
    yield "a zip in a zip", zip_of({"fer2013.csv": zip_of({"fer2013.csv": CSV})})
    yield "links out of it", _links()


def _nested(data: bytes, layers: int) -> bytes:
    for _ in range(layers):
        data = gzip.compress(data)
    return data


def _pax_size() -> bytes:
    note = b"30 size=9999999999999999999999\n"
    return (
        tar_header("x", b"%011o\0" % len(note), b"x") + note.ljust(512, b"\0") + tar_header("a.csv", b"0" * 11 + b"\0")
    )


def _links() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for kind in (
            tarfile.SYMTYPE,
            tarfile.LNKTYPE,
            tarfile.CHRTYPE,
            tarfile.BLKTYPE,
            tarfile.FIFOTYPE,
            tarfile.DIRTYPE,
        ):
            member = tarfile.TarInfo("fer2013.csv")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    return packed.getvalue()


def test_bombs_are_refused_in_bounded_time_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "fer2013"
    for name, content in bombs():
        path.write_bytes(content)
        before = memory_mib()
        for skip in (False, True):
            with patience(60), pytest.raises(BadData) as caught:
                read_faces(path, Reading(skip_bad_rows=skip))
            assert told_badly(caught.value) is None, name
        assert memory_mib() - before < 300, name
        assert [file.name for file in tmp_path.iterdir()] == ["fer2013"], name


def test_an_image_of_a_hundred_million_pixels_is_refused(tmp_path: Path) -> None:
    side = 10_000
    rows_of_image = zlib.compress(b"\0" * (side + 1) * side, 1)
    chunks = (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", rows_of_image), (b"IEND", b"")
    packed = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks]
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    before = memory_mib()
    with quiet(), pytest.raises(BadData, match="expected an image, received"):
        read_faces(tmp_path)
    assert memory_mib() - before < 50


def test_more_faces_than_the_product_is_made_for_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_FACES", 5)
    (tmp_path / "fer2013.csv").write_bytes(CSV)
    with pytest.raises(BadData, match="expected at most 5 faces, received more"):
        read_faces(tmp_path / "fer2013.csv")


def test_an_archive_in_the_place_of_a_limit_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    (tmp_path / "zip").write_bytes(zip_of({"readme.txt": b"hello", "fer2013.csv": CSV}))
    assert read_faces(tmp_path / "zip").digest == FACES.digest
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    with pytest.raises(BadData, match="expected at most 1 members"):
        read_faces(tmp_path / "zip")


# -- the cache


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(csv_of(some_faces(63)))
    return path


def parts_of(source: Path, cache: Path) -> Development:
    return prepare(str(source), protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=cache)


def test_files_of_the_cache_are_read_as_written_or_made_anew(source: Path, tmp_path: Path) -> None:
    """What cannot be made anew, because something stands in its place, is refused."""
    cache = tmp_path / "cache"

    def read() -> Any:
        faces, _ = cached_faces(str(source), cache)
        made = parts_of(source, cache)
        splits = [made.train(clahe) for clahe in (False, True)] + [made.validation(clahe) for clahe in (False, True)]
        arrays = [array for split in splits for array in (split.images, split.labels, split.rows)]
        return faces.digest, made.info, [np.asarray(array).tobytes() for array in arrays]

    read()
    tried = refused = 0
    for file in sorted(path for path in cache.rglob("*") if path.is_file()):
        good = file.read_bytes()
        inputs = chain(altered(good, file.name, 12, 4), no_files())
        verdict = throw(file, inputs, read, tmp_path, mends=True)
        verdict.check(at_least=50)
        tried, refused = tried + verdict.tried, refused + verdict.refused
    assert tried > 500
    assert refused < tried / 10  # a cache is there to be made anew
