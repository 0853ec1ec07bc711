"""Findings: what an audit says, as one value with a JSON form.

In: nothing. Out: the types that finders fill and that page, sheets and console show. Rows are positions in the data as
they were read, counted from 0.
"""

from fer_exp.data.check import DataCheck
from fer_exp.system.values import Value


class CopyGroup(Value):
    """Images that are one image, or nearly."""

    rows: tuple[int, ...]
    labels: tuple[int, ...]  # of the rows, label numbers
    usages: tuple[int, ...]  # of the rows, values of Usage

    @property
    def in_conflict(self) -> bool:
        """Whether the group carries more than one label."""
        return len(set(self.labels)) > 1


class Copies(Value):
    """All groups of two and more, and what they mean for the official split."""

    groups: tuple[CopyGroup, ...]  # largest first
    public_test_in_training: int  # PublicTest images whose group has a Training image
    private_test_in_training: int
    private_test_in_public_test: int

    @property
    def extra(self) -> int:
        """Images beyond the first of each group."""
        return sum(len(group.rows) - 1 for group in self.groups)

    @property
    def conflicts(self) -> int:
        """Groups with more than one label."""
        return sum(group.in_conflict for group in self.groups)


class NearPair(Value):
    """Two different images that look the same."""

    first: int  # row
    second: int  # row
    distance: int  # bits in which their perceptual hashes differ, of 64
    correlation: float  # of their pixels at the best shift


class FlatImage(Value):
    """An image that shows next to nothing."""

    row: int
    spread: float  # grey levels between the 10th and the 90th percentile of its pixels


class NoFace(Value):
    """An image in which no detector found a face."""

    row: int
    strangeness: float  # share of its contrast that faces do not explain, 0-1


class LabelSuspect(Value):
    """A label that a model which never saw the image would not have given."""

    row: int
    given: int  # label number
    suggested: int  # label number
    given_probability: float  # that the model gives the label
    suggested_probability: float


class LabelNoise(Value):
    """Candidates for wrong labels, and how far the model behind them can be trusted."""

    folds: int
    epochs: int
    accuracy: float  # of the out-of-fold predictions, against the labels as given
    suspects: tuple[LabelSuspect, ...]  # least credible label first


class Audit(Value):
    """Everything found in one source."""

    schema_version: int = 1
    check: DataCheck
    exact: Copies
    near: Copies  # exact and near copies together, joined into groups by chains of pairs
    near_pairs: tuple[NearPair, ...]  # between distinct images, by distance
    near_distance: int  # greatest distance of the hash that was looked at
    near_correlation: float  # lowest correlation of a near copy
    blank: tuple[int, ...]  # rows of a single grey level
    flat: tuple[FlatImage, ...]  # rows of nearly one, without the blank
    no_face: tuple[NoFace, ...]  # strangest first
    no_face_searched: int  # distinct images that the detectors were shown: the strangest
    label_noise: LabelNoise | None  # None where it was not asked for
