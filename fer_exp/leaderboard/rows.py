"""Decide: plain code over finished records. Which trial is best, how sure that is, and whose models stay on disk.

In: records and an objective. Out: rows in order, best first; the best record; the numbers whose models stay.
Keras Tuner's own list of best trials is not asked, because it pads with trials that failed or never ended.
"""

import math
from collections.abc import Callable, Iterable
from statistics import NormalDist

from pydantic import Field

from fer_exp.campaign import Objective
from fer_exp.campaign.space import Scalar
from fer_exp.metrics.registry import on_leaderboard
from fer_exp.records import Kind, Record, RecordContents, State, best_epoch, seconds_trained
from fer_exp.system.errors import BadRecord
from fer_exp.system.values import Value


class Interval(Value):
    """Where a share lies, at a stated confidence."""

    low: float
    high: float


class Row(Value):
    """One trial of a leaderboard, on validation."""

    number: int  # 0 is the baseline
    kind: Kind
    seed: int = 1
    state: State
    attempts: int  # processes that tried to train it
    objective: float | None  # None unless the trial finished with a finite objective
    metrics: dict[str, float] = Field(default_factory=dict)  # those of the registry's for leaderboards that are finite
    accuracy_interval: Interval | None = None  # Wilson, 95 %; None where there is no accuracy
    accuracy_error: float | None = None  # standard error; by groups of images where they come in groups
    images: int | None = None  # of validation
    best_epoch: int = 0
    epochs: int = 0  # trained
    budget: int = 0  # epochs asked for
    seconds: float = 0.0  # that it trained itself, all attempts; 0 where another trial answered it
    values: dict[str, Scalar] = Field(default_factory=dict)  # hyperparameters as proposed
    changes: dict[str, Scalar] = Field(default_factory=dict)  # fields of the recipe that differ from the baseline's
    same_as: int | None = None  # trial that had already answered the same question
    continues: int | None = None  # trial whose last epoch it went on from (Hyperband's promotions)
    reason: str = ""  # why it failed


def standard_error(accuracy: float, n: int) -> float:
    """The standard error of a share seen in `n` independent images: sqrt(p (1 - p) / n)."""
    return math.sqrt(accuracy * (1.0 - accuracy) / n)


def effective(accuracy: float, n: int, error: float) -> float:
    """How many independent images would give a share the standard error that `n` images in groups give it; 1 to `n`."""
    return min(max(accuracy * (1 - accuracy) / error**2, 1.0), n) if error > 0 else float(n)


def accuracy_interval(accuracy: float, n: float, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of a share seen in `n` independent images, or effectively so many (Wilson 1927).

    Written out because SciPy's takes seconds to load, and a table of results must not wait for it.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = accuracy
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return Interval(low=max(middle - half, 0.0), high=min(middle + half, 1.0))


def whole(records: Iterable[Record]) -> tuple[list[RecordContents], tuple[str, ...]]:
    """What the records say that can be read, and what is wrong with each of the others, a line each.

    For whoever shows what there is. Whoever decides by it needs all of it: the damaged one may be the best.
    """
    found, damaged = [], []
    for record in records:
        try:
            contents = record.read()
            _ = contents.test_scores  # read too: what is shown of a record must be whole
            found.append(contents)
        except BadRecord as error:
            damaged.append(error.problem)
    return found, tuple(damaged)


def leaderboard(records: Iterable[Record | RecordContents], objective: Objective) -> list[Row]:
    """Finished records with a finite objective, best first, ties by lower number; behind them the others by number.

    Raises:
        BadRecord: A file of a record is damaged.
    """
    return [row for row, _ in _ranked(records, objective)]


def best(records: Iterable[Record], objective: Objective, *, include_baseline: bool = True) -> Record | None:
    """The finished record with the best finite objective, ties to the lower number; None where there is none.

    Raises:
        BadRecord: A file of a record is damaged.
    """
    for row, record in _ranked(records, objective):
        if row.objective is not None and (include_baseline or row.kind is not Kind.BASELINE):
            return record
    return None


def place(objective: Objective) -> Callable[[Row], tuple[bool, float, int]]:
    """What a leaderboard sorts its rows by: finite objectives, best first, ties by lower number; then the others."""
    sign = -1.0 if objective.better(1.0, 0.0) else 1.0

    def of(row: Row) -> tuple[bool, float, int]:
        return row.objective is None, 0.0 if row.objective is None else sign * row.objective, row.number

    return of


def keepers(rows: Iterable[Row], k: int) -> set[int]:
    """The numbers of the trials whose models stay: the best `k`, and always the baseline, which they are compared with.

    A trial answered by an earlier one has no model of its own and takes no place.

    Args:
        rows: A leaderboard, best first.
        k: How many trials keep their models.
    """
    found = list(rows)
    finished = [row.number for row in found if row.objective is not None and row.same_as is None]
    return {*finished[:k], *(row.number for row in found if row.kind is Kind.BASELINE)}


def _ranked(records: Iterable[Record | RecordContents], objective: Objective) -> list[tuple[Row, Record]]:
    found = [one.read() if isinstance(one, Record) else one for one in records]
    baseline = next((one.spec.recipe.flat() for one in found if one.spec.kind is Kind.BASELINE), None)
    place_of = place(objective)
    return sorted([(row_of(one, objective, baseline), one.record) for one in found], key=lambda p: place_of(p[0]))


def _errors(accuracy: float | None, images: int | None, by_group: float | None) -> tuple[float | None, Interval | None]:
    """The standard error and the interval of an accuracy; by groups of images where the record has that."""
    if accuracy is None or not images:
        return None, None
    if by_group is None or not math.isfinite(by_group):
        return standard_error(accuracy, images), accuracy_interval(accuracy, images)
    return by_group, accuracy_interval(accuracy, effective(accuracy, images, by_group))


def row_of(contents: RecordContents, objective: Objective, baseline: dict[str, Scalar] | None) -> Row:
    """What a leaderboard says about a record.

    Args:
        contents: Of the record, ended or not.
        objective: What the leaderboard is sorted by.
        baseline: The baseline's recipe, field by field; None where the campaign has none.
    """
    spec, outcome, history, scores = contents.spec, contents.outcome, contents.history, contents.scores
    metrics = {
        name: scores[f"val/{name}"] for name in on_leaderboard() if math.isfinite(scores.get(f"val/{name}", math.nan))
    }
    images = int(scores["val/images"]) if "val/images" in scores else None
    value = scores.get(objective.metric, math.nan)
    finished = outcome is not None and outcome.state is State.FINISHED and math.isfinite(value)
    recipe: dict[str, Scalar] = dict(spec.recipe.flat())
    accuracy = metrics.get("accuracy")
    error, interval = _errors(accuracy, images, scores.get("val/accuracy_error"))
    return Row(
        number=spec.number,
        kind=spec.kind,
        seed=spec.seed,
        state=contents.state,
        attempts=contents.attempts,
        objective=value if finished else None,
        metrics=metrics,
        accuracy_interval=interval,
        accuracy_error=error,
        images=images,
        best_epoch=(outcome.best_epoch if outcome else 0) or best_epoch(history),
        epochs=len(history),
        budget=spec.epochs,
        seconds=outcome.seconds if outcome else seconds_trained(contents.record, history),
        values=spec.values,
        changes=dict(spec.values) if baseline is None else {k: v for k, v in recipe.items() if baseline.get(k) != v},
        same_as=outcome.same_as if outcome else None,
        continues=spec.continues,
        reason=outcome.reason if outcome else "",
    )
