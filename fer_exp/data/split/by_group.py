"""Splits that keep a group whole: no person, sequence, photo or copy on two sides.

In: labels, groups, the share of each part. Out: the part of each row, with each class shared out as evenly as whole
groups allow. Drawn here because scikit-learn's group splits either forget the classes or make equal folds only.
"""

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.faces import Faces, Images, Indices, Labels


def image_groups(images: Images) -> NDArray[np.int64]:
    """`(n,)` numbers, equal where two images are equal in every pixel; counted from 0 by first occurrence."""
    numbers: dict[bytes, int] = {}
    return np.fromiter(
        (numbers.setdefault(image.tobytes(), len(numbers)) for image in images), dtype=np.int64, count=len(images)
    )


def groups_of(faces: Faces) -> NDArray[np.int64]:
    """`(n,)` numbers of what belongs on one side: exact copies, and the source's own groups where it has them."""
    copies = image_groups(faces.images)
    return copies if faces.groups is None else joined(copies, faces.groups)


def joined(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups in which two rows are together if either of two groupings has them so, directly or by way of others."""
    # Here because SciPy takes a tenth of a second to load, and FER2013 has no groups of its own.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows = one.size
    ends = np.concatenate([rows + one, rows + one.max(initial=0) + 1 + other])
    many = int(ends.max(initial=0)) + 1
    links = coo_matrix((np.ones(2 * rows, np.int8), (np.tile(np.arange(rows), 2), ends)), shape=(many, many))
    _, parts = connected_components(links, directed=False)
    _, numbers = np.unique(parts[:rows], return_inverse=True)
    return np.asarray(numbers, np.int64)


def shared_out(
    labels: Labels, groups: NDArray[np.int64], shares: tuple[float, ...], seed: int | list[int]
) -> NDArray[np.int64]:
    """`(n,)` the part of each row: whole groups, large ones first, each to the part that lacks its classes most.

    Args:
        labels: `(n,)` label numbers.
        groups: `(n,)` numbers.
        shares: Of the parts; they add up to 1.
        seed: Decides between groups of one size, and so between equally good splits.
    """
    unique, of_row = np.unique(groups, return_inverse=True)
    classes = int(labels.max(initial=0)) + 1
    counts = np.zeros((len(unique), classes))
    np.add.at(counts, (of_row, labels), 1)
    per_class = counts.sum(axis=0)
    wanted = np.outer(shares, per_class)
    weights = 1 / np.maximum(per_class, 1)  # a face of a rare class counts for more
    held = np.zeros_like(wanted)
    order = np.random.default_rng(seed).permutation(len(unique))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    part_of = np.zeros(len(unique), np.int64)
    for group in order:
        lack = ((wanted - held) / np.maximum(wanted, 1e-9)) @ (counts[group] * weights)
        part_of[group] = int(np.argmax(lack))
        held[part_of[group]] += counts[group]
    return np.asarray(part_of[of_row], np.int64)


def siblings(groups: NDArray[np.int64], rows: Indices, training: Indices) -> int:
    """How many of `rows` belong to a group that training holds too."""
    return int(np.count_nonzero(np.isin(groups[rows], groups[training])))
