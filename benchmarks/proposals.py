"""Bayesian proposals at 200 trials: Keras Tuner's own oracle against fer-exp's proposer around it, and duplicates.

The first are drawn at random on both sides and told the same scores; the last six are fitted and proposed.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.fakes import space
from benchmarks.setting import Setting
from benchmarks.sides import Row, Side, row, share, times_
from fer_exp.campaign import Algorithm, Campaign, Settings
from fer_exp.system.stderr import stderr_to

FITTED = 6
TRIALS = 200
SMALL = 48  # points of the space in which duplicates are counted
ASKED = 30  # trials in it


def rows(setting: Setting) -> Iterator[Row]:
    """Seconds a proposal, then duplicates."""
    with stderr_to():
        from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer
        from fer_exp.tuning.proposer import Proposal
    random = setting.pick(TRIALS - FITTED, 6)
    fitted = setting.pick(FITTED, 2)
    settings = Settings(algorithm=Algorithm.BAYESIAN, max_trials=random + fitted, epochs=1)
    proposer = KerasTunerProposer(Campaign("fake", "q", space, settings), settings)
    proposer._oracle.num_initial_points = random
    with tempfile.TemporaryDirectory() as folder:
        stock = _stock(space, random + fitted, random, folder)
        values: list[tuple[list[float], list[float]]] = [([], []), ([], [])]
        for number in range(1, random + fitted + 1):
            began = time.perf_counter()
            ours = proposer.ask()
            proposer.state_text()
            between = time.perf_counter()
            theirs = stock.create_trial("one")
            ended = time.perf_counter()
            if not isinstance(ours, Proposal):
                raise RuntimeError("the search proposed too few")
            proposer.tell(ours.number, _score(ours.values))
            stock.update_trial(theirs.trial_id, {"objective": _score(theirs.hyperparameters.values)})
            _end(stock, theirs)
            if number > random:
                values[0][0].append(between - began)
                values[1][0].append(ended - between)
    sides = [Side("fer-exp", tuple(values[0][0])), Side("stock oracle", tuple(values[1][0]))]
    yield share(f"a bayesian proposal at {random + fitted} trials", sides, times_(high=1.1), "no slower than stock")
    yield _duplicates(setting, KerasTunerProposer, Proposal)


def _duplicates(setting: Setting, proposer_of: Callable[..., Any], proposal: type) -> Row:
    """How many of the proposals had been made before, in a space with points enough for all."""
    from fer_exp.recipe import Recipe, baseline_recipe

    def small(hp: Any) -> Recipe:
        return baseline_recipe().but(
            block_dropout=hp.Choice("block_dropout", [0.1, 0.2, 0.3, 0.4], default=0.2),
            learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
            pooled_dropout=hp.Choice("pooled_dropout", [0.2, 0.3, 0.4, 0.5], default=0.5),
        )

    asked = setting.pick(ASKED, 10)
    settings = Settings(algorithm=Algorithm.BAYESIAN, max_trials=asked, epochs=1)
    proposer = proposer_of(Campaign("fake", "q", small, settings), settings)
    ours = []
    while isinstance(given := proposer.ask(), proposal):
        ours.append(tuple(sorted(given.values.items())))  # type: ignore[attr-defined]  # `proposal` is no more than a type here
        proposer.tell(given.number, _score(given.values))  # type: ignore[attr-defined]  # `proposal` is no more than a type here
    theirs = []
    with tempfile.TemporaryDirectory() as folder:
        stock = _stock(small, asked, None, folder)
        for _ in range(asked):
            trial = stock.create_trial("one")
            theirs.append(tuple(sorted(trial.hyperparameters.values.items())))
            stock.update_trial(trial.trial_id, {"objective": _score(trial.hyperparameters.values)})
            _end(stock, trial)
    sides = [
        Side(name, (float(len(all_) - len(set(all_))),), "duplicates")
        for name, all_ in (("fer-exp", ours), ("stock oracle", theirs))
    ]
    from benchmarks.sides import Goal

    what = f"duplicates among {asked} bayesian proposals in a space of {SMALL} points"
    return row(what, sides, sides[0].median, Goal(high=1), "fer-exp takes the best new point instead")


def _stock(build: Callable[[Any], object], trials: int, random: int | None, folder: str) -> Any:
    import keras_tuner

    hyperparameters = keras_tuner.HyperParameters()
    build(hyperparameters)
    oracle = keras_tuner.oracles.BayesianOptimizationOracle(
        objective=keras_tuner.Objective("objective", "max"),
        max_trials=trials,
        num_initial_points=random,
        seed=1,
        hyperparameters=hyperparameters,
    )
    oracle._set_project_dir(folder, "stock")
    oracle.verbose = 0
    return oracle


def _end(oracle: Any, trial: Any) -> None:
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def _score(values: dict[str, Any]) -> float:
    return -abs(float(values["block_dropout"]) - 0.3) - 10 * abs(float(values["learning_rate"]) - 3e-3)
