"""The interval that k-fold deserves: a share over all images, each predicted by a model that never saw its group.

In: a value an image, its group, its fold. Out: the mean and its interval. Two errors are estimated and the larger one
counts, because neither sees everything. That of groups allows for other people, and takes the models as given. That of
folds allows for other training sets too, and Nadeau and Bengio's correction (2003) pays for how much the training sets
of two folds overlap; a variance without bias from one run of k-fold does not exist (Bengio and Grandvalet 2004).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from fer_exp.metrics.scores import clustered_error
from fer_exp.system.values import Value

LEVEL = 0.95


class Pooled(Value):
    """A mean over the images of all folds. Shares from 0 to 1, or differences of such."""

    value: float
    low: float
    high: float
    half_by_groups: float  # half the interval's width, from what groups happened to be drawn
    half_by_folds: float  # the same, from how folds differ
    level: float

    @property
    def decided_by(self) -> str:
        """Which of the two the interval is: "groups" or "folds"."""
        return "groups" if self.half_by_groups >= self.half_by_folds else "folds"


def pooled(
    values: NDArray[np.float64], groups: NDArray[np.int64], folds: NDArray[np.int64], level: float = LEVEL
) -> Pooled:
    """The mean of `values` with its interval.

    Args:
        values: `(n,)`, such as whether an image was predicted right, or the difference of that between two models.
        groups: `(n,)` numbers: whom the images show.
        folds: `(n,)` numbers of three folds or more; no group is in two.
        level: Such as 0.95.
    """
    tail = (1 + level) / 2
    many_groups, many_folds = len(np.unique(groups)), len(np.unique(folds))
    by_groups = float(stats.t.ppf(tail, many_groups - 1) * clustered_error(values, groups))
    means = np.array([values[folds == fold].mean() for fold in np.unique(folds)])
    overlap = 1 / many_folds + 1 / (many_folds - 2)  # images tested on per image trained on: one fold to k less two
    by_folds = float(stats.t.ppf(tail, many_folds - 1) * np.sqrt(overlap * means.var(ddof=1)))
    mean, half = float(values.mean()), max(by_groups, by_folds)
    return Pooled(
        value=mean, low=mean - half, high=mean + half, half_by_groups=by_groups, half_by_folds=by_folds, level=level
    )
