"""Archives of images: a zip or tar, packed or not, is unpacked, read as a folder, and taken away again.

In: the path of an archive. Out: whether it holds images; a folder with its contents, for as long as it is needed. What
cannot be a data set is refused before it is written: names that lead outside, more than the disk has room for.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from fer_exp.data.sources.archives import DAMAGED, Stream, damaged, is_tar, is_zip, tar_in, unwrapped
from fer_exp.data.sources.images import ENDINGS
from fer_exp.data.sources.rows import MOST_FACES, UNCHANGED
from fer_exp.system.errors import BadData

MOST_MEMBERS = 2 * MOST_FACES  # images, and as many files about them
LOOKED_THROUGH = 64 * 2**20  # unpacked bytes of a tar in which its first image stands
SPARE = 2  # times what an archive holds must be free: the prepared faces need room too


def holds_images(path: Path) -> bool:
    """Whether the file is a zip or tar with an image in it.

    Raises:
        BadData: It is damaged.
    """
    try:
        if is_zip(path):
            with zipfile.ZipFile(path) as archive:
                return any(_is_image(name) for name in archive.namelist())
        with path.open("rb") as file:
            return _tar_holds_images(unwrapped(Stream(file, path.name), LOOKED_THROUGH))
    except DAMAGED as error:
        raise damaged(path.name, error) from error


def _tar_holds_images(stream: Stream) -> bool:
    if not is_tar(stream):
        return False
    with tar_in(stream) as archive:
        for member in archive:
            if member.isreg() and _is_image(member.name):
                return True
            if archive.offset > LOOKED_THROUGH:
                return False
    return False


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A folder, named as the archive is, with all that is in it; gone when the block ends.

    Raises:
        BadData: The archive is damaged, too large for the disk, or has names that lead outside.
    """
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as temporary:
        folder = Path(temporary) / (path.name.split(".", 1)[0] or "archive")
        folder.mkdir()
        limit = shutil.disk_usage(folder).free // SPARE
        try:
            if is_zip(path):
                _unpack_zip(path, folder, limit)
            else:
                _unpack_tar(path, folder, limit)
        except DAMAGED as error:
            raise damaged(path.name, error) from error
        yield folder


def _unpack_zip(path: Path, folder: Path, limit: int) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for number, member in enumerate(members):
            _refuse(path.name, number, member.filename)
        _refuse_larger(path.name, sum(member.file_size for member in members), limit)
        archive.extractall(folder)


def _unpack_tar(path: Path, folder: Path, limit: int) -> None:
    size = 0
    with path.open("rb") as file, tar_in(unwrapped(Stream(file, path.name), limit)) as archive:
        for number, member in enumerate(archive):
            size += member.size
            _refuse(path.name, number, member.name)
            _refuse_larger(path.name, size, limit)
            archive.extract(member, folder, filter="data")


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in ENDINGS and not path.name.startswith("._")


def _refuse(archive: str, number: int, name: str) -> None:
    if number >= MOST_MEMBERS:
        raise BadData(f"{archive}: expected at most {MOST_MEMBERS:,} members, received more", f"{UNCHANGED}")
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise BadData(
            f"{archive}: expected members with plain names, received {name!r}",
            f"{UNCHANGED} An archive with such a name is not a data set.",
        )


def _refuse_larger(archive: str, size: int, limit: int) -> None:
    if size > limit:
        raise BadData(
            f"{archive}: expected at most {limit:,} unpacked bytes, half of what is free in {tempfile.gettempdir()}, "
            f"received {size:,} or more",
            f"{UNCHANGED} Set TMPDIR to a larger disk, or unpack it and give its folder.",
        )
