"""Ask and tell: the only module that imports Keras Tuner.

In: a campaign, its settings, and the state that an earlier start left. Out: proposals, one at a time, and the state to
keep. Keras Tuner's oracle lives in this process and never touches a disk: its own files are written in place and one
by one, and do not hold all that it needs to go on (the order of a grid, the random state of the Bayesian search).
`state()` holds all of it.
"""

import copy
import math
import warnings
from dataclasses import dataclass
from enum import Enum
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner import oracles
from keras_tuner.engine import trial as keras_trial
from sklearn.exceptions import ConvergenceWarning

from fer_exp.campaign import Algorithm, Campaign, Settings
from fer_exp.errors import BadCampaign, BadRecord
from fer_exp.recipe import Recipe
from fer_exp.values import first_line

BOOKKEEPING = "tuner/"  # prefix of the keys that Hyperband mixes into a trial's values
OBJECTIVE = "objective"
NEVER = 10**9  # the oracle's own rule for giving up on failures; the search has a better one

State = dict[str, Any]  # JSON-able; opaque to everyone but this module


class Nothing(Enum):
    """Why there is no proposal."""

    WAIT = "wait"  # a running trial must end first
    DONE = "done"  # the budget is spent, or the space is exhausted


@dataclass(frozen=True)
class Proposal:
    """One trial to run."""

    number: int  # from 1
    recipe: Recipe
    values: dict[str, bool | int | float | str]
    epochs: int
    continues: int | None  # number of the trial whose last epoch this one goes on from


@dataclass(frozen=True)
class Plan:
    """How much a campaign will do at most, the baseline included."""

    trials: int
    epochs: int  # trained in all; promoted trials count only the epochs they add


class Proposer:
    """A Keras Tuner oracle that can be put away and taken up again between any two calls."""

    def __init__(self, campaign: Campaign, settings: Settings, state: State | None = None) -> None:
        self._campaign = campaign
        self._settings = settings
        self._space = keras_tuner.HyperParameters()
        self._build(self._space)
        self._declared = len(self._space.space)
        self._oracle = self._make_oracle()
        if state is not None:
            self.take_up(state)

    # -- the conversation

    def ask(self) -> Proposal | Nothing:
        """The next trial to run.

        Raises:
            BadCampaign: The space refuses the proposed values, or declares hyperparameters only now.
        """
        slot = f"slot-{len(self._oracle.trials)}"  # one slot per trial: the oracle keeps at most one trial in each
        trial = self._oracle.create_trial(slot)
        if trial.status == keras_trial.TrialStatus.RUNNING:
            return self._proposal(trial)
        return Nothing.WAIT if trial.status == keras_trial.TrialStatus.IDLE else Nothing.DONE

    def tell(self, number: int, score: float | None) -> None:
        """How trial `number` ended: its objective, or None where it failed (NaN and infinite count as failed)."""
        trial = self._trial(number)
        if score is not None and math.isfinite(score):
            self._oracle.update_trial(trial.trial_id, {OBJECTIVE: score})
            trial.status = keras_trial.TrialStatus.COMPLETED
        else:
            trial.status = keras_trial.TrialStatus.FAILED
        self._oracle.end_trial(trial)

    def running(self) -> list[Proposal]:
        """The proposals that have not been told about, in order."""
        trials = self._oracle.trials.values()
        return [self._proposal(trial) for trial in trials if trial.status == keras_trial.TrialStatus.RUNNING]

    # -- what it knows

    def space(self) -> list[dict[str, Any]]:
        """Each hyperparameter as Keras Tuner describes it."""
        config: list[dict[str, Any]] = self._space.get_config()["space"]
        return config

    def plan(self) -> Plan:
        """The most that can happen, the baseline included."""
        epochs = self._settings.epochs
        if self._settings.algorithm is Algorithm.HYPERBAND:
            trials, trained = self._hyperband_plan()
        else:
            trials = self._settings.max_trials
            if self._settings.algorithm is Algorithm.GRID:
                trials = min(trials, math.prod(len(list(hp.values)) for hp in self._space.space))
            trained = trials * epochs
        return Plan(trials + 1, trained + epochs)

    def schedule(self) -> list[str]:
        """What happens in which order, one line a step."""
        if self._settings.algorithm is not Algorithm.HYPERBAND:
            return [f"{self.plan().trials - 1} trials of {self._settings.epochs} epochs"]
        lines = []
        for bracket in reversed(range(self._oracle._get_num_brackets())):
            rounds = [
                f"{self._oracle._get_size(bracket, number)} to epoch {self._oracle._get_epochs(bracket, number)}"
                for number in range(bracket + 1)
            ]
            lines.append(f"bracket {bracket}: " + ", then the best ".join(rounds))
        if self._settings.hyperband_iterations > 1:
            lines.append(f"all of it {self._settings.hyperband_iterations} times")
        return lines

    def _hyperband_plan(self) -> tuple[int, int]:
        trials = epochs = 0
        oracle = self._oracle
        for bracket in range(oracle._get_num_brackets()):
            before = 0
            for number in range(bracket + 1):
                size, upto = oracle._get_size(bracket, number), oracle._get_epochs(bracket, number)
                trials += size
                epochs += size * (upto - before)
                before = upto
        return trials * self._settings.hyperband_iterations, epochs * self._settings.hyperband_iterations

    # -- state

    def state(self) -> State:
        """Everything needed to go on from here, as JSON."""
        oracle = self._oracle
        extra: State = {}
        if self._settings.algorithm is Algorithm.GRID:
            order = oracle._ordered_ids
            extra = {
                "memory": order._memory,
                "next": [[key, value] for key, value in order._next_index.items()],
                "last": order._last_index,
                "pending": oracle._populate_next,
            }
        elif self._settings.algorithm is Algorithm.BAYESIAN:
            name, keys, *rest = oracle._random_state.get_state()
            extra = {"random_state": [name, [int(key) for key in keys], *rest], "fitted_on": oracle.fitted_on}
        trials = [
            {"id": t.trial_id, "values": t.hyperparameters.values, "status": t.status, "score": t.score}
            for t in oracle.trials.values()
        ]
        kept = oracle.get_state()
        del kept["display"], kept["hyperparameters"]  # the first is for printing, the second is the campaign's space
        return copy.deepcopy({"oracle": kept, "trials": trials, "extra": extra})

    def take_up(self, state: State) -> None:
        """Goes on from what `state()` gave, in a proposer of the same campaign that has not been asked yet.

        Raises:
            BadRecord: The state is not one of this campaign's algorithm, or damaged.
        """
        try:
            self._restore(state)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise BadRecord(
                f"campaign {self._campaign.name!r}: expected the state of a {self._settings.algorithm} search, "
                f"received something else ({type(error).__name__}: {first_line(error)})",
                "Nothing was changed. Restore state.json, or move the campaign's folder away to start anew.",
            ) from error

    def _restore(self, state: State) -> None:
        oracle = self._oracle
        for stored in state["trials"]:
            hyperparameters = self._space.copy()
            hyperparameters.values = dict(stored["values"])
            trial = keras_trial.Trial(hyperparameters, stored["id"], stored["status"])
            trial.score = stored["score"]
            oracle.trials[trial.trial_id] = trial
        present = {"display": oracle._display.get_state(), "hyperparameters": self._space.get_config()}
        oracle.set_state({**copy.deepcopy(state["oracle"]), **present})
        extra = state["extra"]
        if self._settings.algorithm is Algorithm.GRID:
            order = oracle._ordered_ids
            order._memory = list(extra["memory"])
            order._data_to_index = {data: index for index, data in enumerate(order._memory)}
            order._next_index.update({key: value for key, value in extra["next"]})
            order._last_index = extra["last"]
            oracle._populate_next = list(extra["pending"])
        elif self._settings.algorithm is Algorithm.BAYESIAN:
            name, keys, *rest = extra["random_state"]
            oracle._random_state.set_state((name, np.array(keys, dtype=np.uint32), *rest))
            oracle.fitted_on = extra["fitted_on"]
            oracle.fit_again()

    # -- inside

    def _make_oracle(self) -> Any:
        settings = self._settings
        common: dict[str, Any] = {
            "objective": keras_tuner.Objective(OBJECTIVE, settings.objective.direction.value),
            "hyperparameters": self._space.copy(),
            "seed": settings.seed,
            "max_retries_per_trial": 0,
            "max_consecutive_failed_trials": NEVER,
        }
        if settings.algorithm is Algorithm.HYPERBAND:
            common |= {
                "max_epochs": settings.epochs,
                "factor": settings.hyperband_factor,
                "hyperband_iterations": settings.hyperband_iterations,
            }
        else:
            common["max_trials"] = settings.max_trials
        oracle = _ORACLES[settings.algorithm](**common)
        oracle.verbose = 0
        return oracle

    def _trial(self, number: int) -> Any:
        return next(trial for trial in self._oracle.trials.values() if int(trial.trial_id) == number - 1)

    def _proposal(self, trial: Any) -> Proposal:
        values = {name: _tidy(value) for name, value in trial.hyperparameters.values.items()}
        hyperparameters = self._space.copy()
        hyperparameters.values = {n: v for n, v in values.items() if not n.startswith(BOOKKEEPING)}
        recipe = self._build(hyperparameters)
        if len(hyperparameters.space) != self._declared:
            late = hyperparameters.space[self._declared].name
            raise BadCampaign(
                f"space of campaign {self._campaign.name!r}: expected all hyperparameters to be declared on every "
                f"call, but {late!r} appeared only with {hyperparameters.values}",
                "Finished trials are kept. Declare it outside of any `if`, under a new campaign name.",
            )
        source = values.get("tuner/trial_id")
        return Proposal(
            number=int(trial.trial_id) + 1,
            recipe=recipe,
            values=dict(hyperparameters.values),
            epochs=int(values.get("tuner/epochs", self._settings.epochs)),
            continues=None if source is None else int(source) + 1,
        )

    def _build(self, hyperparameters: Any) -> Recipe:
        try:
            recipe = self._campaign.space(hyperparameters)
        except Exception as error:  # whatever the user's space raises is the user's to see, in one line
            raise BadCampaign(
                f"space of campaign {self._campaign.name!r} fails: {type(error).__name__}: {first_line(error)}",
                "Finished trials are kept. Mend the campaign file; -vv shows where it fails.",
            ) from error
        if not isinstance(recipe, Recipe):
            raise BadCampaign(
                f"space of campaign {self._campaign.name!r}: expected it to return a Recipe, "
                f"received {type(recipe).__name__}",
                "Nothing was started. Return baseline_recipe().but(...).",
            )
        return recipe


class _InMemory:
    """Keeps an oracle from writing its own files."""

    def save(self) -> None:
        """Called by the oracle after every change."""

    def _save_trial(self, trial: Any) -> None:
        """Called by the oracle after every change of a trial."""


class _Random(_InMemory, oracles.RandomSearchOracle): ...  # type: ignore[misc]  # Keras Tuner ships no types


class _Bayesian(_InMemory, oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """Remembers what its Gaussian process was last fitted on; the next proposal guesses running trials by it."""

    fitted_on: list[Any] | None = None

    def populate_space(self, trial_id: str) -> Any:
        with warnings.catch_warnings():
            # The kernel's length scale often ends at its bound; nobody who searches can act on that.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().populate_space(trial_id)

    def fit_again(self) -> None:
        """Fits the process as it was fitted last; it is deterministic, so it comes out the same."""
        if self.fitted_on is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.gpr.fit(*(np.array(part) for part in self.fitted_on))

    def _vectorize_trials(self) -> Any:
        x, y = super()._vectorize_trials()
        self.fitted_on = [np.nan_to_num(x).tolist(), np.nan_to_num(y).tolist()]  # cleaned as for fit
        return x, y


class _Hyperband(_InMemory, oracles.HyperbandOracle): ...  # type: ignore[misc]


class _Grid(_InMemory, oracles.GridSearchOracle): ...  # type: ignore[misc]


_ORACLES: dict[Algorithm, Any] = {
    Algorithm.RANDOM: _Random,
    Algorithm.BAYESIAN: _Bayesian,
    Algorithm.HYPERBAND: _Hyperband,
    Algorithm.GRID: _Grid,
}


def _tidy(value: Any) -> Any:
    """A number as a person would write it: Keras Tuner's steps add up to 0.30000000000000004."""
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.10g}")
    return value.item() if isinstance(value, np.generic) else value
