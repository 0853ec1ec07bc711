"""The interface of what proposes trials: ask and tell, a state that can be put away, and a plan.

In: how trials ended. Out: proposals, one at a time. `keras_tuner_proposer.py` implements it over Keras Tuner's oracles;
another library's search implements it in a module of its own. The search keeps to this protocol: trials are numbered
from 1 in the order in which they were asked for, and a proposer that is asked and told the same in the same order
proposes the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from fer_exp.campaign import Settings
from fer_exp.campaign.space import Scalar
from fer_exp.recipe import Recipe
from fer_exp.records import TrialSpec

BASELINE = 0  # its number among trials, which nobody asks for


class Nothing(Enum):
    """Why there is no proposal."""

    WAIT = "wait"  # a running trial must end first
    DONE = "done"  # the budget is spent, or the space is exhausted


@dataclass(frozen=True)
class Proposal:
    """One trial to run."""

    number: int  # from 1
    recipe: Recipe
    values: dict[str, Scalar]
    epochs: int
    continues: int | None  # number of the trial whose last epoch this one goes on from


@dataclass(frozen=True)
class Plan:
    """How much a campaign will do at most, the baseline included."""

    trials: int
    epochs: int  # trained in all; promoted trials count only the epochs they add


def fewer_points(settings: Settings, plan: Plan) -> list[str]:
    """A line where the space has fewer points than trials are wanted; nothing else."""
    points = plan.trials - 1
    if settings.algorithm.promotes or points >= settings.max_trials:
        return []
    return [
        f"The space has {points} point{'s' * (points != 1)}, fewer than the {settings.max_trials} trials asked for."
    ]


class Proposer(Protocol):
    """Proposes the trials of one campaign."""

    # -- the conversation

    def ask(self) -> Proposal | Nothing:
        """The next trial to run; its number is the next one.

        Raises:
            BadCampaign: The campaign's space refuses the proposed values.
        """

    def tell(self, number: int, score: float | None) -> None:
        """How trial `number` ended: its objective, or None where it failed (NaN and infinite count as failed)."""

    def tell_baseline(self, course: Mapping[int, float]) -> None:
        """How the baseline ended, which no proposal asked for: what it had reached by how many epochs.

        As far as its record says so; nothing where it failed. A proposer that has a use for it names the baseline as
        trial 0 in `known` and `told`, and is then told once.
        """

    def running(self) -> list[Proposal]:
        """The proposals that have not been told about, by number."""

    def known(self) -> dict[int, bool]:
        """The numbers of all trials asked for, and whether each still runs; 0, the baseline, if it wants to know."""

    def told(self) -> tuple[int, ...]:
        """The trials that have been told about, in that order."""

    # -- state

    def state_text(self) -> str:
        """Everything needed to go on from here, as JSON on one line."""

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state, in a proposer of the same campaign that has not been asked yet.

        Raises:
            BadRecord: The state is damaged, or another algorithm's.
        """

    def raw_values(self, number: int) -> dict[str, Any]:
        """What has to be kept of a trial so that `repeat` can take it in: its values and the proposer's own notes."""

    def repeat(self, number: int, spec: TrialSpec | None, values: dict[str, Any]) -> bool:
        """Asks for trial `number`, the next, which was asked for before; whether the same came out.

        Where something else comes out, what is recorded stands.

        Args:
            number: Of the trial.
            spec: What was recorded; None where its record is gone.
            values: As `raw_values` gave them.
        """

    # -- the campaign's space and size

    def plan(self) -> Plan:
        """The most that can happen, the baseline included."""

    def space(self) -> list[dict[str, Any]]:
        """Each hyperparameter as Keras Tuner describes it."""

    def samples(self, count: int) -> list[Recipe]:
        """`count` recipes of the space or one more, the largest network among them, to see how much room they need."""

    def fixed_points(self) -> list[dict[str, Scalar]]:
        """Points of the space that `samples.py` tries it at, the same at every call."""

    def recipe_at(self, values: Mapping[str, Scalar]) -> Recipe:
        """What the space makes of these values.

        Raises:
            BadCampaign: It refuses them.
        """
