"""Objective: the validation metric that decides between trials, and which way it is better.

In: a metric's name. Out: an Objective; an error where trials record no such metric, or the validation part cannot tell.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import model_validator

from fer_exp.data.classes import FER2013
from fer_exp.data.split.info import DataInfo
from fer_exp.metrics.registry import METRICS, OF_EACH_CLASS, metric_of, metrics_of
from fer_exp.recipe import Recipe, Targets
from fer_exp.system.errors import BadCampaign
from fer_exp.system.suggest import did_you_mean
from fer_exp.system.values import Value

MEND = "Nothing was started. Change it in the campaign file."


class Direction(StrEnum):
    """Which way an objective is better."""

    MAX = "max"
    MIN = "min"


def own_direction(metric: str) -> Direction:
    """Which way the metric of that name is better; up where it is none of ours."""
    known = metric_of(metric)
    return Direction.MIN if known is not None and not known.higher_is_better else Direction.MAX


class Objective(Value):
    """The final validation metric that decides between trials."""

    metric: str = "val/accuracy"
    direction: Direction = Direction.MAX  # where none is given, the metric's own

    @model_validator(mode="before")
    @classmethod
    def _own_direction(cls, given: Any) -> Any:
        if isinstance(given, dict) and "direction" not in given and "metric" in given:
            return given | {"direction": own_direction(str(given["metric"]))}
        return given

    def better(self, a: float, b: float) -> bool:
        """Whether `a` beats `b`."""
        return a > b if self.direction is Direction.MAX else a < b


def refuse_unknown(objective: Objective) -> None:
    """Passes where trials record that metric, and it is better that way."""
    if not objective.metric.startswith("val/") or metric_of(objective.metric) is None:
        names, usual = ([f"val/{metric.name}" for metric in some] for some in (METRICS, metrics_of(FER2013)))
        raise BadCampaign(
            f"campaign objective: expected one of {', '.join(names)}, or {' '.join(sorted(OF_EACH_CLASS))} of one "
            f"class as in val/fear/recall, received {objective.metric!r}{did_you_mean(objective.metric, usual)}",
            MEND,
        )
    if objective.direction is not own_direction(objective.metric):
        raise BadCampaign(
            f"campaign objective: {objective.metric} is better where it is "
            f"{'lower' if objective.direction is Direction.MAX else 'higher'}, received direction "
            f"{objective.direction.value!r}",
            "Nothing was started. Leave the direction out of the campaign file: every metric has its own.",
        )


def refuse_undecided(objective: Objective, info: DataInfo) -> None:
    """Passes where the validation part holds the class that the objective is about.

    Raises:
        BadCampaign: The data know no such class, or validation holds none, so every trial would come out alike.
    """
    slug, _, _ = objective.metric.removeprefix("val/").rpartition("/")
    if not slug:
        return
    of = info.classes.named(slug)
    if of is None:
        names = info.class_names
        raise BadCampaign(
            f"campaign objective: expected a class of {info.source} ({', '.join(names)}), received "
            f"{objective.metric!r}{did_you_mean(slug, names)}",
            MEND,
        )
    if not info.validation_counts[of]:
        raise BadCampaign(
            f"campaign objective: {objective.metric} needs {of.title} faces in the validation part, which holds none",
            "Nothing was started. Choose another objective in the campaign file, or other data.",
        )


def refuse_without_votes(recipes: Iterable[Recipe], info: DataInfo) -> None:
    """Passes where the data have the votes that recipes train on.

    Raises:
        BadCampaign: They have labels alone.
    """
    if not info.voted and any(recipe.targets is Targets.VOTES for recipe in recipes):
        raise BadCampaign(
            f"recipe targets: expected data with annotators' votes, received {info.source}, which has labels alone",
            "Nothing was started. Give FER+'s votes with --votes, or leave targets at 'label' in the campaign file.",
        )
