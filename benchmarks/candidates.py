"""What was tried for the adaptive search, by replay: each variant against the one that fer-exp ships.

In: tables of `benchmarks/tables/`. Out: epochs until a search is within half a point of a table's best, mean over seeds
and its standard error, and how often it never was. Repeat: `python -m benchmarks.candidates SEEDS TABLE [VARIANT...]`.
"""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_exp.campaign import Algorithm, Campaign, Settings
from fer_exp.replay.algorithms import playing
from fer_exp.replay.player import Player, Run
from fer_exp.replay.table import Table
from fer_exp.tuning.adaptive_proposer import AdaptiveProposer
from fer_exp.tuning.forecast import Floats, Forecast
from fer_exp.tuning.stages import FACTOR, Candidate, Chooser, Trained

TABLES = Path(__file__).parent / "tables"
BUDGET = 40  # full trainings
WITHIN = 0.005
PRIOR_WIDTH = 0.25  # of the prior around the baseline, in the range of a hyperparameter
PRIOR_WEIGHT = 10.0  # over trials ended is its exponent (Hvarfner et al. 2022, piBO)


class Halving(Chooser):
    """Asynchronous successive halving (Li et al. 2020): on from the best third of a stage, else a new recipe."""

    def _promising(
        self, candidates: list[Candidate], trials: Sequence[Trained], learnt: list[float], random: np.random.Generator
    ) -> tuple[Candidate, list[float]]:
        by_number = {trial.number: trial for trial in trials}
        for stage in reversed(range(1, len(self._stages))):
            reached = sorted((t.value for t in trials if t.stage == stage - 1 and t.value is not None), reverse=True)
            paused = [one for one in candidates if one.continues is not None and one.stage == stage]
            best = max(paused, key=lambda one: by_number[one.continues or 0].value or 0, default=None)
            if best is None or len(reached) < FACTOR:
                continue
            if (by_number[best.continues or 0].value or 0) >= reached[len(reached) // FACTOR - 1]:
                return best, learnt
        new = [one for one in candidates if one.continues is None]
        return (new or candidates)[int(random.integers(len(new or candidates)))], learnt


class Median(Chooser):
    """The median rule at every stage: on while no worse than half of those that came so far, else a new recipe."""

    def _promising(
        self, candidates: list[Candidate], trials: Sequence[Trained], learnt: list[float], random: np.random.Generator
    ) -> tuple[Candidate, list[float]]:
        latest = max((trial for trial in trials if trial.value is not None), key=lambda trial: trial.number)
        same = [t.value for t in trials if t.stage == latest.stage and t.value is not None]
        on = [one for one in candidates if one.continues == latest.number]
        if on and (latest.value or 0) >= float(np.median(same)):
            return on[0], learnt
        new = [one for one in candidates if one.continues is None]
        return (new or candidates)[int(random.integers(len(new or candidates)))], learnt


class WithPrior(Chooser):
    """Expected improvement times a prior around the baseline that fades with trials (piBO)."""

    def _worth(self, candidates: list[Candidate], forecast: Forecast, best: float, ended: int) -> Floats:
        centre = self._vector({hp.name: hp.default for hp in self._declared})
        far = ((self._vectors_of(one.values for one in candidates) - centre) ** 2).sum(axis=1)
        prior = np.exp(-0.5 * far / PRIOR_WIDTH**2 / len(centre))
        fading = (prior + 1e-3) ** (PRIOR_WEIGHT / ended)
        return np.asarray(super()._worth(candidates, forecast, best, ended) * fading)


class PerEpoch(Chooser):
    """Expected improvement for each epoch that the next stage costs, by its square root."""

    def _worth(self, candidates: list[Candidate], forecast: Forecast, best: float, ended: int) -> Floats:
        return np.asarray(super()._worth(candidates, forecast, best, ended) / np.sqrt([one.cost for one in candidates]))


class Believed(Chooser):
    """Expected improvement over the best recipe's forecast, not over the luckiest value."""

    def _worth(self, candidates: list[Candidate], forecast: Forecast, best: float, ended: int) -> Floats:
        mean, _ = forecast.at_full_budget(forecast._points)
        return super()._worth(candidates, forecast, float(mean.max()), ended)


def _with(kind: type[Chooser], stages: tuple[int, ...] | None = None) -> type[AdaptiveProposer]:
    fields: dict[str, object] = {"chooser": kind}
    if stages is not None:
        fields["stages"] = staticmethod(lambda epochs: tuple(max(1, round(epochs / one)) for one in stages))
    return type(kind.__name__, (AdaptiveProposer,), fields)


VARIANTS: dict[str, type[AdaptiveProposer]] = {
    "shipped": AdaptiveProposer,
    "stages 3, 9, 27": _with(Chooser, (9, 3, 1)),
    "full budget alone": _with(Chooser, (1,)),
    "halving": _with(Halving),
    "median": _with(Median),
    "prior": _with(WithPrior),
    "per epoch": _with(PerEpoch),
    "believed": _with(Believed),
}
TOLD = "told of the baseline"  # the shipped search, as a campaign's


def _played(name: str, player: Player, seed: int) -> Run:
    """A search by the variant of that name."""

    def told(campaign: Campaign, settings: Settings) -> AdaptiveProposer:
        proposer = AdaptiveProposer(campaign, settings)
        default = {hp["config"]["name"]: hp["config"]["default"] for hp in proposer.space()}
        curve = player.table.curve(player.table.point(default), player.seed)
        proposer.tell_baseline(dict(enumerate(itertools.accumulate(curve, max), start=1)))
        return proposer

    return playing(told if name == TOLD else VARIANTS[name], Algorithm.ADAPTIVE)(player, seed)


def main() -> None:
    """Prints a line for each table and variant."""
    seeds, pattern, *names = sys.argv[1:]
    for path in sorted(TABLES.glob(f"{pattern}.jsonl")):
        table = Table.read(path)
        budget = BUDGET * table.epochs
        for name in names or (*VARIANTS, TOLD):
            runs = [_played(name, Player(table, seed, budget, WITHIN), seed + 1) for seed in range(int(seeds))]
            columns = [[run.arrived for run in runs], [run.arrived_true for run in runs]]
            told = []
            for column in columns:
                epochs = np.array([budget if one is None else one for one in column], float)
                error = epochs.std(ddof=1) / len(epochs) ** 0.5
                never = sum(one is None for one in column)
                told.append(f"{epochs.mean():6.0f} ± {error:4.0f} (never {never})")
            each = 1000 * sum(run.seconds for run in runs) / sum(run.proposals for run in runs)
            print(f"{table.name:16} {name:18} kept {told[0]}  true {told[1]}  {each:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
