"""Keras Tuner's oracles, made to live in memory and to be put away whole.

In: settings, a declared space. Out: an oracle; its state as JSON; an oracle with that state. As Keras Tuner ships
them, oracles write several files in place, and what they write lacks the order of a grid and the random state of the
Bayesian search.
"""

import copy
import functools
import itertools
import math
import warnings
from typing import Any

import keras_tuner
import numpy as np
import pydantic_core
from keras_tuner import oracles
from keras_tuner.engine import trial as keras_trial
from sklearn.exceptions import ConvergenceWarning

from fer_exp.campaign import Algorithm, Settings

OBJECTIVE = "objective"
CANDIDATES = 1000  # points drawn where the Bayesian search has come to one that was proposed before
NEVER = 10**9  # the oracle's own rule for giving up on failures; the search has a better one

ENDED = (keras_trial.TrialStatus.COMPLETED, keras_trial.TrialStatus.FAILED)

State = dict[str, Any]  # JSON-able; opaque outside this module


def make_oracle(settings: Settings, space: Any) -> Any:
    """An oracle for the algorithm, over all of `space` (a `keras_tuner.HyperParameters`)."""
    options: dict[str, Any] = {
        "objective": keras_tuner.Objective(OBJECTIVE, settings.objective.direction.value),
        "hyperparameters": space.copy(),
        "seed": settings.seed,
        "max_retries_per_trial": 0,
        "max_consecutive_failed_trials": NEVER,
    }
    if settings.algorithm is Algorithm.HYPERBAND:
        options |= {
            "max_epochs": settings.epochs,
            "factor": settings.hyperband_factor,
            "hyperband_iterations": settings.hyperband_iterations,
        }
    else:
        options["max_trials"] = settings.max_trials
    oracle = _ORACLES[settings.algorithm](**options)
    oracle.verbose = 0
    return oracle


def state_of(oracle: Any) -> State:
    """Everything that `restore` needs."""
    trials = [_kept_of(trial) for trial in oracle.trials.values()]
    return copy.deepcopy({"oracle": _own_state(oracle), "trials": trials, "extra": oracle.extra()})


class Writer:
    """What `state_of` gives, as JSON; a trial is put into words again only when it has changed.

    A search writes its state at the start and the end of its trials, and those that have ended are nearly all of it:
    they do not change any more.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[Any, Any], str]] = {}
        self._first = 0  # trials, from the first on, that have ended all
        self._told = ""  # those in words

    def text(self, oracle: Any) -> str:
        """The state of `oracle`, on one line."""
        others = list(itertools.islice(oracle.trials.values(), self._first, None))
        ended = list(itertools.takewhile(lambda trial: trial.status in ENDED, others))
        if ended:
            self._told = ",".join([*([self._told] if self._told else []), *map(self._trial, ended)])
            self._first += len(ended)
            for trial in ended:
                self._known.pop(trial.trial_id, None)
        left = map(self._trial, others[len(ended) :])
        trials = ",".join([*([self._told] if self._told else []), *left])
        return f'{{"oracle":{_json(_own_state(oracle))},"trials":[{trials}],"extra":{_json(oracle.extra())}}}'

    def _trial(self, trial: Any) -> str:
        now = trial.status, trial.score  # its values never change
        known = self._known.get(trial.trial_id)
        if known is None or known[0] != now:
            known = self._known[trial.trial_id] = now, _json(_kept_of(trial))
        return known[1]


def _json(value: Any) -> str:
    return pydantic_core.to_json(value, inf_nan_mode="constants").decode()  # as `Value` writes it


def _own_state(oracle: Any) -> State:
    kept: State = oracle.get_state()
    del kept["display"], kept["hyperparameters"]  # the first is for printing, the second is the campaign's space
    return kept


def _kept_of(trial: Any) -> State:
    return {
        "id": trial.trial_id,
        "values": trial.hyperparameters.values,
        "status": trial.status,
        "score": trial.score,
    }


def restore(oracle: Any, state: State) -> None:
    """Gives a new oracle the state of another that was made alike.

    Raises:
        KeyError, IndexError, TypeError, ValueError, AttributeError: It is not the state of such an oracle.
    """
    space = oracle.get_space()
    for stored in state["trials"]:
        hyperparameters = space.copy()
        hyperparameters.values = dict(stored["values"])
        trial = keras_trial.Trial(hyperparameters, stored["id"], stored["status"])
        trial.score = stored["score"]
        oracle.trials[trial.trial_id] = trial
    present = {"display": oracle._display.get_state(), "hyperparameters": space.get_config()}
    oracle.set_state({**copy.deepcopy(state["oracle"]), **present})
    oracle.restore_extra(copy.deepcopy(state["extra"]))


def place(oracle: Any, number: int, values: dict[str, Any] | None) -> None:
    """Makes trial `number`, the next, one that runs with `values`, whatever the oracle would have proposed.

    None for values leaves its place empty: the trial counts as failed, and nobody asks for it.
    """
    hyperparameters = oracle.get_space()
    hyperparameters.values = _as_declared(hyperparameters, values or {})
    trial_id = f"{number - 1:0{len(str(oracle.max_trials))}d}"  # as Keras Tuner numbers them
    trial = keras_trial.Trial(hyperparameters, trial_id, "FAILED" if values is None else "RUNNING")
    oracle.trials[trial_id] = trial
    oracle.start_order.append(trial_id)
    if values is not None:
        oracle._record_values(trial)
        oracle.ongoing_trials[slot_of(number)] = trial
        oracle.placed(trial)


def slot_of(number: int) -> str:
    """One slot per trial: the oracle keeps at most one trial in each."""
    return f"slot-{number - 1}"


def _as_declared(space: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Records tell 0.3 where Keras Tuner's own step came to 0.30000000000000004, and a grid looks for exactly that."""
    exact = dict(values)
    for hyperparameter in space.space:
        told = exact.get(hyperparameter.name)
        if isinstance(told, float):
            near = (value for value in hyperparameter.values if math.isclose(value, told))
            exact[hyperparameter.name] = next(near, told)
    return exact


class InMemory:
    """Keeps an oracle from writing its own files; says what its own state lacks."""

    def save(self) -> None:
        """Called by the oracle after every change."""

    def _save_trial(self, trial: Any) -> None:
        """Called by the oracle after every change of a trial."""

    def _check_consecutive_failures(self) -> None:
        """Keras Tuner looks through all trials at each end; the search has a better rule for giving up."""

    def extra(self) -> State:
        """What `get_state` leaves out."""
        return {}

    def restore_extra(self, extra: State) -> None:
        """Puts it back."""

    def placed(self, trial: Any) -> None:
        """Takes notice of a trial that was put into the oracle from outside."""


class _Random(InMemory, oracles.RandomSearchOracle): ...  # type: ignore[misc]  # Keras Tuner ships no types


class _Hyperband(InMemory, oracles.HyperbandOracle):  # type: ignore[misc]
    """Its trials belong to rounds of brackets."""

    def placed(self, trial: Any) -> None:
        values = trial.hyperparameters.values
        number, stage = values.get("tuner/bracket"), values.get("tuner/round", 0)
        if number is None:
            return  # nobody knows where it belongs; it stands in the records, and is never promoted
        last = (0, self.hyperband_iterations - 1)
        while self._current_bracket != number and (self._current_bracket, self._current_iteration) != last:
            self._increment_bracket_num()
            self._start_new_bracket()
        for bracket in self._brackets:
            rounds = bracket["rounds"]
            if bracket["bracket_num"] == number and len(rounds[stage]) < self._get_size(number, stage):
                rounds[stage].append({"past_id": values.get("tuner/trial_id"), "id": trial.trial_id})
                return


class _Grid(InMemory, oracles.GridSearchOracle):  # type: ignore[misc]
    """Its order of points is a linked list, and a queue says behind which trials the next points lie."""

    def extra(self) -> State:
        order = self._ordered_ids
        following = [[before, after] for before, after in order._next_index.items()]
        return {"memory": order._memory, "next": following, "last": order._last_index, "pending": self._populate_next}

    def restore_extra(self, extra: State) -> None:
        order = self._ordered_ids
        order._memory = extra["memory"]
        order._data_to_index = {data: index for index, data in enumerate(order._memory)}
        order._next_index.update({before: after for before, after in extra["next"]})
        order._last_index = extra["last"]
        self._populate_next = extra["pending"]

    def placed(self, trial: Any) -> None:
        values = trial.hyperparameters.values
        smaller = [other for other in self._ordered_ids._memory if self._compare(self._values(other), values) <= 0]
        by_values = functools.cmp_to_key(self._order)
        self._ordered_ids.insert(trial.trial_id, max(smaller, key=by_values, default=None))

    def _order(self, a: str, b: str) -> int:
        return int(self._compare(self._values(a), self._values(b)))

    def _values(self, trial_id: str) -> Any:
        return self.trials[trial_id].hyperparameters.values


class _Bayesian(InMemory, oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """Draws from a random state, and guesses how running trials end by what its process was fitted on last.

    Keras Tuner's own proposes the best point of its bound again and again, where that is a corner or a step of the
    space. Here a point comes once: the second time, the best among new ones drawn at random stands in its place.
    """

    _fitted_on: list[Any] | None = None

    def populate_space(self, trial_id: str) -> Any:
        with warnings.catch_warnings():
            # The kernel's length scale often ends at its bound; nobody who searches can act on that.
            warnings.simplefilter("ignore", ConvergenceWarning)
            proposed = super().populate_space(trial_id)
        return self._new_point() if proposed["values"] and self._duplicate(proposed["values"]) else proposed

    def _new_point(self) -> Any:
        bounds = self._get_hp_bounds()
        drawn = self._random_state.uniform(bounds[:, 0], bounds[:, 1], size=(CANDIDATES, len(bounds)))
        points = {self._compute_values_hash(values): values for values in map(self._vector_to_values, drawn)}
        new = [values for known, values in points.items() if known not in self._tried_so_far]
        if not new:
            return self._random_populate_space()  # which tries a little longer, and then says that there is none
        mean, deviation = self.gpr.predict(np.array([self._vector_of(values) for values in new]), return_std=True)
        best = new[int(np.argmin(mean - self.beta * deviation))]  # the bound that Keras Tuner minimises
        return {"status": "RUNNING", "values": best}

    def _vector_of(self, values: dict[str, Any]) -> list[float]:
        """Values in 0-1, one a hyperparameter; inactive ones at their default, as Keras Tuner embeds them."""
        return [hp.value_to_prob(values.get(hp.name, hp.default)) for hp in self._nonfixed_space()]

    def _vectorize_trials(self) -> Any:
        x, y = super()._vectorize_trials()
        self._fitted_on = [np.nan_to_num(x).tolist(), np.nan_to_num(y).tolist()]  # cleaned as for fit
        return x, y

    def extra(self) -> State:
        name, keys, *rest = self._random_state.get_state()
        return {"random_state": [name, [int(key) for key in keys], *rest], "fitted_on": self._fitted_on}

    def restore_extra(self, extra: State) -> None:
        name, keys, *rest = extra["random_state"]
        self._random_state.set_state((name, np.array(keys, dtype=np.uint32), *rest))
        self._fitted_on = extra["fitted_on"]
        if self._fitted_on is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.gpr.fit(*(np.array(part) for part in self._fitted_on))  # deterministic: it comes out the same


_ORACLES: dict[Algorithm, Any] = {
    Algorithm.RANDOM: _Random,
    Algorithm.BAYESIAN: _Bayesian,
    Algorithm.HYPERBAND: _Hyperband,
    Algorithm.GRID: _Grid,
}
