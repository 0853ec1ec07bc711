"""Cost: hours, images, operations and energy of a campaign's trainings, and what it took to reach an accuracy.

In: what its records say. Out: a Cost, or a Reached for each level. What was answered by another record was not trained,
and costs nothing.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from fer_exp.campaign import CampaignSpec
from fer_exp.records import RecordContents
from fer_exp.report.flops import training_flops
from fer_exp.system.files import read_file

ENERGY = "energy_joules"  # in a record's provenance, where the machine tells it


@dataclass(frozen=True)
class Cost:
    """What trainings took, over all attempts that left epochs behind."""

    trainings: int  # that trained an epoch or more
    answered: int  # that another record answered
    seconds: float  # of training and validation, added up
    span_seconds: float  # from the first start to the last end
    epochs: int
    images: int  # training images, each as often as it came
    flops: int
    joules: float | None  # None where a training does not say


def cost_of(spec: CampaignSpec, records: Iterable[RecordContents]) -> Cost:
    """The cost of these trainings together."""
    known = list(records)
    lengths = {one.spec.number: len(one.history) for one in known if one.record.path.parent.name == "trials"}
    trained = [(one, _own_epochs(one, lengths)) for one in known]
    trained = [(one, epochs) for one, epochs in trained if epochs]
    seconds, images, flops = 0.0, 0, 0
    for one, epochs in trained:
        seconds += sum(row.seconds for row in one.history[-epochs:])
        seen, validated = images_an_epoch(one, spec), sum(spec.data.validation_counts)
        images += epochs * seen
        for row in one.history[-epochs:]:
            side = one.spec.recipe.side_at(row.epoch, one.spec.horizon)
            flops += training_flops(one.spec.recipe, spec.data.form, seen, validated, side)
    joules = [provenance(one).get(ENERGY) for one, _ in trained]
    told = [float(value) for value in joules if isinstance(value, int | float) and math.isfinite(value)]
    return Cost(
        trainings=len(trained),
        answered=sum(bool(one.outcome and one.outcome.answered_by) for one in known),
        seconds=seconds,
        span_seconds=_span([one for one, _ in trained]),
        epochs=sum(epochs for _, epochs in trained),
        images=images,
        flops=flops,
        joules=sum(told) if told and len(told) == len(trained) else None,
    )


@dataclass(frozen=True)
class Reached:
    """What trainings of one recipe took to reach an accuracy on validation, a mean over the seeds that did."""

    level: int  # percent
    seeds: int  # that reached it
    of: int  # trainings
    epoch: float
    seconds: float  # of training and validation, up to the end of that epoch
    processor_seconds: float | None  # times the processors of the machine; None on a GPU, or where it does not say
    flops: float


def cost_to(spec: CampaignSpec, records: Iterable[RecordContents]) -> tuple[Reached, ...]:
    """What each level took, the lowest first: every percent of the last five before the best, every fifth of twenty.

    An epoch counts with all epochs before it, those that a longer training took over from a shorter one included.
    """
    known = [one for one in records if one.history]
    best = math.floor(100 * max((row.val_accuracy for one in known for row in one.history), default=0.0))
    levels = [level for level in range(max(best - 20, 0) + 1, best + 1) if level % 5 == 0 or level > best - 5]
    found = ((level, [costs for one in known if (costs := _up_to(spec, one, level))]) for level in levels)
    return tuple(_mean(level, costs, len(known)) for level, costs in found)


def _up_to(spec: CampaignSpec, one: RecordContents, level: int) -> tuple[int, float, float | None, int] | None:
    """Epoch, seconds, processor seconds and operations until validation first says `level` percent."""
    seconds, flops = 0.0, 0
    seen, validated = images_an_epoch(one, spec), sum(spec.data.validation_counts)
    for row in one.history:
        side = one.spec.recipe.side_at(row.epoch, one.spec.horizon)
        seconds += row.seconds
        flops += training_flops(one.spec.recipe, spec.data.form, seen, validated, side)
        if 100 * row.val_accuracy >= level:
            stated = provenance(one)
            cores = stated.get("cores") if str(stated.get("device", "")).startswith("cpu") else None
            return row.epoch, seconds, seconds * cores if isinstance(cores, int) else None, flops
    return None


def _mean(level: int, costs: list[tuple[int, float, float | None, int]], trainings: int) -> Reached:
    epochs, seconds, processors, flops = zip(*costs, strict=True)
    told = [one for one in processors if one is not None]
    processor_seconds = fmean(told) if len(told) == len(costs) else None
    return Reached(level, len(costs), trainings, fmean(epochs), fmean(seconds), processor_seconds, fmean(flops))


def _own_epochs(one: RecordContents, lengths: Mapping[int, int]) -> int:
    """Epochs that the record trained itself: none where another answered it, fewer where it went on from a trial."""
    if one.outcome is not None and one.outcome.answered_by:
        return 0
    before = 0 if one.spec.continues is None else lengths.get(one.spec.continues, 0)
    return max(len(one.history) - before, 0)


def images_an_epoch(one: RecordContents, spec: CampaignSpec) -> int:
    """Training images of an epoch, copies included where the record says so; else those of the split."""
    counts = provenance(one).get("train_counts_after")
    if isinstance(counts, list) and counts and all(isinstance(count, int) for count in counts):
        return sum(counts)
    return sum(spec.data.train_counts)


def _span(records: list[RecordContents]) -> float:
    if not records:
        return 0.0
    first = min(one.history[0].time_ms - round(1000 * one.history[0].seconds) for one in records)
    return (max(one.history[-1].time_ms for one in records) - first) / 1000


def provenance(one: RecordContents) -> dict[str, object]:
    """What `provenance.json` says, a free form; empty while it is absent or unreadable."""
    try:
        stored = json.loads(read_file(one.record.path / "provenance.json"))
    except (OSError, ValueError, RecursionError):
        return {}
    return stored if isinstance(stored, dict) else {}
