"""Comparing two groups of records: whether that can be done, and what comes out.

In: two groups. Out: a Comparison, with everything a reader needs to judge it.
A trial counts as picked from all finished trials of its campaign, also where it was named by number: whoever names it
has seen the leaderboard. The baseline was there before any trial, so it was not picked.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from fer_exp.campaign import CampaignSpec, Direction, Objective
from fer_exp.data.classes import Classes
from fer_exp.metrics.registry import resampled
from fer_exp.records import Kind, Predictions, Record, TrialSpec
from fer_exp.system.errors import BadInput
from fer_exp.system.values import Value
from fer_exp.verdict.groups import UNCHANGED, Group, failed_seeds, finished_in
from fer_exp.verdict.judge import LEVEL, Judgement, Side, Terms, judge
from fer_exp.verdict.resample import ACCURACY, Predicted


class Described(Value):
    """A group, as a Comparison names it."""

    title: str
    campaign: str
    records: tuple[str, ...]  # folders inside the campaign's, by seed
    seeds: tuple[int, ...]
    epochs: int  # budget


class Comparison(Value):
    """Two groups and the verdict on them."""

    a: Described
    b: Described
    data_digest: str
    protocol: str
    judgement: Judgement
    notes: tuple[str, ...]  # what else sets the groups apart, a line each


def compare_groups(a: Group, b: Group, level: float = LEVEL, equivalence: float | None = None) -> Comparison:
    """The verdict on A against B, by the objective of A's campaign where it is one of the metrics, else by accuracy.

    Args:
        a: The one in question.
        b: What it is compared with.
        level: Of the intervals.
        equivalence: The margin within which the two count as alike, a share; None asks nothing of the kind.

    Raises:
        BadInput: They are on other data, another protocol or other validation images, or they share a record.
        BadRecord: A file of a record is damaged.
    """
    shared = {record.path for record in a.records} & {record.path for record in b.records}
    if shared:
        raise BadInput(
            f"compare: expected two groups, received {a.title} and {b.title}, which share {min(shared).name}", UNCHANGED
        )
    _refuse_unless_same(a, b, "data", a.specs[0].data_digest, b.specs[0].data_digest)
    _refuse_unless_same(a, b, "protocol", a.specs[0].protocol, b.specs[0].protocol)
    ours, theirs = _loaded(a.records), _loaded(b.records)
    first = ours[0]
    for group, predictions in ((a, ours), (b, theirs)):
        if not all(_same_images(first, other) for other in predictions):
            raise BadInput(
                f"compare: expected the same validation images on both sides, received others for {group.title}",
                f"{UNCHANGED} Compare trainings on one split: the same protocol, seed of the campaign, and bad rows.",
            )
    sides = [Side(_predicted(some), _candidates(group, first)) for group, some in ((a, ours), (b, theirs))]
    classes = first.classes
    objective = CampaignSpec.read(a.folder / "campaign.json").settings.objective
    return Comparison(
        a=_described(a),
        b=_described(b),
        data_digest=a.specs[0].data_digest,
        protocol=a.specs[0].protocol,
        judgement=judge(
            first.labels,
            sides[0],
            sides[1],
            Terms(level, _deciding(objective, classes), classes=classes, equivalence=equivalence),
            first.groups,
        ),
        notes=(*_left_out("A", a), *_left_out("B", b), *_notes(a.specs[0], b.specs[0])),
    )


def _refuse_unless_same(a: Group, b: Group, what: str, ours: str, theirs: str) -> None:
    if ours != theirs:
        raise BadInput(
            f"compare: expected the same {what} on both sides, received {ours} for {a.title}, {theirs} for {b.title}",
            f"{UNCHANGED} Numbers on different {what} say nothing about each other.",
        )


def _loaded(records: Iterable[Record]) -> list[Predictions]:
    """Their predictions in the order of the source's rows."""
    found = []
    for record in records:
        one = record.predictions()
        order = np.argsort(one.rows, kind="stable")
        found.append(
            replace(
                one,
                labels=one.labels[order],
                probabilities=one.probabilities[order],
                rows=one.rows[order],
                groups=None if one.groups is None else one.groups[order],
            )
        )
    return found


def _same_images(one: Predictions, other: Predictions) -> bool:
    same_classes = one.classes == other.classes
    return same_classes and np.array_equal(one.rows, other.rows) and np.array_equal(one.labels, other.labels)


def _predicted(predictions: Iterable[Predictions]) -> Predicted:
    return np.stack([one.probabilities.argmax(axis=1).astype(np.uint8) for one in predictions])


def _candidates(group: Group, first: Predictions) -> Predicted | None:
    """What the trials of its campaign said about the same images; None where there was no choice."""
    if group.specs[0].number == 0:
        return None
    records = [record for record in finished_in(group.folder / "trials") if record.spec().kind is Kind.TRIAL]
    outcomes = [(record, record.outcome()) for record in records]
    own = [record for record, outcome in outcomes if outcome is not None and outcome.same_as is None]
    same = [one for one in _loaded(own) if _same_images(first, one)]
    return _predicted(same) if len(same) > 1 else None


def _deciding(objective: Objective, classes: Classes) -> str:
    metric = objective.metric.removeprefix("val/")
    return metric if metric in resampled(classes) and objective.direction is Direction.MAX else ACCURACY


def _described(group: Group) -> Described:
    return Described(
        title=group.title,
        campaign=group.specs[0].campaign,
        records=tuple(record.path.relative_to(group.folder).as_posix() for record in group.records),
        seeds=tuple(spec.seed for spec in group.specs),
        epochs=group.specs[0].epochs,
    )


def _left_out(name: str, group: Group) -> Iterable[str]:
    failed = failed_seeds(group)
    if failed:
        yield (
            f"{name}: {len(failed)} of {len(failed) + len(group.records)} seeds failed and are left out "
            f"({', '.join(map(str, failed))}): this is about its trainings that succeed."
        )


def _notes(a: TrialSpec, b: TrialSpec) -> Iterable[str]:
    """What sets the groups apart besides the recipe."""
    if a.epochs != b.epochs:
        yield f"Trained for different budgets: A up to {a.epochs} epochs, B up to {b.epochs}."
    elif a.horizon != b.horizon:
        yield f"Learning rates were scheduled for different budgets: A's for {a.horizon} epochs, B's for {b.horizon}."
    if a.split_digest != b.split_digest:
        yield (
            "Trained on different training images (--limit, or some left out by --drop-...); the validation images are "
            "the same."
        )
    if (a.start_from is None) is not (b.start_from is None):
        yield "One side started from a champion's weights (--recover), the other from nothing."
