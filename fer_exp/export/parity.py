"""Parity: how far an export's answers are from Keras's on the same faces.

In: both sides' probabilities. Out: a Parity; for int8 also the accuracy lost, with an interval. In float, a difference
of more than `LARGEST` in any probability is a failure.
"""

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.classes import Classes
from fer_exp.export.faces import CheckFaces
from fer_exp.system.values import Value
from fer_exp.verdict.judge import LEVEL, Side, Terms, judge

LARGEST = 1e-3  # of a probability, between Keras and a float export


class Lost(Value):
    """Accuracy of the export less Keras's, on the same images; shares from 0 to 1."""

    keras: float
    export: float
    difference: float
    low: float  # of the 95 % interval for other images (and other people, where images come by person)
    high: float


class Parity(Value):
    """What came out of a comparison with Keras."""

    runtime: str  # what the export was asked in: "onnxruntime 1.32.0"
    faces: int
    which: str  # faces these are
    largest: float  # difference of a probability; NaN where the export answered none
    changed: int  # faces whose most probable class is another one
    lost: Lost | None = None  # where the faces have labels

    @property
    def holds(self) -> bool:
        """Whether a float export is the same model."""
        return self.largest <= LARGEST  # false for NaN


def compare(
    keras_says: NDArray[np.float32], export_says: NDArray[np.float32], faces: CheckFaces, runtime: str, classes: Classes
) -> Parity:
    """Both sides' probabilities `(n, classes)` on `faces`."""
    apart = np.abs(keras_says.astype(np.float64) - export_says)
    ours, theirs = keras_says.argmax(axis=1), export_says.argmax(axis=1)
    return Parity(
        runtime=runtime,
        faces=len(faces.images),
        which=faces.which,
        largest=float(apart.max()),
        changed=int(np.count_nonzero(ours != theirs)),
        lost=None if faces.labels is None else _lost(faces, ours, theirs, classes),
    )


def _lost(faces: CheckFaces, ours: NDArray[np.int64], theirs: NDArray[np.int64], classes: Classes) -> Lost:
    """Paired: the verdict's interval on the difference of two models on the same images."""
    assert faces.labels is not None  # for the types: the caller looked
    export, keras = (Side(side.astype(np.uint8)[np.newaxis]) for side in (theirs, ours))
    terms = Terms(level=LEVEL, metrics=("accuracy",), classes=classes)
    found = judge(faces.labels, export, keras, terms, faces.groups).of("accuracy")
    return Lost(keras=found.b.mean, export=found.a.mean, difference=found.difference, low=found.low, high=found.high)
