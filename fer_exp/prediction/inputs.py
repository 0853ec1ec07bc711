"""What is to be looked at: files, folders, arrays, or a list of paths.

In: what a user gave. Out: one `Source` a file or array, in order, each with a way to its frames. Folders are walked as
they come, so that a list of any length is never in memory.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.sources.listed import as_text
from fer_exp.prediction import pictures, videos
from fer_exp.prediction.frames import Frame
from fer_exp.system.errors import BadInput

Array = NDArray[np.generic]
Given = str | os.PathLike[str] | Array
KNOWN = pictures.ENDINGS | videos.ENDINGS


@dataclass(frozen=True)
class Source:
    """A file or an array."""

    name: str  # as rows carry it
    within: str  # where its annotated twin lies below the folder for those: a relative path
    video: bool
    frames: Callable[[], Iterator[Frame]]


def sources(given: Iterable[Given]) -> Iterator[Source]:
    """Each file or array once, in the order given; a folder's files by name, its folders after them.

    Files of a folder count by their ending, so that a text beside the pictures is no error; a file that is named
    itself is opened whatever it is called. What is not there is a source that cannot be read.

    Raises:
        BadInput: An array is no picture.
    """
    for number, one in enumerate(given):
        if isinstance(one, np.ndarray):
            yield from _of_array(one, number)
            continue
        path = Path(one)
        if path.is_dir():
            yield from (_of_file(file, file.relative_to(path)) for file in _below(path))
        else:
            yield _of_file(path, Path(path.name))


def _below(folder: Path) -> Iterator[Path]:
    """Pictures and videos in a folder and its folders; links to folders are not followed, hidden names are left out."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in KNOWN:
                yield Path(root) / name


def _of_file(path: Path, within: Path) -> Source:
    name, video = as_text(path), path.suffix.lower() in videos.ENDINGS
    read = videos.frames_of if video else pictures.frames_of
    return Source(name, as_text(within), video, lambda: read(path, name))


def _of_array(array: Array, number: int) -> Iterator[Source]:
    """One picture, or a batch of them."""
    wrong = BadInput(
        "images: expected uint8 arrays (h, w), (h, w, 3), (n, h, w) or (n, h, w, 3), "
        f"received {array.shape} {array.dtype}",
        "Nothing was predicted. Grey levels are 0 to 255, colours in the order red, green, blue.",
    )
    if array.dtype != np.uint8 or array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise wrong
    if array.ndim == 4 and array.shape[3] not in (1, 3):
        raise wrong
    batch = array.ndim == 4 or (array.ndim == 3 and array.shape[2] not in (1, 3))
    for place, one in enumerate(array if batch else [array]):
        name = f"array-{number}-{place}" if batch else f"array-{number}"
        picture = np.ascontiguousarray(one[..., 0] if one.ndim == 3 and one.shape[2] == 1 else one)
        frame = Frame(name, 0, None, picture)
        yield Source(name, f"{name}.png", False, lambda frame=frame: iter([frame]))  # type: ignore[misc]  # bound now
