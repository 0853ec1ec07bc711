"""Groups: whom an image shows, where its name says so, or a file of the user's.

In: names of images. Out: a group for each; images of one group belong on one side of a split, because a model that has
seen a person, a sequence or a photo knows it again.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from fer_exp.data.sources.names import shown
from fer_exp.system.errors import BadData

UNCHANGED = "Nothing was changed."
SUBJECT = "subject"
# Of sets whose file names carry the person: the whole name, with the person as its only group.
PATTERNS = (
    re.compile(r"(S\d{3})_\d{3}_\d{8}(?:\.\w+)?"),  # CK+ and CK+48
    re.compile(r"([A-Z]{2})\.(?:AN|DI|FE|HA|NE|SA|SU)\d?\.\d+(?:\.\w+)?"),  # JAFFE
    re.compile(r"[AB]([FM]\d{2})(?:AF|AN|DI|HA|NE|SA|SU)(?:S|HL|HR|FL|FR)(?:\.\w+)?"),  # KDEF; A and B are sessions
    re.compile(r"Rafd\d{3}_(\d{2})_\w+_(?:fe)?male_\w+(?:\.\w+)?"),  # RaFD
)


def subjects_in(names: Sequence[str]) -> list[str] | None:
    """The person of each image, where all names are of one set that carries it; else None."""
    for pattern in PATTERNS:
        if names and pattern.fullmatch(names[0]):
            found = [pattern.fullmatch(name) for name in names]
            if all(found):
                return [match[1] for match in found if match]
    return None


def groups_from(path: Path, names: Sequence[str]) -> list[str]:
    """The group of each image by the user's CSV of image and group; an image is its path in the source, or its name.

    Raises:
        BadData: The file is none, an image has no line in it, or two with different groups.
    """
    known = _table(path)
    found, missing = [], []
    for name in names:
        group = known.get(name, known.get(name.rpartition("/")[2]))
        found.append(group or "")
        missing += [] if group else [name]
    if missing:
        raise BadData(
            f"{path}: expected a group for each of {len(names):,} images, received none for {len(missing):,}, "
            f"the first {shown(missing[0])}",
            f"{UNCHANGED} Add a line for each: image,group.",
        )
    return found


def _table(path: Path) -> dict[str, str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadData(f"{path}: expected a CSV of image and group, received {reason}", UNCHANGED) from error
    header = [cell.strip().lower() for cell in lines[0]] if lines else []
    if not {"image", "group"} <= set(header):
        received = shown(",".join(lines[0])) if lines else "an empty file"
        raise BadData(
            f"{path}: expected a header with the columns image and group, received {received}",
            f"{UNCHANGED} Name the two columns so.",
        )
    image, group = header.index("image"), header.index("group")
    found: dict[str, str] = {}
    for number, line in enumerate(lines[1:], start=1):
        if len(line) != len(header) or not line[group].strip():
            raise BadData(
                f"{path} row {number}: expected an image and a group, received {shown(','.join(line))}", UNCHANGED
            )
        name, value = line[image].strip().replace("\\", "/"), line[group].strip()
        if found.setdefault(name, value) != value:
            raise BadData(f"{path} row {number}: {shown(name)} is in two groups, {found[name]} and {value}", UNCHANGED)
    return found
