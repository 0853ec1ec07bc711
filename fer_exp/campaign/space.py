"""Dimensions: a campaign's space as typed values, from Keras Tuner's description of each hyperparameter.

In: `CampaignSpec.space`. Out: one Dimension for each hyperparameter that can vary. Steps are left out on purpose: what
reads a Dimension needs where a value lies, and 0.30000000000000004 lies in a range but on no step of 0.1.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from fer_exp.system.errors import BadRecord
from fer_exp.system.values import Value

Scalar = bool | int | float | str


LARGEST = sys.float_info.max


class Dimension(Value):
    """One hyperparameter: a range, or a list of choices."""

    name: str
    low: float = 0.0  # of a range
    high: float = 1.0
    log: bool = False  # sampled by magnitude
    choices: tuple[Scalar, ...] = ()  # empty for a range

    def place(self, value: Scalar) -> float:
        """Where `value`, which it `holds`, lies, from 0 (low, or the first choice) to 1; outside is the nearer end."""
        if self.choices:
            index = self.choices.index(value) if value in self.choices else 0
            return index / (len(self.choices) - 1)
        low, high, at = (self._scale(number) for number in (self.low, self.high, float(value)))
        return min(max((at - low) / (high - low), 0.0), 1.0)

    def holds(self, value: Scalar) -> bool:
        """Whether `value` can have been proposed here."""
        if self.choices:
            return value in self.choices
        return isinstance(value, int | float) and (value > 0 if self.log else value >= -LARGEST) and value <= LARGEST

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and labels for an axis: every choice, or ends and middle of a range."""
        if self.choices:
            return tuple((self.place(choice), str(choice)) for choice in self.choices)
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        return tuple((self.place(number), f"{number:.4g}") for number in (self.low, middle, self.high))

    def _scale(self, number: float) -> float:
        return math.log10(number) if self.log else number


def dimensions(space: Sequence[Mapping[str, Any]]) -> tuple[Dimension, ...]:
    """The hyperparameters of `space` that can take more than one value, in its order, each name once.

    Args:
        space: What `keras_tuner.HyperParameters.get_config()["space"]` holds.

    Raises:
        BadRecord: A description is none of Keras Tuner's five classes, or lacks a field.
    """
    found: dict[str, Dimension] = {}
    for described in space:
        try:
            dimension = _dimension(str(described["class_name"]), described["config"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadRecord(
                f"space of the campaign: expected a hyperparameter of Keras Tuner, received {described!r:.120}",
                "Nothing was changed. Restore campaign.json, or move the campaign's folder away.",
            ) from error
        if dimension is not None and dimension.name not in found:  # a name may stand under several conditions
            found[dimension.name] = dimension
    return tuple(found.values())


def _dimension(kind: str, config: Mapping[str, Any]) -> Dimension | None:
    name = config["name"]
    if not isinstance(name, str):
        raise TypeError(f"a name {name!r}")
    match kind:
        case "Float" | "Int":
            low, high, log = float(config["min_value"]), float(config["max_value"]), config["sampling"] == "log"
            if not (math.isfinite(low) and math.isfinite(high)) or (log and low <= 0):
                raise ValueError(f"a range from {low} to {high}")
            return Dimension(name=name, low=low, high=high, log=log) if low < high else None
        case "Choice":
            choices = tuple(config["values"])
            if not all(isinstance(choice, Scalar) for choice in choices):
                raise TypeError(f"choices {choices}")
            return Dimension(name=name, choices=choices) if len(choices) > 1 else None
        case "Boolean":
            return Dimension(name=name, choices=(False, True))
        case "Fixed":
            if not isinstance(config["value"], Scalar):
                raise TypeError(f"a value {config['value']!r}")
            return None
        case _:
            raise KeyError(kind)
