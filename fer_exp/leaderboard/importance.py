"""Importance: which hyperparameters the objective moved with, over a campaign's finished trials.

In: leaderboard rows of one campaign, its dimensions, its objective. Out: an Importance; without shares it says why.
Shares are of what single hyperparameters explain in a forest fitted to the trials: what only two together explain is in
none of them, and a forest of few trials explains chance as well. They rank; they do not show that anything matters.
Method: functional ANOVA on a random forest (Hutter et al. 2014), by Optuna; of its evaluators this one found a planted
effect in the fewest trials. Ranges sampled by magnitude are given to it as exponents, because it weighs a range evenly.
"""

import math
import random
import warnings
from collections import Counter
from collections.abc import Sequence

from fer_exp.campaign import Direction, Objective
from fer_exp.campaign.space import Dimension, Scalar
from fer_exp.leaderboard.rows import Row
from fer_exp.records import Kind
from fer_exp.system.values import Value

with warnings.catch_warnings():
    # tqdm says it in a notebook without widgets; no bar of its own is wanted there
    warnings.filterwarnings("ignore", message="IProgress not found")
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

FEWEST_TRIALS = 4  # below that a forest has nothing to split
MOST_TRIALS = 500  # drawn from more: the time goes with the square of their number, 2.5 minutes for 2,000
SEED = 1  # of the forest: the same trials give the same numbers


class Importance(Value):
    """Shares of the variance that hyperparameters explain singly, largest first; empty where `reason` says why."""

    metric: str
    trials: int  # that it rests on
    drawn_from: int = 0  # finished trials of that budget, where it rests on some of them alone
    epochs: int  # their budget: trials of other budgets are left out, as epochs would outweigh everything else
    method: str = "functional ANOVA (Hutter et al. 2014) by Optuna"
    shares: dict[str, float]  # sum to 1
    left_out: tuple[str, ...] = ()  # hyperparameters that only some of these trials have
    reason: str = ""

    @property
    def basis(self) -> str:
        """How many trials it rests on, in words."""
        return f"{self.trials:,} of {self.drawn_from:,} trials" if self.drawn_from else f"{self.trials:,} trials"


def importance(rows: Sequence[Row], space: Sequence[Dimension], objective: Objective) -> Importance:
    """How much each hyperparameter matters, by the finished trials of the budget that most of them had."""
    usable = [row for row in rows if row.kind is Kind.TRIAL and row.objective is not None and row.same_as is None]
    epochs = _commonest_budget(usable)
    there = sorted((row for row in usable if row.budget == epochs), key=lambda row: row.number)
    used = there if len(there) <= MOST_TRIALS else random.Random(SEED).sample(there, MOST_TRIALS)
    shared = [dimension for dimension in space if all(_has(row, dimension) for row in used)]
    varied = [dimension for dimension in shared if len({row.values[dimension.name] for row in used}) > 1]
    left_out = tuple(dimension.name for dimension in space if dimension not in shared)
    reason = _why_not(used, varied)
    shares: dict[str, float] = {} if reason else _shares(used, varied, objective)
    if not reason and not shares:
        reason = "the forest explains none of the spread"
    return Importance(
        metric=objective.metric,
        trials=len(used),
        drawn_from=len(there) if len(used) < len(there) else 0,
        epochs=epochs,
        shares=shares,
        left_out=left_out,
        reason=reason,
    )


def _has(row: Row, dimension: Dimension) -> bool:
    return dimension.name in row.values and dimension.holds(row.values[dimension.name])


def _commonest_budget(rows: Sequence[Row]) -> int:
    counts = Counter(row.budget for row in rows)
    return max(counts, key=lambda budget: (counts[budget], budget), default=0)


def _why_not(rows: Sequence[Row], varied: Sequence[Dimension]) -> str:
    if len(rows) < FEWEST_TRIALS:
        return f"expected at least {FEWEST_TRIALS} finished trials of one budget, found {len(rows)}"
    if len({row.objective for row in rows}) == 1:
        return "all finished trials have the same objective"
    if not varied:
        return "no hyperparameter that all finished trials have takes more than one value in them"
    if len(varied) == 1:
        return f"only {varied[0].name} takes more than one value in all finished trials: its share would be all"
    return ""


def _shares(rows: Sequence[Row], varied: Sequence[Dimension], objective: Objective) -> dict[str, float]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces every study
    try:
        study = optuna.create_study(
            direction="maximize" if objective.direction is Direction.MAX else "minimize",
            sampler=optuna.samplers.RandomSampler(seed=SEED),  # never asked
        )
        distributions = {dimension.name: _distribution(dimension) for dimension in varied}
        for row in rows:
            study.add_trial(
                optuna.trial.create_trial(
                    params={dimension.name: _parameter(dimension, row.values[dimension.name]) for dimension in varied},
                    distributions=distributions,
                    value=row.objective,
                )
            )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=SEED)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except RuntimeError:  # no tree of the forest found a split
        return {}
    finally:
        optuna.logging.set_verbosity(verbosity)
    return {name: float(share) for name, share in sorted(shares.items(), key=lambda item: (-item[1], item[0]))}


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    if dimension.log:
        return FloatDistribution(math.log10(dimension.low), math.log10(dimension.high))
    return FloatDistribution(dimension.low, dimension.high)


def _parameter(dimension: Dimension, value: Scalar) -> Scalar:
    if dimension.choices:
        return value
    number = min(max(float(value), dimension.low), dimension.high)
    return math.log10(number) if dimension.log else number
