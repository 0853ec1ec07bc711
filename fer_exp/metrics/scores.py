"""Evaluate: from what a model said about a split to the numbers that describe it.

In: labels `(n,)`, probabilities `(n, classes)`, the classes. Out: `Scores`, metrics by MLflow name, their report.
Averages over classes run over those that occur in the labels, so a small sample without Disgust is not charged for it.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from fer_exp.data.classes import FER2013, Classes, title_of_class
from fer_exp.data.faces import Labels
from fer_exp.metrics import registry
from fer_exp.metrics.registry import Counts
from fer_exp.system.values import Value

Probabilities = NDArray[np.float32]  # (n, classes), rows sum to 1

ECE_BINS = 15  # Guo et al. 2017, "On Calibration of Modern Neural Networks"
LISTED_ERRORS = 10  # pairs, as the reference prints
ROW_SUM_TOLERANCE = 1e-3
SMALLEST_PROBABILITY = 1e-7  # Keras's epsilon, so that log loss equals Keras's cross-entropy without label smoothing


class ClassScores(Value):
    """How well one class was recognised."""

    emotion: str  # the class by name
    precision: float  # 0 where it was never predicted
    recall: float  # 0 where it never occurs
    f1: float
    support: int  # images that carry this label

    @property
    def title(self) -> str:
        """The class as reports print it."""
        return title_of_class(self.emotion)


class Confidence(Value):
    """The probability of the predicted class, over all images."""

    mean: float
    std: float
    mean_correct: float | None  # None where nothing was predicted right
    mean_wrong: float | None  # None where nothing was predicted wrong


class ErrorPair(Value):
    """How often one class was taken for another."""

    true: str  # by name
    predicted: str
    count: int


class Bin(Value):
    """One bar of a reliability diagram: images whose confidence lies in (low, high]."""

    low: float
    high: float
    count: int
    confidence: float  # mean; 0 where the bin is empty
    accuracy: float  # 0 where the bin is empty


class Scores(Value):
    """What was measured on one split."""

    images: int
    accuracy: float
    macro_f1: float  # mean over the classes present
    balanced_accuracy: float  # mean recall over the classes present
    log_loss: float  # nats
    ece: float  # expected calibration error of the predicted class, 15 bins of equal width
    per_class: tuple[ClassScores, ...]  # in label order
    confusion: tuple[tuple[int, ...], ...]  # (classes, classes) counts, rows are true
    confidence: Confidence
    top_errors: tuple[ErrorPair, ...]  # most frequent first, at most ten

    @property
    def classes(self) -> Classes:
        """What was told apart."""
        return Classes(row.emotion for row in self.per_class)

    def metrics(self, part: str) -> dict[str, float]:
        """The numbers by MLflow name, `val/accuracy`, for `part` "val" or "test". What is undefined is left out."""
        flat = {name: float(getattr(self, name)) for name in FIELDS}
        counts = Counts.of(self.confusion)
        flat |= {
            metric.name: float(metric.of_counts(counts))
            for metric in registry.METRICS
            if metric.of_counts is not None and metric.name not in FIELDS
        }
        for row in self.per_class:
            flat |= {f"{row.emotion}/{name}": getattr(row, name) for name in ("precision", "recall", "f1")}
        confidence = self.confidence.model_dump()
        flat |= {f"confidence/{name}": value for name, value in confidence.items() if value is not None}
        return {f"{part}/{name}": value for name, value in flat.items()}


FIELDS = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece", "images")  # of `Scores`, by metric name


def score(labels: Labels, probabilities: Probabilities, classes: Classes = FER2013) -> Scores:
    """Everything measured on one split.

    Args:
        labels: `(n,)` uint8, places in `classes`; n > 0.
        probabilities: `(n, classes)`, one row per image.
        classes: What labels and columns mean.

    Raises:
        ValueError: Shapes do not fit, a label is none of the classes, or a row is not a probability distribution
            (not finite, negative, or its sum is further than 1e-3 from 1).
    """
    _check(labels, probabilities, len(classes))
    predicted = probabilities.argmax(axis=1)
    counts = confusion_matrix(labels, predicted, labels=range(len(classes)))
    per_class = _per_class(labels, predicted, classes)
    of_counts = Counts.of(counts)
    bins = reliability(labels, probabilities)
    return Scores(
        images=len(labels),
        accuracy=float(registry.accuracy(of_counts)),
        macro_f1=float(registry.macro_f1(of_counts)),
        balanced_accuracy=float(registry.balanced_accuracy(of_counts)),
        log_loss=_log_loss(labels, probabilities),
        ece=expected_calibration_error(bins),
        per_class=per_class,
        confusion=tuple(tuple(int(count) for count in row) for row in counts),
        confidence=_confidence(labels, probabilities),
        top_errors=_top_errors(counts, classes),
    )


def clustered_error(values: NDArray[np.bool_ | np.float64], groups: NDArray[np.int64]) -> float:
    """The standard error of a mean over images that come in groups, of which other groups might have been drawn.

    The sandwich estimate with clusters (Liang and Zeger 1986), with G / (G - 1) for few groups. Taking the images of
    one person for independent ones makes intervals too narrow.

    Args:
        values: `(n,)` such as whether each image was predicted right.
        groups: `(n,)` numbers of two groups or more.
    """
    _, place = np.unique(groups, return_inverse=True)
    count = int(place.max()) + 1
    if count < 2:
        return float("nan")
    deviations = np.bincount(place, weights=values - values.mean(), minlength=count)
    return float(np.sqrt(count / (count - 1) * (deviations**2).sum()) / values.size)


def reliability(labels: Labels, probabilities: Probabilities, bins: int = ECE_BINS) -> tuple[Bin, ...]:
    """Confidence against accuracy in bins of equal width over (0, 1], by the predicted class (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    rows = []
    for index in range(bins):
        inside = place == index
        count = int(inside.sum())
        rows.append(
            Bin(
                low=index / bins,
                high=(index + 1) / bins,
                count=count,
                confidence=float(confidence[inside].mean()) if count else 0.0,
                accuracy=float(correct[inside].mean()) if count else 0.0,
            )
        )
    return tuple(rows)


def expected_calibration_error(bins: Iterable[Bin]) -> float:
    """How far confidence lies from accuracy, on average over the images of a reliability diagram (Guo et al. 2017)."""
    known = list(bins)
    return sum(b.count * abs(b.accuracy - b.confidence) for b in known) / sum(b.count for b in known)


def _check(labels: Labels, probabilities: Probabilities, classes: int) -> None:
    if labels.ndim != 1 or not len(labels) or probabilities.shape != (len(labels), classes):
        raise ValueError(
            f"expected labels (n,) and probabilities (n, {classes}) with n > 0, "
            f"received {labels.shape} and {probabilities.shape}"
        )
    if int(labels.max()) >= classes or int(labels.min()) < 0:
        raise ValueError(f"labels: expected values 0-{classes - 1}, received {int(labels.min())}-{int(labels.max())}")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities: expected finite numbers, received NaN or infinity")
    if probabilities.min() < 0:
        raise ValueError(f"probabilities: expected none below 0, received {probabilities.min():.3g}")
    off = np.abs(probabilities.sum(axis=1, dtype=np.float64) - 1)
    if off.max() > ROW_SUM_TOLERANCE:
        raise ValueError(
            f"probabilities: expected rows that sum to 1, row {int(off.argmax())} is off by {off.max():.3g}"
        )


def _per_class(labels: Labels, predicted: NDArray[np.int64], classes: Classes) -> tuple[ClassScores, ...]:
    columns = precision_recall_fscore_support(labels, predicted, labels=range(len(classes)), zero_division=0)
    return tuple(
        ClassScores(emotion=one.slug, precision=float(p), recall=float(r), f1=float(f), support=int(n))
        for one, p, r, f, n in zip(classes, *columns, strict=True)
    )


def _log_loss(labels: Labels, probabilities: Probabilities) -> float:
    # Written out because scikit-learn's clips at 2e-16, where one underflow weighs as much as sixteen honest mistakes.
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(given, SMALLEST_PROBABILITY, 1.0)).mean())


def _confidence(labels: Labels, probabilities: Probabilities) -> Confidence:
    top = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == labels
    return Confidence(
        mean=float(top.mean()),
        std=float(top.std()),
        mean_correct=float(top[correct].mean()) if correct.any() else None,
        mean_wrong=float(top[~correct].mean()) if not correct.all() else None,
    )


def _top_errors(counts: NDArray[np.int64], classes: Classes) -> tuple[ErrorPair, ...]:
    pairs = [
        ErrorPair(true=true.slug, predicted=predicted.slug, count=int(counts[true, predicted]))
        for true in classes
        for predicted in classes
        if true is not predicted and counts[true, predicted]
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair.count)[:LISTED_ERRORS])


def report_json(scores: Scores) -> str:
    """The scores in JSON, classes by name; `Scores.from_json` reads it back."""
    return scores.to_json(indent=1)


def report_text(scores: Scores) -> str:
    """The report as plain text: scikit-learn's classification report in its own form, frequent errors, confidence."""
    return "\n".join([*_class_table(scores), "", *_summary_lines(scores), "", *_error_table(scores)]) + "\n"


def _class_table(scores: Scores) -> list[str]:
    def line(title: str, columns: Iterable[float], support: int) -> str:
        return f"{title:>{wide}} {' '.join(f'{column:>10.4f}' for column in columns)} {support:>9d}"

    rows = scores.per_class
    wide = max(12, *(len(row.title) for row in rows))
    support = np.array([row.support for row in rows])
    columns = np.array([(row.precision, row.recall, row.f1) for row in rows])
    return [
        f"{'':>{wide}} {'precision':>10} {'recall':>10} {'f1-score':>10} {'support':>9}",
        "",
        *(line(row.title, values, row.support) for row, values in zip(rows, columns, strict=True)),
        "",
        f"{'accuracy':>{wide}} {'':>10} {'':>10} {scores.accuracy:>10.4f} {scores.images:>9d}",
        line("macro avg", columns[support > 0].mean(axis=0), scores.images),
        line("weighted avg", np.average(columns, axis=0, weights=support), scores.images),
    ]


def _summary_lines(scores: Scores) -> list[str]:
    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    top = scores.confidence
    absent = [row.title for row in scores.per_class if not row.support]
    return [
        f"Balanced accuracy {100 * scores.balanced_accuracy:.2f} %, log loss {scores.log_loss:.4f}, "
        f"ECE {scores.ece:.4f}",
        f"Confidence: mean {top.mean:.4f}, standard deviation {top.std:.4f}",
        f"Mean confidence when right {share(top.mean_correct)}, when wrong {share(top.mean_wrong)}",
        *([f"No images of {', '.join(absent)}: averages run over the others."] if absent else []),
    ]


def _error_table(scores: Scores) -> list[str]:
    if not scores.top_errors:
        return ["No errors."]
    width = max(len(row.title) for row in scores.per_class)
    support = {row.emotion: row.support for row in scores.per_class}
    lines = ["Most frequent errors (true -> predicted, images, share of the true class)"]
    for pair in scores.top_errors:
        share = pair.count / support[pair.true]
        true, predicted = title_of_class(pair.true), title_of_class(pair.predicted)
        lines.append(f"{true:>{width}} -> {predicted:<{width}} {pair.count:>6d} {100 * share:>6.1f} %")
    return lines
