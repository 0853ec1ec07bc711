"""The registry of metrics: for each its name, title, direction, range, and where it is shown and judged.

In: nothing. Out: `METRICS`. What is recorded, what a record's numbers may be, what the leaderboard shows and what the
verdict resamples are all read from here, so a new metric of confusion counts is one more line. Whoever reads a record
reads this, so NumPy is loaded by those who compute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fer_exp.data.classes import SLUG, Classes, FaceClass, title_of_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


class Counts:
    """Images by true and by predicted class, for any number of models and resamples at once.

    Args:
        hits: `(classes, ...)` images of each class that were predicted right.
        true: `(classes, ...)` images of each class.
        predicted: Gives `(classes, ...)` images that were taken for each class; asked for where a metric needs it.
    """

    def __init__(self, hits: Floats, true: Floats, predicted: Callable[[], Floats]) -> None:
        self.hits = hits
        self.true = true
        self._predicted = predicted

    @classmethod
    def of(cls, confusion: object) -> Counts:
        """Those of one confusion matrix `(classes, classes)`, rows true."""
        import numpy as np

        table = np.asarray(confusion, np.float64)
        return cls(np.diagonal(table), table.sum(axis=1), lambda: np.asarray(table.sum(axis=0)))

    @cached_property
    def predicted(self) -> Floats:
        """`(classes, ...)` images that were taken for each class."""
        return self._predicted()

    @cached_property
    def recalls(self) -> NDArray[np.float64]:
        """`(classes, ...)`, NaN where a class does not occur."""
        import numpy as np

        with np.errstate(invalid="ignore"):
            return np.asarray(self.hits / self.true, np.float64)


@dataclass(frozen=True)
class Metric:
    """One number about predictions."""

    name: str  # as in a record's scores, behind `val/` or `test/`
    title: str
    higher_is_better: bool = True
    low: float = 0.0
    high: float = 1.0
    share: bool = True  # of images or probability; shown in percent
    on_leaderboard: bool = False
    of_counts: Callable[[Counts], Floats] | None = None  # None: it needs probabilities, and is not resampled


def accuracy(counts: Counts) -> Floats:
    """The share of images that were predicted right."""
    import numpy as np

    return np.asarray(counts.hits.sum(axis=0) / counts.true.sum(axis=0), np.float64)


def macro_f1(counts: Counts) -> Floats:
    """Mean over the classes that occur of 2 TP / (times predicted + times true)."""
    import numpy as np

    predicted, present = counts.predicted, counts.true > 0
    where = np.broadcast_to(present, predicted.shape)
    f1 = np.divide(2 * counts.hits, predicted + counts.true, out=np.zeros_like(predicted), where=where)
    return np.asarray(f1.sum(axis=0, dtype=np.float64) / present.sum(axis=0), np.float64)


def balanced_accuracy(counts: Counts) -> Floats:
    """Mean recall over the classes that occur."""
    import numpy as np

    return np.asarray(np.nanmean(counts.recalls, axis=0))


METRICS = (  # of all classes together
    Metric("accuracy", "accuracy", on_leaderboard=True, of_counts=accuracy),
    Metric("macro_f1", "macro-F1", on_leaderboard=True, of_counts=macro_f1),
    Metric("balanced_accuracy", "balanced accuracy", on_leaderboard=True, of_counts=balanced_accuracy),
    Metric("log_loss", "log loss", higher_is_better=False, high=math.inf, share=False, on_leaderboard=True),
    Metric("ece", "expected calibration error", higher_is_better=False, share=False),
)


OF_EACH_CLASS = {"recall": "recall", "precision": "precision", "f1": "F1"}  # name behind the class's, title


def _of_class(slug: str, what: str, one: FaceClass | None = None) -> Metric:
    of_counts = None if one is None or what != "recall" else lambda counts: counts.recalls[one]
    return Metric(f"{slug}/{what}", f"{title_of_class(slug)} {OF_EACH_CLASS[what]}", of_counts=of_counts)


def metrics_of(classes: Classes) -> tuple[Metric, ...]:
    """All metrics of models that tell `classes` apart: those of all together, then recall, precision, F1 of each."""
    return (*METRICS, *(_of_class(one.slug, what, one) for what in OF_EACH_CLASS for one in classes))


def metric_of(name: str) -> Metric | None:
    """The metric of that name, with or without `val/` or `test/` before it; None where it is not registered.

    Of whatever class a name says; `metrics_of` knows which a data set has.
    """
    bare = name.removeprefix("val/").removeprefix("test/")
    slug, _, what = bare.rpartition("/")
    if what in OF_EACH_CLASS and SLUG.fullmatch(slug):
        return _of_class(slug, what)
    return next((metric for metric in METRICS if metric.name == bare), None)


def shown(name: str, value: float | None) -> str:
    """A value as people read it, everywhere alike: `80.25 %` for a share, `0.5610` for others, `-` where there is none.

    Args:
        name: The metric, with or without `val/` or `test/` before it.
        value: As records, tables for programs and MLflow hold it: a share is from 0 to 1.
    """
    if value is None:
        return "-"
    metric = metric_of(name)
    return f"{100 * value:.2f} %" if metric is not None and metric.share else f"{value:.4f}"


def on_leaderboard() -> tuple[str, ...]:
    """The names of the metrics that a leaderboard shows."""
    return tuple(metric.name for metric in METRICS if metric.on_leaderboard)


def resampled(classes: Classes) -> tuple[str, ...]:
    """The names of the metrics that the verdict judges."""
    return tuple(metric.name for metric in metrics_of(classes) if metric.of_counts is not None)
