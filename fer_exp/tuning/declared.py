"""A campaign's space as Keras Tuner declares it: what a proposer says about it, and the recipes that it makes.

In: a campaign. Out: hyperparameters, points, recipes. Every proposer of fer-exp shares it.
"""

import contextlib
import math
from collections.abc import Mapping
from typing import Any

import keras_tuner
import numpy as np

from fer_exp.campaign import Campaign
from fer_exp.campaign.space import Scalar
from fer_exp.recipe import Recipe
from fer_exp.system.errors import BadCampaign
from fer_exp.system.values import named
from fer_exp.tuning.samples import points_of

ENDLESS = 10**9  # points


class DeclaredSpace:
    """The hyperparameters of a campaign.

    Raises:
        BadCampaign: Its space fails.
    """

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._space = keras_tuner.HyperParameters()
        self._build(self._space)
        self._declared = len(self._space.space)

    def space(self) -> list[dict[str, Any]]:
        """Each hyperparameter as Keras Tuner describes it."""
        config: list[dict[str, Any]] = self._space.get_config()["space"]
        return config

    def fixed_points(self) -> list[dict[str, Scalar]]:
        """Points of the space that `samples.py` tries it at, the same at every call."""
        return [{name: tidy(value) for name, value in point.items()} for point in points_of(self._space.space)]

    def recipe_at(self, values: Mapping[str, Scalar]) -> Recipe:
        """What the space makes of these values.

        Raises:
            BadCampaign: It refuses them.
        """
        hyperparameters = self._space.copy()
        hyperparameters.values = dict(values)
        return self._build(hyperparameters)

    def samples(self, count: int) -> list[Recipe]:
        """Recipes of the space: the one with every number at its largest, and `count` drawn at random."""
        drawn = []
        for seed in range(count + 1):
            hyperparameters = self._space.copy()
            hyperparameters.values = {
                hp.name: hp.random_sample(seed) if seed else _largest(hp) for hp in self._space.space
            }
            with contextlib.suppress(BadCampaign):  # the search refuses such a point when it comes to it
                drawn.append(self._build(hyperparameters))
        return drawn

    def _points(self, *, any_step: bool = False) -> int:
        """How many points the space has; a range without a step counts as more than will ever be asked for.

        Args:
            any_step: Whoever asks makes steps of its own, as Keras Tuner's grid does.
        """
        endless = [hp for hp in self._space.space if not any_step and getattr(hp, "step", 0) is None]
        return ENDLESS if endless else min(math.prod(len(list(hp.values)) for hp in self._space.space), ENDLESS)

    def _build(self, hyperparameters: Any) -> Recipe:
        try:
            recipe = self._campaign.space(hyperparameters)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever the space raises, sys.exit too, is the user's to see, in one line
            raise BadCampaign(
                f"space of campaign {self._campaign.name!r} fails: {named(error)}",
                "Finished trials are kept. Mend the campaign file; -vv shows where it fails.",
            ) from error
        if not isinstance(recipe, Recipe):
            raise BadCampaign(
                f"space of campaign {self._campaign.name!r}: expected it to return a Recipe, "
                f"received {type(recipe).__name__}",
                "Nothing was started. Return baseline_recipe().but(...).",
            )
        return recipe


def _largest(hyperparameter: Any) -> Any:
    values = list(hyperparameter.values)
    numbers = all(isinstance(value, int | float) for value in values)
    return getattr(hyperparameter, "max_value", None) or (max(values) if numbers else values[-1])


def tidy(value: Any) -> Any:
    """A number as a person would write it: Keras Tuner's steps add up to 0.30000000000000004."""
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.10g}")
    return value.item() if isinstance(value, np.generic) else value
