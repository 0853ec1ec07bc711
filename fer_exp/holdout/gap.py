"""Gap: validation against test, with and without the images that training holds too.

In: what a model predicted on both parts, and which of their images are copies of training images. Out: a Gap, and its
table. A model chosen on validation is a little better there than on test by luck; a gap of many points says that
validation measured something else, such as memory. The reference notebook's is one of 19 points.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fer_exp.holdout import reference
from fer_exp.leaderboard.rows import standard_error
from fer_exp.metrics.scores import clustered_error
from fer_exp.records import Predictions
from fer_exp.system.values import Value

GAP = "test/gap.json"  # in a record


class Part(Value):
    """A model on one part of the data. Shares from 0 to 1."""

    images: int
    accuracy: float
    copies: int  # images that training holds too, to the pixel
    accuracy_copied: float | None  # on those; None where there are none
    accuracy_without_copies: float | None  # on the others; None where there are none
    error_by_group: float | None = None  # standard error of the accuracy, where images come in groups

    @property
    def error(self) -> float:
        """The standard error of the accuracy: by groups of images, or from their number alone."""
        return standard_error(self.accuracy, self.images) if self.error_by_group is None else self.error_by_group


class Gap(Value):
    """A model on validation and on test."""

    validation: Part
    test: Part
    reproduces_reference: bool = False  # the reference's recipe under the reference's protocol

    @property
    def points(self) -> float:
        """Validation accuracy less test accuracy, in points."""
        return 100 * (self.validation.accuracy - self.test.accuracy)

    @property
    def standard_error(self) -> float:
        """Of `points`, without what another seed would bring: the two parts are different images."""
        return 100 * math.hypot(self.validation.error, self.test.error)


def part_of(predictions: Predictions, copied: NDArray[np.bool_]) -> Part:
    """How a model did on one part.

    Args:
        predictions: Of n > 0 images.
        copied: `(n,)` whether training holds the same image.
    """
    right = predictions.probabilities.argmax(axis=1) == predictions.labels
    return Part(
        images=len(right),
        accuracy=float(right.mean()),
        copies=int(copied.sum()),
        accuracy_copied=_mean(right[copied]),
        accuracy_without_copies=_mean(right[~copied]),
        error_by_group=None if predictions.groups is None else clustered_error(right, predictions.groups),
    )


def _mean(right: NDArray[np.bool_]) -> float | None:
    return float(right.mean()) if len(right) else None


def gap_table(gap: Gap) -> str:
    """Both parts side by side, the gap, and the reference's figures where they are what was to be reproduced."""
    rows: list[tuple[str, ...]] = [
        ("", "images", "accuracy", "of them in training", "accuracy on those", "on the others")
    ]
    rows += [_row("validation", gap.validation), _row("test", gap.test)]
    rows.append(("gap", "", f"{gap.points:+.2f} ± {gap.standard_error:.2f} points", "", "", ""))
    if gap.reproduces_reference:
        rows += _reference_rows()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]
    grouped = gap.test.error_by_group is not None
    source = "from the people, sequences or photos that happened to be drawn" if grouped else "from the images alone"
    return "\n".join([*text, f"± is one standard error, {source}; copies are counted to the pixel."])


def _row(name: str, part: Part) -> tuple[str, ...]:
    share = f"{part.copies} ({100 * part.copies / part.images:.1f} %)"
    copied, others = (_percent(value) for value in (part.accuracy_copied, part.accuracy_without_copies))
    return name, str(part.images), _with_error(part.accuracy, part.error), share, copied, others


def _reference_rows() -> list[tuple[str, ...]]:
    validation = (reference.VALIDATION_ACCURACY, reference.VALIDATION_IMAGES)
    test = (reference.TEST_ACCURACY, reference.TEST_IMAGES)
    points = 100 * (validation[0] - test[0])
    return [
        (
            "reference: validation",
            str(validation[1]),
            _with_error(validation[0], standard_error(*validation)),
            "",
            "",
            "",
        ),
        ("reference: test", str(test[1]), _with_error(test[0], standard_error(*test)), "", "", ""),
        ("reference: gap", "", f"{points:+.2f} points", "", "", ""),
    ]


def _with_error(accuracy: float, error: float) -> str:
    return f"{100 * accuracy:.2f} ± {100 * error:.2f} %"


def _percent(accuracy: float | None) -> str:
    return "-" if accuracy is None else f"{100 * accuracy:.2f} %"
