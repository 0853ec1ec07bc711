"""Faces: what every data source becomes, and what everything after it reads.

In: arrays. Out: the same arrays, checked, with a digest that names the data wherever a number is reported.
"""

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.form import Form

SIDE = 48  # pixels; FER2013's image side

Images = NDArray[np.uint8]  # (n, side, side) grey, or (n, side, side, 3) red, green, blue
Labels = NDArray[np.uint8]  # (n,) label numbers: places in the data set's Classes
Shares = NDArray[np.float32]  # (n, classes)
Indices = NDArray[np.int64]  # (m,) positions in a Faces or a Split


class Usage(IntEnum):
    """The official part a row belongs to."""

    TRAINING = 0
    PUBLIC_TEST = 1
    PRIVATE_TEST = 2

    @property
    def title(self) -> str:
        """The name as FER2013's `Usage` column writes it: `PublicTest`."""
        return "".join(part.capitalize() for part in self.name.split("_"))


@dataclass(frozen=True)
class BadRow:
    """A row that was dropped at the user's wish (`--skip-bad-rows`)."""

    where: str  # file and row, "fer2013.csv row 17" (rows counted from 1, header excluded)
    problem: str  # "expected 2304 pixels, received 2303"


@dataclass(frozen=True)
class Faces:
    """Face images with labels, as one source gave them.

    Attributes:
        images: `(n, side, side)` uint8 grey, or `(n, side, side, 3)` in colour.
        labels: `(n,)` uint8, places in `classes`.
        usage: `(n,)` uint8, values of `Usage`.
        source: What it was read from, as reports show it ("fer2013.csv.gz", "demo").
        kind: The kind of source that was recognised ("csv", "parquet", "folder", "demo").
        notes: What was converted on the way, one sentence each; empty where nothing was.
        dropped: Rows left out at the user's wish.
        classes: What the labels mean.
        groups: `(n,)` int64 numbers, equal where two images show one person, sequence or photo; None: nothing says so.
        grouped_by: What a group is: "subject", "photo", "group" for the user's own; empty without groups.
        votes: `(n, classes)` float32, the share of annotators for each class; None where there is one label alone.
        licence: On what terms the data may be used, as far as it is known; no part of the digest.
    """

    images: Images
    labels: Labels
    usage: NDArray[np.uint8]
    source: str
    kind: str
    notes: tuple[str, ...] = ()
    dropped: tuple[BadRow, ...] = field(default=())
    classes: Classes = FER2013
    groups: Indices | None = None
    grouped_by: str = ""
    votes: Shares | None = None
    licence: str = ""

    def __post_init__(self) -> None:
        count = len(self.images)
        square = self.images.ndim in (3, 4) and self.images.shape[1] == self.images.shape[2]
        if not square or self.images.shape[3:] not in ((), (3,)) or self.images.dtype != np.uint8:
            raise ValueError(
                "images: expected (n, side, side) or (n, side, side, 3) uint8, "
                f"received {self.images.shape} {self.images.dtype}"
            )
        for name, column, top in (("labels", self.labels, len(self.classes) - 1), ("usage", self.usage, 2)):
            if column.shape != (count,) or column.dtype != np.uint8:
                raise ValueError(f"{name}: expected ({count},) uint8, received {column.shape} {column.dtype}")
            if count and int(column.max()) > top:
                raise ValueError(f"{name}: expected values 0-{top}, received {int(column.max())}")
        if self.votes is not None and self.votes.shape != (count, len(self.classes)):
            raise ValueError(f"votes: expected ({count}, {len(self.classes)}), received {self.votes.shape}")
        if self.groups is not None and (self.groups.shape != (count,) or self.groups.dtype != np.int64):
            raise ValueError(f"groups: expected ({count},) int64, received {self.groups.shape} {self.groups.dtype}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def form(self) -> Form:
        """What a model of these faces takes and gives."""
        return form_of(self.images, len(self.classes))

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when any pixel, label, vote, class, usage or the order changes.

        Of FER2013's classes nothing is added, so that its digests are those of earlier versions.
        """
        names = [] if self.classes == FER2013 else [np.frombuffer("\n".join(self.classes.names).encode(), np.uint8)]
        votes = [] if self.votes is None else [self.votes]
        return digest_of(self.images, self.labels, self.usage, *names, *votes)


def form_of(images: Images, classes: int) -> Form:
    """What a model of these images takes, and of how many classes."""
    return Form(images.shape[1], 3 if images.ndim == 4 else 1, classes)


def with_channels(images: Images) -> Images:
    """`(n, side, side, channels)`, as networks take them: grey images get an axis of one channel."""
    return images[..., np.newaxis] if images.ndim == 3 else images


def digest_of(*arrays: NDArray[np.generic]) -> str:
    """Sixteen hexadecimal digits (64 bits of SHA-256) over the arrays' shapes, types and bytes."""
    state = hashlib.sha256()
    for array in arrays:
        state.update(f"{array.shape}{array.dtype}".encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()[:16]
