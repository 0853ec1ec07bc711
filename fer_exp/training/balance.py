"""Balance: which training images are shown more than once, and how much each class counts in the loss.

In: labels of the training part. Out: positions into them, or a weight for each class. It runs after the split and on
training alone, so a copy never reaches validation; imbalanced-learn draws the copies, scikit-learn computes balanced
weights.
"""

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from fer_exp.data.faces import Indices, Labels
from fer_exp.recipe import EFFECTIVE_NUMBER_BETA, ClassWeights

SEEDS = 2**32  # how many seeds NumPy's older generators take, which scikit-learn and Keras set


def class_counts(labels: Labels, classes: int) -> tuple[int, ...]:
    """Rows of each class, in label order."""
    return tuple(int(count) for count in np.bincount(labels, minlength=classes))


def oversample(labels: Labels, ratio: float, seed: int) -> Indices:
    """Positions into `labels`: every row once, then the copies that lift small classes.

    Every class below `int(ratio x median count of the classes present)` is filled up to it with copies drawn with
    replacement. Classes that are absent stay absent; with a single class, a ratio of 0, or no class below the target,
    nothing is added.

    Args:
        labels: `(n,)` labels of the training part.
        ratio: Target over median; the reference's is 1.5.
        seed: Of the draw, 0 or more.

    Returns:
        `(m,)` positions, m >= n.
    """
    rows = np.arange(len(labels))
    counts = np.bincount(labels)
    present = counts[counts > 0]
    if len(present) < 2:
        return rows
    target = int(ratio * np.median(present))
    wanted = {int(label): target for label in np.flatnonzero((counts > 0) & (counts < target))}
    if not wanted:
        return rows
    sampler = RandomOverSampler(sampling_strategy=wanted, random_state=seed % SEEDS)
    # Positions are resampled, not images: the sampler takes no 4-D arrays, and copies of pixels would fill the memory.
    chosen, _ = sampler.fit_resample(rows[:, np.newaxis], labels)
    return np.asarray(chosen[:, 0], dtype=np.int64)


def class_weights(
    labels: Labels, classes: int, weights: ClassWeights, clip: tuple[float, float], beta: float = EFFECTIVE_NUMBER_BETA
) -> NDArray[np.float32]:
    """`(classes,)` weights of the classes in the loss, in label order.

    `BALANCED` is scikit-learn's n / (classes present x count). `EFFECTIVE_NUMBER` is in proportion to
    (1 - beta) / (1 - beta^count), the inverse of the number of faces that show something new (Cui et al. 2019). Both
    have a mean of 1 over the training images, so that neither changes the size of a step, until they are clipped to
    `clip`. (The paper makes the sum over classes their number.) Absent classes and `NONE` are 1.

    Args:
        labels: `(n,)` labels as training sees them, oversampled.
        classes: How many there are, absent ones included.
        weights: Which weights.
        clip: Lowest and highest weight.
        beta: Of the effective number; 0 weighs all classes alike, and towards 1 the weights become the balanced ones.
    """
    result = np.ones(classes, dtype=np.float32)
    if weights is ClassWeights.NONE or not len(labels):
        return result
    present, counts = np.unique(labels, return_counts=True)
    if weights is ClassWeights.BALANCED:
        found = compute_class_weight("balanced", classes=present, y=labels)
    else:
        inverse = (1 - beta) / (1 - beta**counts)
        found = inverse / np.average(inverse, weights=counts)
    result[present] = np.clip(found, *clip)
    return result
