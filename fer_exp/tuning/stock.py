"""Keras Tuner's own oracles as they are, behind the same interface: what `fer-exp replay` compares with.

In: a campaign. Out: a proposer whose Bayesian search proposes a point again and again where Keras Tuner's does
(decision 0013 says what fer-exp changes). Random search and Hyperband propose what fer-exp's do: fer-exp changes
where they are kept, not what they propose.
"""

import warnings
from typing import Any

import keras_tuner
from keras_tuner import oracles
from sklearn.exceptions import ConvergenceWarning

from fer_exp.campaign import Algorithm, Campaign, Settings
from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer
from fer_exp.tuning.oracles import NEVER, OBJECTIVE, InMemory


class _StockBayesian(InMemory, oracles.BayesianOptimizationOracle):  # type: ignore[misc]  # Keras Tuner ships no types
    """Nothing changed but that it writes no files, and that a search is not interrupted by its warnings."""

    def populate_space(self, trial_id: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # as in `oracles.py`
            return super().populate_space(trial_id)


class StockProposer(KerasTunerProposer):
    """Keras Tuner's proposals; its state is never put away, because a replay lives in memory."""

    def __init__(self, campaign: Campaign, settings: Settings) -> None:
        super().__init__(campaign, settings)
        if settings.algorithm is Algorithm.BAYESIAN:
            self._oracle: Any = _StockBayesian(
                objective=keras_tuner.Objective(OBJECTIVE, settings.objective.direction.value),
                hyperparameters=self._space.copy(),
                max_trials=settings.max_trials,
                seed=settings.seed,
                max_retries_per_trial=0,
                max_consecutive_failed_trials=NEVER,
            )
            self._oracle.verbose = 0
