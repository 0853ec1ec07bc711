"""Copies: equal images, and images joined by near copies, as groups with what they mean for the official split.

In: Faces, a group number for each row. Out: Copies. Groups of near copies are chains: where a is near b and b near c,
all three are one group, as three crops of one photograph should be.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fer_exp.audit.findings import Copies, CopyGroup, NearPair
from fer_exp.data.faces import Faces, Usage


def copies_of(faces: Faces, groups: NDArray[np.int64]) -> Copies:
    """The groups of two and more rows, largest first, and the copies between official parts.

    Args:
        faces: All faces.
        groups: `(n,)` the group of each row.
    """
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    found = [rows for rows in np.split(order, starts) if len(rows) > 1]
    found.sort(key=lambda rows: (-len(rows), int(rows[0])))
    return Copies(
        groups=tuple(_group(faces, rows) for rows in found),
        public_test_in_training=_held(faces, groups, Usage.PUBLIC_TEST, Usage.TRAINING),
        private_test_in_training=_held(faces, groups, Usage.PRIVATE_TEST, Usage.TRAINING),
        private_test_in_public_test=_held(faces, groups, Usage.PRIVATE_TEST, Usage.PUBLIC_TEST),
    )


def joined(groups: NDArray[np.int64], pairs: tuple[NearPair, ...]) -> NDArray[np.int64]:
    """`(n,)` group numbers in which the groups that `pairs` connect have become one."""
    count = int(groups.max()) + 1 if len(groups) else 0
    ends = np.array([(groups[pair.first], groups[pair.second]) for pair in pairs], np.int64).reshape(-1, 2)
    links = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, parts = connected_components(links, directed=False)
    return np.asarray(parts[groups], np.int64)


def _group(faces: Faces, rows: NDArray[np.int64]) -> CopyGroup:
    return CopyGroup(
        rows=tuple(rows.tolist()),
        labels=tuple(faces.labels[rows].tolist()),
        usages=tuple(faces.usage[rows].tolist()),
    )


def _held(faces: Faces, groups: NDArray[np.int64], of: Usage, by: Usage) -> int:
    """How many images of one usage belong to a group that has an image of another."""
    return int(np.count_nonzero(np.isin(groups[faces.usage == of], groups[faces.usage == by])))
