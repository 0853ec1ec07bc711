"""Unpacking: an archive into a campaign's folder, checked to the last byte before it takes its place.

In: a file from anywhere. Out: a campaign as if it had run here. Nothing in the file is believed: names, sizes and
digests are held against its manifest while it is read, in bounded pieces, into a folder that nobody else looks at.
"""

import fcntl
import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zstandard
from pydantic import ValidationError

from fer_exp.campaign import CampaignSpec
from fer_exp.data.sources.archives import Stream
from fer_exp.portable.manifest import MEMBER, SET_ASIDE, Entry, Manifest, files_of, is_heavy, manifest_problem
from fer_exp.portable.merge import SHOWN, difference
from fer_exp.records.folder import LIGHT
from fer_exp.system.errors import BadInput, FerExpError
from fer_exp.system.files import TEMPORARY, sync_folder, temporary_name, write_atomically
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from fer_exp.system.values import Value, first_line

MAX_FILES = 1_000_000
MAX_MANIFEST = 256 * 2**20  # bytes; a file takes about 200
MAX_SIZE = 256 * 2**30  # bytes unpacked; a thousand trials with their models take about 20 GB
MAX_RATIO = 300  # bytes unpacked per byte packed; text packs 20 times, a bomb thousands of times
FREE = 2**30  # bytes: what unpacks to less is no bomb, whatever its ratio
_SKIPPED = (0x184D2A5F).to_bytes(4, "little") + (1024).to_bytes(4, "little") + b"\xff" * 1024  # RFC 8878, 3.1.2
_PIECE = 2**20
_DAMAGED = (
    EOFError,
    ValueError,
    tarfile.TarError,
    zstandard.ZstdError,
)  # what the readers raise; not what writing does


@dataclass(frozen=True)
class Unpacked:
    """What came out."""

    manifest: Manifest
    folder: Path
    added: int  # files that were not here before, or have grown; 0 where the campaign was here already, as it is


def unpack(home: Home, archive: Path) -> Unpacked:
    """Puts the campaign in `archive` into `home`.

    Raises:
        BadInput: It is no such archive, is damaged, would unpack to too much, holds names that lead elsewhere, or the
            home has a campaign of that name with something that the archive lacks. Nothing is changed then.
        Busy: Somebody drives the campaign of that name.
    """
    home.campaigns.mkdir(parents=True, exist_ok=True)
    # Beside the campaigns, not among them: `status` and others take every folder there for one.
    with _scratch(home) as scratch:
        manifest = _unpack_into(scratch / "new", archive)
        spec = CampaignSpec.read(scratch / "new" / "campaign.json")
        if (spec.name, spec.identity) != (manifest.campaign, manifest.identity):
            raise _refused(archive, f"expected campaign {manifest.campaign!r}, received the records of {spec.name!r}")
        if manifest.light:
            write_atomically(scratch / "new" / LIGHT, Light(files=len(manifest.files)).sealed(indent=1))
        os.sync()  # once for thousands of files, before one rename makes them the truth
        folder = home.campaign(manifest.campaign)
        if not folder.exists():
            (scratch / "new").rename(folder)
            sync_folder(home.campaigns)
            return Unpacked(manifest, folder, len(manifest.files))
        with lock(folder):
            added = difference(folder, scratch / "new", manifest)
            if added and manifest.light:
                _refuse_loss(folder)
            if added:
                _exchange(folder, scratch)
        return Unpacked(manifest, folder, added)


class Light(Value):
    """The note in the folder of a campaign that came from a light archive."""

    files: int  # that it came with


def _refuse_loss(folder: Path) -> None:
    """Raises BadInput where a light archive, which has more records, would take the place of a model."""
    heavy = sorted(path.relative_to(folder).as_posix() for path in files_of(folder) if is_heavy(path.name))
    if heavy:
        raise BadInput(
            f"{folder} holds what a light archive leaves out: {', '.join(heavy[:SHOWN])}"
            f"{f' and {len(heavy) - SHOWN} more' if len(heavy) > SHOWN else ''}",
            "Nothing was unpacked. Unpack it into another home (FER_EXP_HOME), or pack without --light.",
        )


@contextmanager
def _scratch(home: Home) -> Iterator[Path]:
    with (home.root / "unpack.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for left in home.root.glob(f"{TEMPORARY}*-unpack"):  # by a kill: whoever holds the lock is the only one
            shutil.rmtree(left)
        scratch = home.root / temporary_name("unpack")
        scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch)


def _exchange(folder: Path, scratch: Path) -> None:
    """Puts the new folder in the old one's place; what a doctor had set aside there moves along."""
    if (folder / SET_ASIDE).exists():
        (folder / SET_ASIDE).rename(scratch / "new" / SET_ASIDE)
    folder.rename(scratch / "old")
    try:
        (scratch / "new").rename(folder)
    except OSError:
        (scratch / "old").rename(folder)
        raise
    sync_folder(folder.parent)


def _unpack_into(folder: Path, archive: Path) -> Manifest:
    if not archive.is_file():
        raise BadInput(f"{archive}: expected an archive of records, found no file", "Nothing was unpacked.")
    try:
        with archive.open("rb") as file:
            unpacked = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
                _BehindItsEnd(file),  # type: ignore[arg-type]  # needs `read` alone
                read_across_frames=True,
            )
            limit = min(MAX_SIZE, max(FREE, MAX_RATIO * archive.stat().st_size))
            stream = Stream(unpacked, archive.name, limit)
            with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]  # needs `read` alone
                manifest = _members(tar, folder, archive)
            while stream.read(_PIECE):  # the checksum stands behind everything
                pass
            return manifest
    except FerExpError as error:
        raise _refused(archive, error.problem.removeprefix(f"{archive.name}: ")) from error
    except ValidationError as error:
        raise _refused(archive, f"expected a manifest, received another file ({first_line(error)})") from error
    except _DAMAGED as error:
        raise _refused(archive, f"expected a whole archive, received a damaged one ({first_line(error)})") from error


class _BehindItsEnd:
    """A file that goes on with a frame for zstd to skip, whose bytes begin no block and match no checksum.

    Without it, zstandard's reader takes the end of its source for the end of what was packed, so that a file whose last
    bytes are missing counts as whole.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._more = _SKIPPED

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`."""
        if piece := self._file.read(size):
            return piece
        piece, self._more = self._more[:size], self._more[size:]
        return piece


def _members(tar: tarfile.TarFile, folder: Path, archive: Path) -> Manifest:
    first = tar.next()
    if first is None or first.name != MEMBER or not first.isreg() or first.size > MAX_MANIFEST:
        raise _refused(archive, f"expected {MEMBER} as its first member, received {first.name if first else 'none'!r}")
    manifest = Manifest.from_json(_content(tar, first).read())
    if problem := manifest_problem(manifest):
        raise _refused(archive, problem)
    if len(manifest.files) > MAX_FILES or manifest.size > MAX_SIZE:
        raise _refused(archive, f"expected at most {MAX_FILES} files and {MAX_SIZE} bytes, received more")
    for entry in manifest.files:
        member = tar.next()
        told = None if member is None else (member.name, member.size)
        if member is None or told != (entry.path, entry.size) or not member.isreg():
            kind = "" if member is None or member.isreg() else ", which is no plain file"
            raise _refused(archive, f"expected {entry.path} of {entry.size} bytes, received {told}{kind}")
        _write(_content(tar, member), folder / entry.path, entry, archive)
    if (more := tar.next()) is not None:
        raise _refused(archive, f"expected nothing behind its last file, received {more.name!r}")
    return manifest


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise ValueError(f"{member.name} has no content")
    return content


def _write(content: IO[bytes], target: Path, entry: Entry, archive: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as file:
        while piece := content.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != entry.sha256:
        raise _refused(archive, f"expected {entry.path} with SHA-256 {entry.sha256[:16]}..., received another content")
    os.utime(target, ns=(entry.mtime_ns, entry.mtime_ns))


def _refused(archive: Path, problem: str) -> BadInput:
    return BadInput(f"{archive.name}: {problem}", "Nothing was unpacked. Pack it again where the campaign ran.")
