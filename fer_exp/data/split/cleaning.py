"""Cleaning: which training rows a split leaves out at the user's wish.

In: Faces, the groups of their exact copies, the rows of a split, a Cleaning. Out: the training rows that stay, and a
note for each rule. Validation and test stay as they are under every rule, so that results remain comparable with those
of the whole split; and no rule reads a validation or test label, so that none of them tells training anything.
"""

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.faces import Faces, Indices
from fer_exp.data.split.info import Cleaning


def keep_clean(
    faces: Faces, groups: NDArray[np.int64], train: Indices, held_out: Indices, cleaning: Cleaning
) -> tuple[Indices, tuple[str, ...]]:
    """The training rows that `cleaning` keeps, in the order they had, and what was left out, one sentence a rule.

    Args:
        faces: All faces.
        groups: `(n,)` numbers, equal where two images are equal in every pixel.
        train: `(a,)` rows for training.
        held_out: `(b,)` rows for validation and test.
        cleaning: The rules.
    """
    found: dict[str, NDArray[np.bool_]] = {}
    if cleaning.drop_leaks:
        found["drop_leaks: {} training images that validation or test holds too"] = np.isin(
            groups[train], groups[held_out]
        )
    if cleaning.drop_conflicts:
        found["drop_conflicts: {} training images that carry several labels within training"] = _in_conflict(
            groups[train], faces.labels[train]
        )
    if cleaning.drop_blank:
        found["drop_blank: {} training images of a single grey level"] = blank_images(faces, train)
    dropped = np.zeros(len(train), np.bool_)
    for marked in found.values():
        dropped |= marked
    notes = [f"{text.format(f'{np.count_nonzero(marked):,}')} were left out." for text, marked in found.items()]
    if len(found) > 1:
        notes.append(f"Cleaning left {np.count_nonzero(~dropped):,} of {len(train):,} training images.")
    return train[~dropped], tuple(notes)


def blank_images(faces: Faces, rows: Indices) -> NDArray[np.bool_]:
    """`(len(rows),)` whether the image has a single grey level."""
    flat = faces.images[rows].reshape(len(rows), -1)
    return np.asarray(flat.min(axis=1, initial=255) == flat.max(axis=1, initial=0))


def _in_conflict(groups: NDArray[np.int64], labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether a row's group has more than one label among these rows."""
    pairs = np.unique(np.stack([groups, labels.astype(np.int64)]), axis=1)
    several, counts = np.unique(pairs[0], return_counts=True)
    return np.isin(groups, several[counts > 1])
