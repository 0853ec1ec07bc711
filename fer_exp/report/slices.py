"""Slices: how often a model is right on parts of validation that mean something.

In: predictions and, where the cache holds them, the faces. Out: parts of the images with a name, and the accuracy on
each with its interval. A slice of a few images says little, which its interval shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fer_exp.leaderboard.rows import Interval, accuracy_interval, effective
from fer_exp.metrics.scores import clustered_error
from fer_exp.records import Predictions
from fer_exp.report.faces import Validation

BANDS = (0.0, 0.5, 0.7, 0.9, 1.0)  # of confidence
FLAT = 35.0  # standard deviation of grey levels below which a face shows little contrast
DARK, BRIGHT = 85.0, 170.0  # mean grey level: thirds of the scale
MOST_CLASSES = 12
GROUP_SIZES = ((1, 1), (2, 4), (5, 20), (21, None))  # images that show one person, sequence or photo

Chosen = NDArray[np.bool_]


@dataclass(frozen=True)
class Slice:
    """Some images of validation."""

    kind: str  # what the slices beside it have in common: "Class"
    name: str
    chosen: Chosen  # (n,)


@dataclass(frozen=True)
class Share:
    """How often a model was right on a slice, the mean over its seeds."""

    accuracy: float
    interval: Interval  # Wilson, 95 %, for other images, or other people where they come in groups


def slices_of(first: Predictions, faces: Validation | None) -> list[Slice]:
    """Parts of the images that do not depend on a model; those without an image are left out."""
    found = [*_classes(first), *_groups(first)]
    if faces is not None:
        found += _looks(faces)
    return [one for one in found if one.chosen.any()]


def _classes(first: Predictions) -> Iterator[Slice]:
    for one in list(first.classes)[:MOST_CLASSES]:
        yield Slice("Class", one.title, first.labels == one)


def _groups(first: Predictions) -> Iterator[Slice]:
    if first.groups is None:
        return
    _, place, counts = np.unique(first.groups, return_inverse=True, return_counts=True)
    size = counts[place]
    for low, high in GROUP_SIZES:
        name = f"{low} images and more" if high is None else "1 image" if high == 1 else f"{low} to {high} images"
        yield Slice(
            "Images of the same person, sequence or photo", name, (size >= low) & (size <= (high or size.max()))
        )


def _looks(faces: Validation) -> Iterator[Slice]:
    grey, contrast = faces.grey, faces.contrast
    yield Slice("Brightness", f"dark (mean grey below {DARK:.0f})", grey < DARK)
    yield Slice("Brightness", "medium", (grey >= DARK) & (grey < BRIGHT))
    yield Slice("Brightness", f"bright (mean grey from {BRIGHT:.0f})", grey >= BRIGHT)
    flat = (contrast < FLAT) & ~faces.blank
    yield Slice("Contrast", f"low (deviation below {FLAT:.0f})", flat)
    yield Slice("Contrast", "usual", contrast >= FLAT)
    yield Slice("Contrast", "blank: a single grey level", faces.blank)
    if faces.copied.any():
        yield Slice("Copies", "training holds the same image", faces.copied)
        yield Slice("Copies", "training does not", ~faces.copied)


def confidence_slices(one: Predictions) -> list[Slice]:
    """Bands of a model's own confidence."""
    sure = one.probabilities.max(axis=1)
    return [
        Slice("Confidence", f"{100 * low:.0f} to {100 * high:.0f} %", (sure > low) & (sure <= high))
        for low, high in pairwise(BANDS)
        if ((sure > low) & (sure <= high)).any()
    ]


def share_on(part: Slice, predictions: Sequence[Predictions]) -> Share:
    """The accuracy of a group's models on a slice; its interval allows for other people where images come in groups."""
    right = np.mean([one.probabilities.argmax(axis=1) == one.labels for one in predictions], axis=0)[part.chosen]
    accuracy, images = float(right.mean()), float(right.size)
    groups = predictions[0].groups
    if groups is not None:
        error = clustered_error(right, groups[part.chosen])
        images = effective(accuracy, right.size, error) if np.isfinite(error) else 1.0  # of one person: no spread known
    return Share(accuracy, accuracy_interval(accuracy, images))
