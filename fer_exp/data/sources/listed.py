"""Listed images: what every layout of a face set comes down to, and how such a list is read.

In: for each image its file, its label, and what else the layout says of it. Out: rows with faces, in the list's order.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from fer_exp.data.faces import Usage
from fer_exp.data.sources.images import Box
from fer_exp.data.sources.names import shown
from fer_exp.data.sources.rows import FaceRows
from fer_exp.system.files import read_file

LARGEST_IMAGE = 2**26  # bytes of an encoded image; FER2013's have two thousand


class Listed(NamedTuple):
    """One image of a source."""

    path: Path
    label: str  # as the source writes it, or a class by name
    usage: Usage = Usage.TRAINING
    group: str | None = None  # whom or what it shows: images of one group belong on one side of a split
    box: Box | None = None  # where in the image the face is; None: all of it


def read_listed(rows: FaceRows, folder: Path, files: Iterable[Listed]) -> None:
    """Reads the faces of a list into `rows`; what cannot be read is a bad row."""
    for file in files:
        where = f"{rows.source}/{as_text(Path(os.path.relpath(file.path, folder)))}"
        label = rows.vocabulary.number_of(file.label)
        if label is None:
            rows.bad(where, f"label: expected {rows.vocabulary.expected}, received {shown(file.label)}")
            continue
        try:
            face = rows.decoder.face(read_file(file.path, LARGEST_IMAGE), file.box)
        except OSError as error:
            face = f"expected an image, received {error.strerror or error}"
        if isinstance(face, str):
            rows.bad(where, face)
        else:
            rows.add(face[None], [label], [file.usage], [file.group])


def as_text(path: Path) -> str:
    """A path as messages and records can hold it: names on disk are bytes, and not always text."""
    return os.fsencode(path).decode(errors="backslashreplace")
