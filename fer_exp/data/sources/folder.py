"""The image-folder edition: `train/<class>/*.jpg`, `test/<class>/*.jpg`, perhaps `validation/`; or class folders alone.

In: a folder. Out: Faces, sorted by part, label and file name. A file name's prefix (`PublicTest_12.jpg`) tells the
official usage; without one, the folder's part does: `validation` is PublicTest and `test` is PrivateTest.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fer_exp.data.emotions import Emotion
from fer_exp.data.faces import Faces, Usage
from fer_exp.data.sources.images import Decoder
from fer_exp.data.sources.names import (
    emotion_named,
    emotion_words,
    part_named,
    part_words,
    shown,
    usage_prefixed,
    without_number,
)
from fer_exp.data.sources.rows import NO_USAGE, UNCHANGED, FaceRows
from fer_exp.system.errors import BadData
from fer_exp.system.files import read_file
from fer_exp.system.suggest import did_you_mean

LARGEST_IMAGE = 2**26  # bytes of an encoded image; FER2013's have two thousand
_DEBRIS = {"thumbs.db", "desktop.ini", "__macosx"}  # what file managers leave; names with a leading dot too
# What a prefix may say in each part; anything else is read as the prefix says and told.
_EXPECTED = {
    Usage.TRAINING: (Usage.TRAINING,),
    Usage.PUBLIC_TEST: (Usage.PUBLIC_TEST,),
    Usage.PRIVATE_TEST: (Usage.PUBLIC_TEST, Usage.PRIVATE_TEST),
}


class _ImageFile(NamedTuple):
    """Sorts as the rows do."""

    part: Usage
    emotion: Emotion
    name: str
    path: Path


def is_image_folder(folder: Path) -> bool:
    """Whether `folder` has a subfolder that is named like a part or a class."""
    return any(part_named(sub.name) is not None or _is_class(sub) for sub in _folders(folder))


def only_folder_in(folder: Path) -> Path | None:
    """The one folder in `folder`, where nothing else is there."""
    inside = [path for path in folder.iterdir() if not _is_debris(path)]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else None


def _is_class(folder: Path) -> bool:
    return emotion_named(without_number(folder.name)) is not None


def read_folder(folder: Path, *, skip_bad_rows: bool) -> Faces:
    """The faces of an image-folder edition.

    Raises:
        BadData: A class folder is unknown, there is no image, or a bad one that is not to be skipped.
    """
    rows = FaceRows(_as_text(Path(folder.resolve().name)), "folder", skip_bad_rows)
    has_parts = any(part_named(sub.name) is not None for sub in _folders(folder))
    files = sorted(_in_parts(folder) if has_parts else _in_classes(folder, Usage.TRAINING))
    prefixed = sum(usage_prefixed(file.name) is not None for file in files)
    if not has_parts and prefixed < len(files):
        rows.notes.append(NO_USAGE if not prefixed else f"{NO_USAGE[:-1]}, but for the {prefixed:,} with a prefix.")
    classes = {file.path.parent.name for file in files}
    numbered = {name for name in classes if without_number(name) != name}
    if numbered:
        rows.notes.append(f"Numbers before names of folders, as in {min(numbered)}, were not read; the names decide.")
    decoder = Decoder()
    moved = 0
    for file in files:
        usage = usage_prefixed(file.name)
        moved += has_parts and usage is not None and usage not in _EXPECTED[file.part]
        try:
            face = decoder.face(read_file(file.path, LARGEST_IMAGE))
        except OSError as error:
            face = f"expected an image, received {error.strerror or error}"
        if isinstance(face, str):
            rows.bad(f"{rows.source}/{_as_text(file.path.relative_to(folder))}", face)
        else:
            rows.add(face[None], [file.emotion], [file.part if usage is None else usage])
    if moved:
        rows.notes.append(f"{moved:,} files lie in another part than their prefix says; the prefix was followed.")
    rows.notes += decoder.notes()
    return rows.faces()


def _in_parts(folder: Path) -> Iterator[_ImageFile]:
    for sub in _folders(folder):
        part = part_named(sub.name)
        if part is None:
            raise _unknown(folder, sub, "train, validation or test", part_words())
        if not _folders(sub) and any(path.is_file() and not _is_debris(path) for path in sub.iterdir()):
            raise BadData(
                f"{_as_text(Path(folder.resolve().name))}: expected a folder for each class in {shown(sub.name)}, "
                "received files alone, and nothing says which emotion they show",
                f"{UNCHANGED} Sort them into {sub.name}/angry, {sub.name}/disgust and so on.",
            )
        yield from _in_classes(sub, part)


def _in_classes(folder: Path, part: Usage) -> Iterator[_ImageFile]:
    for sub in _folders(folder):
        emotion = emotion_named(without_number(sub.name))
        if emotion is None:
            expected = "a class of FER2013 (angry, disgust, fear, happy, sad, surprise, neutral)"
            raise _unknown(folder, sub, expected, emotion_words())
        for path in sub.iterdir():
            if not _is_debris(path):
                yield _ImageFile(part, emotion, path.name, path)


def _as_text(path: Path) -> str:
    """A path as messages and records can hold it: names on disk are bytes, and not always text."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _unknown(folder: Path, sub: Path, expected: str, words: tuple[str, ...]) -> BadData:
    name, received = _as_text(Path(folder.resolve().name)), shown(os.fsencode(sub.name))
    return BadData(
        f"{name}: expected each folder in it to be {expected}, received {received}{did_you_mean(sub.name, words)}",
        f"{UNCHANGED} Rename that folder, or move it away.",
    )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not _is_debris(path))


def _is_debris(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _DEBRIS
