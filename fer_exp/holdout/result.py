"""What a model reached on the test part, or on another face set, as a value.

In: numbers. Out: the value, for whoever shows them. It loads no backend: results that were stored are told without one.
"""

import math
from dataclasses import dataclass

from fer_exp.data.split.info import DataInfo
from fer_exp.holdout.gap import Gap
from fer_exp.holdout.ledger import Looks
from fer_exp.leaderboard.rows import standard_error
from fer_exp.metrics.calibration import Calibration
from fer_exp.metrics.scores import Scores, clustered_error
from fer_exp.records import Predictions
from fer_exp.system.values import Value

SET = "set.json"  # in `external/<set>/` of a record


@dataclass(frozen=True)
class WithoutCopies:
    """A model on the test images that training holds no copy of."""

    images: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class TestResult:
    """What came out."""

    __test__ = False  # pytest takes the name for a test's

    scores: Scores
    scores_without_copies: WithoutCopies | None  # None where no test image is a copy
    copies: int  # test images that are copies of training images
    looks: Looks  # at this test part so far, this one included
    gap: Gap | None  # validation against test; None where the record's validation results are of other rows
    calibration: Calibration | None  # with the temperature from validation; None where the record knows none
    vouched: bool = True  # the record says which file its model is, and it was this one
    recalled: bool = False  # from what the record stored when the test part was opened


@dataclass(frozen=True)
class ExternalResult:
    """What came out."""

    name: str  # of the set, in the record and in metrics
    source: str
    scores: Scores
    error: float  # standard error of the accuracy
    error_by_group: bool  # whether it is by groups, which the set then has
    left_out: dict[str, int]  # faces of classes that the model does not know
    unused: tuple[str, ...]  # classes of the model that the set does not have
    notes: tuple[str, ...]  # what was converted on the way
    looks: Looks  # at this set so far, this one included
    recalled: bool = False  # from what the record stored when the model met the set

    @property
    def folder(self) -> str:
        """Within the record."""
        return f"external/{self.name}"


class ExternalSet(Value):
    """`external/<set>/set.json` of a record: what the set was, beyond its scores."""

    source: str
    digest: str  # of all its faces
    left_out: dict[str, int]  # faces of classes that the model does not know
    notes: tuple[str, ...] = ()  # what was converted on the way


def told(
    name: str, there: ExternalSet, scores: Scores, predictions: Predictions, info: DataInfo, looks: Looks
) -> ExternalResult:
    """The result of a model on another set, from what it said there.

    Args:
        name: Of the set, in the record.
        there: What the set was.
        scores: Of the predictions.
        predictions: Over the classes that both know.
        info: The data that the model was trained on.
        looks: At the set so far.
    """
    right = predictions.probabilities.argmax(axis=1) == predictions.labels
    error = math.nan if predictions.groups is None else clustered_error(right, predictions.groups)
    return ExternalResult(
        name=name,
        source=there.source,
        scores=scores,
        error_by_group=math.isfinite(error),
        error=error if math.isfinite(error) else standard_error(scores.accuracy, scores.images),
        left_out=there.left_out,
        unused=tuple(name for name in info.class_names if name not in predictions.classes.names),
        notes=there.notes,
        looks=looks,
    )
