"""Resampling: what each metric would have been on other images of the same kind, for all models on the same ones.

In: labels and predicted classes of several models on one set of images. Out: metrics, one value a resample and model.
A resample is a row of weights, how often each image was drawn, so that one matrix product measures all models on it.
The rows depend on nothing but the number of images: the same comparison gives the same numbers on every machine.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.faces import Labels
from fer_exp.metrics import registry
from fer_exp.metrics.registry import Counts

RESAMPLES = 2000  # the standard error of a bootstrap standard error is then 1/sqrt(2 * 2000), 1.6 % of it
SEED = 20130701  # any; fixed, so that a comparison can be repeated

ACCURACY = "accuracy"  # decides unless a campaign's objective does

Predicted = NDArray[np.uint8]  # (models, n) label numbers
Weights = NDArray[np.float32]  # (resamples, n)
Values = NDArray[np.float64]  # (resamples, models)


@lru_cache(maxsize=2)
def bootstrap_weights(images: int, resamples: int = RESAMPLES) -> Weights:
    """How often each of `images` images is drawn, with replacement, in each resample; every row sums to `images`."""
    random = np.random.default_rng(SEED)
    weights = np.empty((resamples, images), np.float32)
    for row in weights:
        row[:] = np.bincount(random.integers(images, size=images), minlength=images)
    weights.flags.writeable = False
    return weights


def group_weights(groups: NDArray[np.int64], resamples: int = RESAMPLES) -> Weights:
    """How often each image is drawn where whole groups are drawn, with replacement, as many as there are.

    Args:
        groups: `(n,)` numbers: whom the images show.
        resamples: Rows.
    """
    _, place = np.unique(groups, return_inverse=True)
    return np.asarray(bootstrap_weights(int(place.max()) + 1, resamples)[:, place], np.float32)


def once(images: int) -> Weights:
    """Weights that take every image once: the sample itself."""
    return np.ones((1, images), np.float32)


def measure(
    labels: Labels, predicted: Predicted, weights: Weights, metrics: Iterable[str], classes: Classes = FER2013
) -> dict[str, Values]:
    """Each metric of each model under each row of weights.

    The averages over classes run over those that occur, as in `fer_exp.metrics.scores`. Recalls of others are NaN.

    Args:
        labels: `(n,)`, ascending, so that a class's images lie together.
        predicted: `(models, n)`.
        weights: `(resamples, n)`.
        metrics: Names of the registry's that are resampled.
        classes: What labels mean.
    """
    wanted = set(metrics)
    ends = np.searchsorted(labels, np.arange(len(classes) + 1))
    parts = [slice(start, stop) for start, stop in pairwise(ends)]
    right = (predicted == labels).astype(np.float32)
    hits = np.stack([weights[:, part] @ right[:, part].T for part in parts])  # (classes, resamples, models)
    true = np.stack([weights[:, part].sum(axis=1) for part in parts])[:, :, None]  # (classes, resamples, 1)
    counts = Counts(hits, true, lambda: _times_predicted(predicted, weights, len(classes)))
    return {
        metric.name: np.asarray(metric.of_counts(counts), np.float64)
        for metric in registry.metrics_of(classes)
        if metric.of_counts is not None and metric.name in wanted
    }


def _times_predicted(predicted: Predicted, weights: Weights, classes: int) -> NDArray[np.float32]:
    """`(classes, resamples, models)`: how often each class was predicted."""
    return np.stack([weights @ (predicted == label).astype(np.float32).T for label in range(classes)])
