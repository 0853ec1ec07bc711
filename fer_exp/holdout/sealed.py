"""The sealed part: the only code that reads test faces.

In: a source and the info of the development parts made from it. Out: a TestPart. Nothing that searches or trains
imports this module. The test rows are not stored anywhere: they follow from the faces and the protocol, and are worked
out again here, where it is also checked that faces and split are still those of the development parts.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.cache import cached_faces
from fer_exp.data.faces import Images, Indices, Labels
from fer_exp.data.split.assign import assign
from fer_exp.data.split.by_group import image_groups
from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.prepare import split_digest
from fer_exp.system.errors import BadData

UNCHANGED = "Nothing was evaluated."


@dataclass(frozen=True)
class TestPart:
    """The test part of a source.

    Attributes:
        images: `(n, side, side)` uint8 or `(n, side, side, 3)`, as the source has them (not equalised).
        labels: `(n,)` uint8, places in the data's classes.
        rows: `(n,)` int64, rows of the source.
        copied: `(n,)` whether training holds the same image, pixel for pixel. Results on these measure memory.
        groups: `(n,)` int64 whom the images show; None where nothing says so.
        validation_rows: `(m,)` int64, rows of the validation part.
        validation_copied: `(m,)` the same as `copied`, of validation's images.
    """

    __test__ = False  # pytest takes the name for a test's

    images: Images
    labels: Labels
    rows: Indices
    copied: NDArray[np.bool_]
    validation_rows: Indices
    validation_copied: NDArray[np.bool_]
    groups: Indices | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of its images and labels, in whatever order and file they came."""
        faces = zip(self.images, self.labels, strict=True)
        each = sorted(hashlib.sha256(image.tobytes() + bytes([label])).digest() for image, label in faces)
        return hashlib.sha256(b"".join(each)).hexdigest()[:16]


def open_test(source: str, *, info: DataInfo, cache: Path) -> TestPart:
    """The test part that belongs to the development parts described by `info`. No other function returns test pixels.

    Args:
        source: The file, folder or "demo" that the development parts were made from; it may have moved.
        info: Of the development parts.
        cache: The folder of prepared data.

    Raises:
        BadData: The source holds other faces, is split differently now, or has no test part.
    """
    faces, entry = cached_faces(source, cache, info.reading_again)
    if entry.digest != info.data_digest:
        raise BadData(
            f"{source}: expected the faces with digest {info.data_digest}, received digest {entry.digest}",
            f"{UNCHANGED} Give the data that were trained on ({info.source}, {info.faces} faces).",
        )
    assignment = assign(faces, info.protocol, info.seed, info.limit, info.cleaning, info.fold)
    received = split_digest(assignment.train, assignment.validation, info.protocol)
    if received != info.split_digest:
        raise BadData(
            f"{source}: expected the {info.protocol.value} split with digest {info.split_digest}, received {received}",
            f"{UNCHANGED} The split was made by another version of fer-exp or of its libraries: use that one.",
        )
    rows = assignment.test
    if not len(rows):
        raise BadData(
            f"{source}: expected a test part under the protocol {info.protocol.value!r}, received none",
            f"{UNCHANGED} Only a source with test rows, or the protocol 'stratified', has one.",
        )
    groups = image_groups(faces.images)
    return TestPart(
        images=np.array(faces.images[rows]),
        labels=np.array(faces.labels[rows]),
        rows=rows,
        copied=np.isin(groups[rows], groups[assignment.train]),
        validation_rows=assignment.validation,
        validation_copied=np.isin(groups[assignment.validation], groups[assignment.train]),
        groups=None if faces.groups is None else faces.groups[rows],
    )
