"""A proposer without a library: the points of a list, in order.

It shows that the search needs nothing of Keras Tuner but the protocol.
"""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from fer_exp.campaign import Campaign, HyperParameters, Settings
from fer_exp.campaign.space import Scalar
from fer_exp.recipe import Recipe
from fer_exp.records import TrialSpec
from fer_exp.system.errors import BadRecord
from fer_exp.tuning.proposer import Nothing, Plan, Proposal

CHOICES: dict[str, list[Any]] = {"block_dropout": [0.2, 0.1, 0.3, 0.4], "learning_rate": [1e-3, 3e-3, 1e-2]}
SCRIPT: list[dict[str, Any]] = [
    {"block_dropout": dropout, "learning_rate": rate}
    for dropout, rate in [(0.3, 3e-3), (0.1, 1e-3), (0.4, 1e-2), (0.3, 1e-3), (0.2, 3e-3), (0.1, 1e-2)]
]


class ScriptedProposer:
    """Proposes `SCRIPT`, as far as the budget goes."""

    def __init__(self, campaign: Campaign, settings: Settings) -> None:
        self._campaign = campaign
        self._settings = settings
        self._asked = 0
        self._told: list[int] = []

    def ask(self) -> Proposal | Nothing:
        if self._asked >= min(self._settings.max_trials, len(SCRIPT)):
            return Nothing.DONE
        self._asked += 1
        return self._proposal(self._asked)

    def tell(self, number: int, score: float | None) -> None:
        self._told.append(number)

    def tell_baseline(self, course: Mapping[int, float]) -> None:
        """It has no use for it."""

    def running(self) -> list[Proposal]:
        return [self._proposal(number) for number, running in self.known().items() if running]

    def known(self) -> dict[int, bool]:
        return {number: number not in self._told for number in range(1, self._asked + 1)}

    def told(self) -> tuple[int, ...]:
        return tuple(self._told)

    def state_text(self) -> str:
        # As the doctor reads it: a list of trials with an id and a status.
        trials = [{"id": f"{n - 1:04d}", "status": "RUNNING" if r else "COMPLETED"} for n, r in self.known().items()]
        return json.dumps({"asked": self._asked, "told": self._told, "trials": trials})

    def restore(self, state: dict[str, Any]) -> None:
        try:
            self._asked, self._told = int(state["asked"]), list(state["told"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadRecord("state: expected what was asked and told", "Nothing was changed.") from error

    def raw_values(self, number: int) -> dict[str, Any]:
        return dict(SCRIPT[number - 1])

    def repeat(self, number: int, spec: TrialSpec | None, values: dict[str, Any]) -> bool:
        self._asked = number
        return spec is not None and (spec.recipe, spec.values) == (self._proposal(number).recipe, values)

    def plan(self) -> Plan:
        trials = min(self._settings.max_trials, len(SCRIPT)) + 1
        return Plan(trials, trials * self._settings.epochs)

    def space(self) -> list[dict[str, Any]]:
        return [
            {"class_name": "Choice", "config": {"name": name, "values": values, "default": values[0]}}
            for name, values in CHOICES.items()
        ]

    def samples(self, count: int) -> list[Recipe]:
        return [self.recipe_at(values) for values in SCRIPT[: count + 1]]

    def fixed_points(self) -> list[dict[str, Scalar]]:
        return [dict(values) for values in SCRIPT]

    def recipe_at(self, values: Mapping[str, Scalar]) -> Recipe:
        def choice(name: str, choices: list[Any], default: Any = None) -> Any:
            return values.get(name, choices[0] if default is None else default)

        given = SimpleNamespace(Choice=choice)  # the one kind of hyperparameter that the toy space declares
        return self._campaign.space(cast(HyperParameters, given))

    def _proposal(self, number: int) -> Proposal:
        values = dict(SCRIPT[number - 1])
        return Proposal(number, self.recipe_at(values), values, self._settings.epochs, None)
