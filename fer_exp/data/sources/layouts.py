"""Layouts: how known face sets lie on disk, each with the order of its class numbers and what its names say.

In: a folder. Out: which layouts it has, and the images that one lists. A layout is recognised by files or names that no
other set has; facts and orders are those in docs/datasets.md, with their sources.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import Usage
from fer_exp.data.sources.grouping import SUBJECT
from fer_exp.data.sources.images import CENTRE, Box
from fer_exp.data.sources.listed import Listed
from fer_exp.data.sources.names import shown
from fer_exp.data.sources.vocabulary import whole_number
from fer_exp.system.errors import BadData

UNCHANGED = "Nothing was changed."
RAFDB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")  # from 1
AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")  # 8, 9, 10 show no emotion
CKPLUS = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
LETTERS = {
    "AF": "fear",
    "FE": "fear",
    "AN": "angry",
    "DI": "disgust",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprise",
}
PEAK = 3  # last frames of a CK+ sequence that show its emotion; CK+48 has the same


RESEARCH = "for non-commercial research alone, by agreement with its owners"  # all sets of the table below


@dataclass
class Told:
    """What a layout has to say besides its list."""

    passed: Counter[str]  # images that were passed over, by reason
    notes: list[str]


@dataclass(frozen=True)
class Layout:
    """One way in which a face set lies on disk."""

    name: str  # as `--layout` takes it
    what: str
    recognise: Callable[[Path], bool]
    images: Callable[[Path, Told], Iterator[Listed]]
    grouped_by: str = ""  # "subject", "photo"; empty where names say nothing
    licence: str = RESEARCH


def _is_rafdb(folder: Path) -> bool:
    return (folder / "EmoLabel" / "list_patition_label.txt").is_file()


def _rafdb(folder: Path, _: Told) -> Iterator[Listed]:
    for number, line in enumerate((folder / "EmoLabel" / "list_patition_label.txt").read_text().splitlines(), start=1):
        name, label = (*line.split(maxsplit=1), "", "")[:2]
        if not name:
            continue
        stem, dot, ending = name.rpartition(".")
        path = folder / "Image" / "aligned" / f"{stem}_aligned{dot}{ending}"
        path = path if path.exists() else folder / "Image" / "original" / name
        part = {"train": Usage.TRAINING, "test": Usage.PRIVATE_TEST}.get(name.partition("_")[0])
        if part is None:
            raise _bad(folder, f"list_patition_label.txt line {number}", "a name that begins with train or test", name)
        yield Listed(path, _named(folder, label.strip(), RAFDB, 1), part)


def _is_rafdb_kaggle(folder: Path) -> bool:
    return (folder / "DATASET" / "train").is_dir() and (folder / "train_labels.csv").is_file()


def _rafdb_kaggle(folder: Path, _: Told) -> Iterator[Listed]:
    for part, usage in (("train", Usage.TRAINING), ("test", Usage.PRIVATE_TEST)):
        for label in sorted(path.name for path in (folder / "DATASET" / part).iterdir() if path.is_dir()):
            slug = _named(folder, label, RAFDB, 1)
            yield from (Listed(path, slug, usage) for path in sorted((folder / "DATASET" / part / label).iterdir()))


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", errors="replace") as opened:
        return opened.readline(10_000).strip().split(",")


def _is_affectnet(folder: Path) -> bool:
    return any(
        "subDirectory_filePath" in _header(folder / name)
        for name in ("training.csv", "validation.csv")
        if (folder / name).is_file()
    )


def _affectnet(folder: Path, told: Told) -> Iterator[Listed]:
    told.notes.append("AffectNet's public validation is the only part that nobody trains on: it is the test part here.")
    pictures = next(
        (folder / name for name in ("Manually_Annotated_Images", "images") if (folder / name).is_dir()), folder
    )
    for name, usage in (("training.csv", Usage.TRAINING), ("validation.csv", Usage.PRIVATE_TEST)):
        if not (folder / name).is_file():
            continue
        with (folder / name).open(newline="") as file:
            for row in csv.DictReader(file):
                slug = _affectnet_class(folder, row["expression"], told)
                if slug is not None:
                    left, top = int(float(row["face_x"])), int(float(row["face_y"]))
                    width, height = int(float(row["face_width"])), int(float(row["face_height"]))
                    box = Box(left, top, left + width, top + height)
                    yield Listed(pictures / row["subDirectory_filePath"], slug, usage, box=box)


def _is_affectnet_npy(folder: Path) -> bool:
    return (folder / "train_set" / "annotations").is_dir() and (folder / "train_set" / "images").is_dir()


def _affectnet_npy(folder: Path, told: Told) -> Iterator[Listed]:
    told.notes.append("AffectNet's public validation is the only part that nobody trains on: it is the test part here.")
    for part, usage in (("train_set", Usage.TRAINING), ("val_set", Usage.PRIVATE_TEST)):
        for path in sorted((folder / part / "images").glob("*")) if (folder / part).is_dir() else []:
            file = folder / part / "annotations" / f"{path.stem}_exp.npy"
            try:
                label = str(np.load(file, allow_pickle=False))
            except (OSError, ValueError) as error:
                raise _bad(folder, file.name, "a stored class number", str(error)) from error
            slug = _affectnet_class(folder, label, told)
            if slug is not None:
                yield Listed(path, slug, usage)


def _affectnet_class(folder: Path, label: str, told: Told) -> str | None:
    number = whole_number(label)
    if number in (8, 9, 10):
        told.passed[{8: "none", 9: "uncertain", 10: "no face"}[number]] += 1
        return None
    return _named(folder, label, AFFECTNET, 0)


def _is_affectnet_kaggle(folder: Path) -> bool:
    file = folder / "labels.csv"
    return file.is_file() and {"pth", "label"} <= set(_header(file))


def _affectnet_kaggle(folder: Path, _: Told) -> Iterator[Listed]:
    with (folder / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            yield Listed(folder / row["pth"], row["label"])


def _is_ckplus(folder: Path) -> bool:
    return (folder / "cohn-kanade-images").is_dir() and (folder / "Emotion").is_dir()


def _ckplus(folder: Path, told: Told) -> Iterator[Listed]:
    told.notes.append(
        f"Of each labelled sequence the last {PEAK} frames were read, as CK+48 has them; no neutral ones."
    )
    for subject in sorted(path for path in (folder / "Emotion").iterdir() if path.is_dir()):
        for sequence in sorted(path for path in subject.iterdir() if path.is_dir()):
            labels = sorted(sequence.glob("*_emotion.txt"))
            if not labels:
                told.passed["sequences without a label"] += 1
                continue
            label = _named(folder, labels[0].read_text().strip(), CKPLUS, 0)
            frames = sorted((folder / "cohn-kanade-images" / subject.name / sequence.name).glob("*.png"))
            yield from (Listed(frame, label, group=subject.name, box=CENTRE) for frame in frames[-PEAK:])


_JAFFE = re.compile(r"([A-Z]{2})\.(AN|DI|FE|HA|NE|SA|SU)\d?\.\d+\.\w+")
_KDEF = re.compile(r"[AB]([FM]\d{2})(AF|AN|DI|HA|NE|SA|SU)(S|HL|HR|FL|FR)\.\w+")
_RAFD = re.compile(r"Rafd(\d{3})_(\d{2})_\w+?_(?:fe)?male_([a-z]+)_(?:frontal|left|right)\.\w+")


def _matching(folder: Path, pattern: re.Pattern[str], depth: int) -> list[tuple[Path, re.Match[str]]]:
    """The files whose name fits, directly in the folder or one below, sorted; none where a class folder holds them."""
    forms = ["*", "*/*"][: depth + 1]
    found = [(path, pattern.fullmatch(path.name)) for form in forms for path in sorted(folder.glob(form))]
    return [(path, match) for path, match in found if match]


def _jaffe(folder: Path, _: Told) -> Iterator[Listed]:
    for path, match in _matching(folder, _JAFFE, 0):
        yield Listed(path, LETTERS[match[2]], group=match[1])


def _kdef(folder: Path, told: Told) -> Iterator[Listed]:
    for path, match in _matching(folder, _KDEF, 1):
        if match[3] == "S":
            yield Listed(path, LETTERS[match[2]], group=match[1], box=CENTRE)
        else:
            told.passed["views from the side"] += 1


def _is_kdef(folder: Path) -> bool:
    return any(
        _KDEF.fullmatch(path.name) and path.parent.name in (folder.name, path.name[:4])
        for form in ("*", "*/*")
        for path in folder.glob(form)
    )


def _rafd(folder: Path, told: Told) -> Iterator[Listed]:
    for path, match in _matching(folder, _RAFD, 0):
        if match[1] == "090":
            yield Listed(path, match[3], group=match[2], box=CENTRE)
        else:
            told.passed["views from the side"] += 1


def _is_expw(folder: Path) -> bool:
    return (folder / "label" / "label.lst").is_file()


def _expw(folder: Path, _: Told) -> Iterator[Listed]:
    pictures = next((folder / name for name in ("image", "origin") if (folder / name).is_dir()), folder / "image")
    for number, line in enumerate((folder / "label" / "label.lst").read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            name, _face, top, left, right, bottom, _confidence, label = line.split()
            box = Box(int(left), int(top), int(right), int(bottom))
        except ValueError as error:
            raise _bad(folder, f"label.lst line {number}", "eight values", line) from error
        yield Listed(pictures / name, _named(folder, label, FER2013.names, 0), group=name, box=box)


def _named(folder: Path, label: str, order: tuple[str, ...], first: int) -> str:
    number = whole_number(label)
    number = -1 if number is None else number - first
    if not 0 <= number < len(order):
        raise _bad(folder, "label", f"a number from {first} to {first + len(order) - 1}", label)
    return order[number]


def _bad(folder: Path, where: str, expected: str, received: str) -> BadData:
    return BadData(f"{folder.name} {where}: expected {expected}, received {shown(received)}", UNCHANGED)


LAYOUTS = (
    Layout("rafdb", "RAF-DB, basic", _is_rafdb, _rafdb),
    Layout("rafdb-kaggle", "RAF-DB as on Kaggle", _is_rafdb_kaggle, _rafdb_kaggle),
    Layout("affectnet", "AffectNet's CSV files", _is_affectnet, _affectnet),
    Layout("affectnet-npy", "AffectNet with an annotation file an image", _is_affectnet_npy, _affectnet_npy),
    Layout("affectnet-kaggle", "AffectNet as on Kaggle", _is_affectnet_kaggle, _affectnet_kaggle),
    Layout("ckplus", "CK+ with its sequences", _is_ckplus, _ckplus, SUBJECT),
    Layout("jaffe", "JAFFE", lambda folder: bool(_matching(folder, _JAFFE, 0)), _jaffe, SUBJECT),
    Layout("kdef", "KDEF", _is_kdef, _kdef, SUBJECT),
    Layout("rafd", "RaFD", lambda folder: bool(_matching(folder, _RAFD, 0)), _rafd, SUBJECT),
    Layout("expw", "ExpW", _is_expw, _expw, "photo"),
)


def layouts_of(folder: Path) -> list[Layout]:
    """The layouts that a folder has; several where two sets lie in it."""
    return [layout for layout in LAYOUTS if layout.recognise(folder)]
