"""The image-folder edition: `train/<class>/*.jpg`, `test/<class>/*.jpg`, perhaps `validation/`; or class folders alone.

In: a folder. Out: Faces, sorted by part, label and file name. A file name's prefix (`PublicTest_12.jpg`) tells the
official usage; without one, the folder's part does: `validation` is PublicTest and `test` is PrivateTest.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from fer_exp.data.faces import Faces, Usage
from fer_exp.data.reading import Reading
from fer_exp.data.sources.grouping import SUBJECT, groups_from, subjects_in
from fer_exp.data.sources.images import ENDINGS
from fer_exp.data.sources.listed import LARGEST_IMAGE, as_text
from fer_exp.data.sources.names import (
    class_named,
    class_words,
    part_named,
    part_words,
    shown,
    usage_prefixed,
    without_number,
)
from fer_exp.data.sources.rows import NO_USAGE, UNCHANGED, FaceRows
from fer_exp.data.sources.vocabulary import in_order, slug_of
from fer_exp.system.errors import BadData
from fer_exp.system.files import read_file
from fer_exp.system.suggest import did_you_mean

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
    place: int  # of its class among those of the folder
    name: str
    path: Path
    slug: str


def is_image_folder(folder: Path, reading: Reading) -> bool:
    """Whether `folder` has a subfolder that is named like a part or a class, or two and more with images in them."""
    inside = _folders(folder)
    if any(part_named(sub.name) is not None or _slug(sub.name, reading) is not None for sub in inside):
        return True
    return len(inside) > 1 and all(_holds_images(sub) for sub in inside)


def only_folder_in(folder: Path) -> Path | None:
    """The one folder in `folder`, where nothing else is there."""
    inside = [path for path in folder.iterdir() if not _is_debris(path)]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else None


def _slug(name: str, reading: Reading) -> str | None:
    """The class that a folder's name means: as `--classes` says, else as the table of aliases does."""
    for word in (name, name.lower()):
        if word in reading.classes:
            return reading.classes[word]
    return class_named(without_number(name))


def _holds_images(folder: Path) -> bool:
    return any(path.suffix.lower() in ENDINGS for path in folder.iterdir() if not _is_debris(path))


def read_folder(folder: Path, reading: Reading) -> Faces:
    """The faces of an image-folder edition.

    Raises:
        BadData: A class folder is unknown, there is no image, or a bad one that is not to be skipped.
    """
    rows = FaceRows(as_text(Path(folder.resolve().name)), "folder", reading)
    has_parts = any(part_named(sub.name) is not None for sub in _folders(folder))
    classes = _classes_of(_class_folders(folder, has_parts), folder, reading)
    rows.vocabulary.declared = in_order(set(classes.values()))  # with those that have a folder and no image
    found = _in_parts(folder, classes) if has_parts else _in_classes(folder, Usage.TRAINING, classes)
    files = sorted(found)
    prefixed = sum(usage_prefixed(file.name) is not None for file in files)
    if not has_parts and prefixed < len(files):
        rows.notes.append(NO_USAGE if not prefixed else f"{NO_USAGE[:-1]}, but for the {prefixed:,} with a prefix.")
    numbered = {name for name in {file.path.parent.name for file in files} if without_number(name) != name}
    if numbered:
        rows.notes.append(f"Numbers before names of folders, as in {min(numbered)}, were not read; the names decide.")
    own = sorted(name for name, slug in classes.items() if class_named(slug) is None and name not in reading.classes)
    if own:
        rows.notes.append(
            f"Names of folders were taken for classes of their own: {', '.join(map(as_text, map(Path, own)))}."
        )
    inside = [as_text(file.path.relative_to(folder)) for file in files]
    if reading.groups is not None:
        groups: list[str] | None = groups_from(Path(reading.groups), inside)
        rows.grouped_by = "group"
    else:
        groups = subjects_in([file.name for file in files])
        rows.grouped_by = SUBJECT if groups else ""
    moved = 0
    for place, file in enumerate(files):
        usage = usage_prefixed(file.name)
        moved += has_parts and usage is not None and usage not in _EXPECTED[file.part]
        try:
            face = rows.decoder.face(read_file(file.path, LARGEST_IMAGE))
        except OSError as error:
            face = f"expected an image, received {error.strerror or error}"
        if isinstance(face, str):
            rows.bad(f"{rows.source}/{inside[place]}", face)
        else:
            label, part = rows.vocabulary.of_class(file.slug), file.part if usage is None else usage
            rows.add(face[None], [label], [part], None if groups is None else [groups[place]])
    if moved:
        rows.notes.append(f"{moved:,} files lie in another part than their prefix says; the prefix was followed.")
    return rows.faces()


def _in_parts(folder: Path, classes: Mapping[str, str]) -> Iterator[_ImageFile]:
    for sub in _folders(folder):
        part = part_named(sub.name)
        if part is None:
            raise _unknown(folder, sub, "train, validation or test", part_words())
        if not _folders(sub) and any(path.is_file() and not _is_debris(path) for path in sub.iterdir()):
            raise BadData(
                f"{as_text(Path(folder.resolve().name))}: expected a folder for each class in {shown(sub.name)}, "
                "received files alone, and nothing says which emotion they show",
                f"{UNCHANGED} Sort them into {sub.name}/angry, {sub.name}/disgust and so on.",
            )
        yield from _in_classes(sub, part, classes)


def _in_classes(folder: Path, part: Usage, classes: Mapping[str, str]) -> Iterator[_ImageFile]:
    order = in_order(set(classes.values()))
    for sub in _folders(folder):
        slug = classes[sub.name]
        for path in sub.iterdir():
            if not _is_debris(path):
                yield _ImageFile(part, order.index(slug), path.name, path, slug)


def _class_folders(folder: Path, has_parts: bool) -> list[Path]:
    parts = [sub for sub in _folders(folder) if part_named(sub.name) is not None] if has_parts else [folder]
    return [sub for part in parts for sub in _folders(part)]


def _classes_of(folders: list[Path], folder: Path, reading: Reading) -> dict[str, str]:
    """The class of each class folder's name.

    Beside known classes an unknown name is a mistake more often than a class, so it needs the user's word; where no
    name is known, all are classes of their own.
    """
    known = {sub.name: _slug(sub.name, reading) for sub in folders}
    own = {name: slug_of(name) for name in known}
    alone = not any(known.values()) and all(own.values()) and len(set(own.values())) == len(own)
    if alone and not any(name.isdigit() for name in own):
        return {name: str(slug) for name, slug in own.items()}
    for sub in folders:
        if known[sub.name] is None:
            raise _unknown_class(folder, sub)
    return {name: str(slug) for name, slug in known.items()}


def _unknown_class(folder: Path, sub: Path) -> BadData:
    name, received = as_text(Path(folder.resolve().name)), shown(os.fsencode(sub.name))
    known = "angry, disgust, fear, happy, sad, surprise, neutral, contempt"
    return BadData(
        f"{name}: expected each folder in it to be a known class ({known}), received {received}"
        f"{did_you_mean(sub.name, class_words())}",
        f"{UNCHANGED} Rename that folder, move it away, or say what it is: --classes {as_text(Path(sub.name))}=NAME.",
    )


def _unknown(folder: Path, sub: Path, expected: str, words: tuple[str, ...]) -> BadData:
    name, received = as_text(Path(folder.resolve().name)), shown(os.fsencode(sub.name))
    return BadData(
        f"{name}: expected each folder in it to be {expected}, received {received}{did_you_mean(sub.name, words)}",
        f"{UNCHANGED} Rename that folder, or move it away.",
    )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not _is_debris(path))


def _is_debris(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _DEBRIS
