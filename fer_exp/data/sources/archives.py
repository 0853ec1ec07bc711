"""The CSV inside a file, whatever it is packed in: nothing, gzip, xz, zstd, bzip2, zip, tar, and tar in one of them.

In: a path. Out: streams of the unpacked bytes of each CSV found. What a file is packed in is told by its first bytes,
never by its name; nothing is extracted to disk, and no more than `MAX_UNPACKED` bytes are unpacked, in bounded pieces.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol as Interface

import pyarrow as pa

from fer_exp.data.sources.rows import UNCHANGED
from fer_exp.system.errors import BadData
from fer_exp.system.values import first_line

MAX_UNPACKED = 2 * 1024**3  # bytes; FER2013 has 0.3 * 10^9
MAX_LAYERS = 3  # tar in xz in gzip is odd, deeper is an attack or a mistake
MAX_MEMBERS = 100_000  # of an archive; FER2013's image edition has 35,887
_TAR_HEADER = 512  # bytes
_MAX_TAR_NOTE = 2**20  # bytes of a tar's long names and attributes, which its reader holds in memory
_PATIENCE = 1000  # reads behind the end, before whoever reads on for ever is stopped
# What the readers of the standard library and of Arrow raise for damaged, truncated, encrypted or unknown packing.
DAMAGED = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    RuntimeError,  # an encrypted or otherwise unusual zip
    ValueError,  # numbers and names in headers
    OverflowError,
)


class Readable(Interface):
    """Anything with `read`."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        ...


class Stream:
    """Bytes that can be looked at before they are read; damage and excess of what is behind become BadData.

    Args:
        inner: Where bytes come from.
        name: The file, for messages.
        limit: The most bytes it may give; None for a file that is not packed.
    """

    closed = False  # Arrow asks

    def __init__(self, inner: Readable, name: str, limit: int | None = None) -> None:
        self._inner, self.name, self._limit = inner, name, limit
        self._ahead = b""
        self._given = 0
        self._behind_end = 0

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end, without moving on."""
        if len(self._ahead) < size:
            self._ahead += self._more(size - len(self._ahead))
        return self._ahead[:size]

    def read(self, size: int, /) -> bytes:
        """The next `size` bytes; fewer at the end only.

        Raises:
            BadData: The packing is damaged or cut off, or more than the limit comes out of it.
        """
        if not self._ahead:
            return self._more(size)
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken + self._more(size - len(taken)) if len(taken) < size else taken

    def close(self) -> None:
        """Does nothing: whoever opened the file closes it (Arrow asks for the method)."""

    def _more(self, size: int) -> bytes:
        pieces = []
        try:
            while size > 0 and (piece := self._inner.read(size)):
                pieces.append(piece)
                size -= len(piece)
        except DAMAGED as error:
            raise damaged(self.name, error) from error
        data = b"".join(pieces)
        self._given += len(data)
        self._behind_end = 0 if data else self._behind_end + 1
        if self._behind_end > _PATIENCE:  # tarfile looks for a member of 2^60 bytes block by block
            raise damaged(self.name, EOFError("it ends before its contents do"))
        if self._limit is not None and self._given > self._limit:
            raise too_large(self.name, self.name)
        return data


def damaged(name: str, error: Exception) -> BadData:
    """The error for packing that cannot be undone."""
    return BadData(
        f"{name}: expected a whole file, received a damaged or cut-off one ({first_line(error)})",
        f"{UNCHANGED} Fetch the file again.",
    )


def too_large(name: str, member: str) -> BadData:
    """The error for more than the limit."""
    return BadData(
        f"{name}: expected at most {MAX_UNPACKED:,} unpacked bytes, received more in {member}",
        f"{UNCHANGED} FER2013 has 0.3 GB; look at what the file holds.",
    )


_CODECS: dict[bytes, Callable[[Stream], Readable]] = {
    b"\x1f\x8b": lambda packed: _arrow(packed, "gzip"),  # 1.5 times as fast as the gzip module
    b"\x28\xb5\x2f\xfd": lambda packed: _arrow(packed, "zstd"),  # zstandard's reader misses a cut-off
    b"BZh": lambda packed: _arrow(packed, "bz2"),
    b"\xfd7zXZ\x00": lambda packed: _xz(packed),
}


def _arrow(packed: Stream, codec: str) -> Readable:
    stream: Readable = pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), codec)
    return stream


def _xz(packed: Stream) -> Readable:
    return lzma.LZMAFile(packed)  # type: ignore[arg-type]  # reading needs `read` alone


def csv_streams(path: Path, wanted: Callable[[bytes], bool]) -> Generator[Stream]:
    """The unpacked bytes of each CSV in the file; each stream ends when the next is asked for.

    Args:
        path: An existing file.
        wanted: Whether the first bytes of an archive's member are those of a CSV to read. A file that is no archive is
            always given.

    Raises:
        BadData: Damaged, too large, or an archive's member has an impossible name.
    """
    if is_zip(path):
        yield from _in_zip(path, wanted)
        return
    with path.open("rb") as file:
        stream = unwrapped(Stream(file, path.name), MAX_UNPACKED)
        if is_tar(stream):
            yield from _in_tar(stream, wanted)
        else:
            yield stream


def is_zip(path: Path) -> bool:
    """Whether the file begins as a zip does."""
    with path.open("rb") as file:
        return file.read(4).startswith((b"PK\x03\x04", b"PK\x05\x06"))


def unwrapped(stream: Stream, limit: int) -> Stream:
    """What is left when gzip, xz, zstd and bzip2 are taken off, of which no more than `limit` bytes will be given."""
    for _ in range(MAX_LAYERS):
        start = stream.peek(_TAR_HEADER)
        codec = next((codec for magic, codec in _CODECS.items() if start.startswith(magic)), None)
        if codec is None:
            break
        stream = Stream(codec(stream), stream.name, limit)
    return stream


def is_tar(stream: Stream) -> bool:
    """Whether a tar begins here."""
    return stream.peek(_TAR_HEADER)[257:262] == b"ustar"


def tar_in(stream: Stream) -> tarfile.TarFile:
    """The tar that begins here, to be read once, in its order."""
    return tarfile.TarFile.open(fileobj=stream, mode="r|", tarinfo=_Header)  # type: ignore[call-overload,no-any-return]  # `read`


def _in_tar(stream: Stream, wanted: Callable[[bytes], bool]) -> Iterator[Stream]:
    try:
        with tar_in(stream) as archive:
            for number, member in enumerate(archive):
                _refuse_crowd(stream.name, number)
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None and _is_candidate(stream.name, member.name, member.size):
                    inner = Stream(content, stream.name, MAX_UNPACKED)
                    if wanted(inner.peek(_HEADER_LINE)):
                        yield inner
    except DAMAGED as error:
        raise damaged(stream.name, error) from error


def _in_zip(path: Path, wanted: Callable[[bytes], bool]) -> Iterator[Stream]:
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_crowd(path.name, len(archive.infolist()) - 1)
            for member in archive.infolist():
                if not member.is_dir() and _is_candidate(path.name, member.filename, member.file_size):
                    with archive.open(member) as content:
                        inner = Stream(content, path.name, MAX_UNPACKED)
                        if wanted(inner.peek(_HEADER_LINE)):
                            yield inner
    except DAMAGED as error:
        raise damaged(path.name, error) from error


class _Header(tarfile.TarInfo):
    """A member's header, refused where its size cannot be true or would be read into memory whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        header = super().frombuf(buf, encoding, errors)
        note = header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, *_GNU_NOTES)
        if header.size < 0 or (note and header.size > _MAX_TAR_NOTE):
            raise tarfile.ReadError(f"a member of {header.size:,} bytes")
        return header


_GNU_NOTES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


def _refuse_crowd(archive: str, members: int) -> None:
    if members >= MAX_MEMBERS:
        raise BadData(
            f"{archive}: expected at most {MAX_MEMBERS:,} members, received more",
            f"{UNCHANGED} Look at what it holds, or unpack it and give its folder.",
        )


_HEADER_LINE = 4096  # bytes in which a header line ends


def _is_candidate(archive: str, member: str, size: int) -> bool:
    name = PurePosixPath(member)
    if not name.name.lower().endswith(".csv") or name.name.startswith("._"):  # macOS adds "._fer2013.csv"
        return False
    if name.is_absolute() or ".." in name.parts:
        raise BadData(
            f"{archive}: expected members with plain names, received {member!r}",
            f"{UNCHANGED} Nothing is ever extracted, but an archive with such a name is not a data set.",
        )
    if size > MAX_UNPACKED:
        raise too_large(archive, member)
    return True
