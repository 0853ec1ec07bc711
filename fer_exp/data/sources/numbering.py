"""What label numbers mean where nothing says so: editions of FER2013 number its classes in two ways.

In: how often each number occurs. Out: the emotion of each number, where FER2013's own counts decide; else an error. A
column called `emotion` is FER2013's own and needs no guess; a column called `label` may be in alphabetical order, as
the `datasets` library numbers folders, and reading it the other way would mix up sadness, surprise and neutral faces.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from fer_exp.data import classes
from fer_exp.data.emotions import Emotion
from fer_exp.data.faces import Faces, Usage
from fer_exp.system.errors import BadData

NO_USAGE = "There is no Usage: every row counts as Training."
OWN_COLUMNS = ("emotion", "emotions")  # lower case; in FER2013's order
PARTS = (  # images of each class in FER2013's order: Training, PublicTest, PrivateTest
    (3995, 436, 4097, 7215, 4830, 3171, 4965),
    (467, 56, 496, 895, 653, 415, 607),
    (491, 55, 528, 879, 594, 416, 626),
)
KNOWN = (*PARTS, tuple(map(sum, zip(*PARTS, strict=True))))
FER2013 = tuple(Emotion)
ALPHABETICAL = tuple(sorted(Emotion, key=lambda emotion: emotion.title))


def order_of(counts: Sequence[int]) -> tuple[Emotion, ...] | None:
    """The emotion of each number, where the counts are those of FER2013, whole or a part, in one of its orders."""
    for order in (FER2013, ALPHABETICAL):
        if any(tuple(counts) == tuple(known[emotion] for emotion in order) for known in KNOWN):
            return order
    return None


def ambiguous(source: str, column: str) -> BadData:
    """The error that nobody knows what the numbers of `column` mean."""
    return BadData(
        f"{source}: expected {column!r} to hold class names, or FER2013's numbers in a column called emotion; received "
        f"numbers without names, which editions give in FER2013's order or in alphabetical order",
        "Nothing was changed. Write class names, or call the column emotion if 0 to 6 mean "
        f"{', '.join(emotion.title for emotion in FER2013)}.",
    )


def official_by_row(faces: Faces) -> Faces:
    """FER2013 without its Usage: where all rows are there in their order, by the counts of each part, it is known."""
    ends = np.cumsum([0, *(sum(part) for part in PARTS)])
    if len(faces) != ends[-1] or faces.dropped or faces.classes != classes.FER2013:
        return faces
    parts = [slice(start, stop) for start, stop in pairwise(ends.tolist())]
    counts = tuple(tuple(np.bincount(faces.labels[part], minlength=len(Emotion)).tolist()) for part in parts)
    if counts != PARTS:
        return faces
    usage = np.concatenate(
        [np.full(part.stop - part.start, use, np.uint8) for part, use in zip(parts, Usage, strict=True)]
    )
    note = "There is no Usage, but these are FER2013's rows in their order: its official parts were given them by row."
    return replace(faces, usage=usage, notes=tuple(note if one == NO_USAGE else one for one in faces.notes))
