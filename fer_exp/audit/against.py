"""One face set against another: how much of B lies in A, to the pixel or nearly.

In: two Faces. Out: an Overlap, and its text. A mixed pack that contains FER2013 whole can so be seen to do so; a model
that was trained on one then knows the other.
"""

import numpy as np
from numpy.typing import NDArray

from fer_exp.audit.near import near_pairs
from fer_exp.audit.reduced import reduced
from fer_exp.data.faces import Faces
from fer_exp.data.split.by_group import image_groups
from fer_exp.system.values import Value


class Overlap(Value):
    """How many images of either set the other holds too."""

    a: str  # source
    b: str
    a_faces: int
    b_faces: int
    b_in_a: int  # images of B of which A holds an equal one
    a_in_b: int
    b_near_a: int  # images of B, those equal ones included, of which A holds one of the same photograph
    a_near_b: int
    examples: tuple[tuple[int, int], ...]  # rows of A and of B that show the same photograph, the first few


EXAMPLES = 20


def against(a: Faces, b: Faces) -> Overlap:
    """Compares every image of `a` with every one of `b`, in grey at 48x48. A minute for FER2013 against itself."""
    small = [reduced(faces) for faces in (a, b)]
    images = np.concatenate([faces.images for faces in small])
    groups = image_groups(images)
    of_a = np.arange(len(images)) < len(a)
    equal = _in_both(groups, of_a)
    _, first = np.unique(groups, return_index=True)
    pairs = near_pairs(images[first], first)
    near = groups.copy()
    for pair in pairs:  # a group of one photograph has the smallest number of its images
        low, high = sorted((near[pair.first], near[pair.second]))
        near[near == high] = low
    alike = _in_both(near, of_a)
    return Overlap(
        a=a.source,
        b=b.source,
        a_faces=len(a),
        b_faces=len(b),
        b_in_a=int(np.count_nonzero(equal & ~of_a)),
        a_in_b=int(np.count_nonzero(equal & of_a)),
        b_near_a=int(np.count_nonzero(alike & ~of_a)),
        a_near_b=int(np.count_nonzero(alike & of_a)),
        examples=_examples(near, alike, len(a)),
    )


def _in_both(groups: NDArray[np.int64], of_a: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether an image's group has images of both sets."""
    return np.asarray(np.isin(groups, groups[of_a]) & np.isin(groups, groups[~of_a]))


def _examples(groups: NDArray[np.int64], alike: NDArray[np.bool_], size: int) -> tuple[tuple[int, int], ...]:
    found = []
    for group in np.unique(groups[alike])[:EXAMPLES]:
        rows = np.flatnonzero(groups == group)
        found.append((int(rows[rows < size][0]), int(rows[rows >= size][0]) - size))
    return tuple(found)


def describe_overlap(found: Overlap) -> str:
    """The overlap for a person."""
    lines = [f"{found.a} ({found.a_faces:,} faces) against {found.b} ({found.b_faces:,} faces)", ""]
    for held, holder, faces, exact, near in (
        (found.b, found.a, found.b_faces, found.b_in_a, found.b_near_a),
        (found.a, found.b, found.a_faces, found.a_in_b, found.a_near_b),
    ):
        lines.append(
            f"{exact:,} of {faces:,} images of {held} ({100 * exact / faces:.1f} %) lie in {holder} to the pixel, "
            f"{near:,} ({100 * near / faces:.1f} %) to the pixel or as another copy of the same photograph."
        )
    if found.examples:
        shown = ", ".join(f"#{row_a} and #{row_b}" for row_a, row_b in found.examples[:5])
        lines.append(f"For example rows {shown} (counted from 0).")
    return "\n".join(lines)
