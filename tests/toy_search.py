"""A toy campaign over trials that train nothing: how a test runs, interrupts and reads it."""

import os
import signal
from collections.abc import Callable

import pytest

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.execute.progress import Silence, Snapshot
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Record, records_in
from fer_exp.system.home import Home
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice, Result
from tests.fake_trials import train_fake


def space(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(
        block_dropout=hp.Choice("block_dropout", [0.1, 0.2, 0.3, 0.4], default=0.2),
        learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
    )


def campaign(algorithm: Algorithm = Algorithm.RANDOM, **settings: object) -> Campaign:
    chosen = {"algorithm": algorithm, "max_trials": 5, "epochs": 3, "limit": 70, **settings}
    return Campaign("toy", "Which is best?", space, Settings.model_validate(chosen), data="demo")


def run(home: Home, toy: Campaign, watcher: Silence | None = None, workers: int = 1) -> Result:
    conditions = Conditions(home, watcher or Silence(), workers, tracking=False, entry=train_fake)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fer_exp.summary._write_figures", lambda *_: None)  # tests/test_summary.py draws them
        return run_search(toy, toy.settings, "toy.py", "fingerprint", DataChoice("demo"), conditions)


def records(home: Home, name: str = "toy") -> list[Record]:
    return list(records_in(home.campaign(name) / "trials"))


def leaderboard(result: Result) -> list[tuple[int, float | None, int]]:
    return [(row.number, row.objective, row.epochs) for row in result.rows]


class At(Silence):
    """Does something once, when a condition holds for the first time."""

    def __init__(self, when: Callable[[Snapshot], bool], do: Callable[[], None]) -> None:
        self._when, self._do, self._done = when, do, False

    def show(self, snapshot: Snapshot) -> None:
        if not self._done and self._when(snapshot):
            self._done = True
            self._do()


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def misbehaving(field: str, value: float) -> Campaign:
    """A grid of two trials, of which one misbehaves as tests/fake_trials.py says."""

    def two(hp: HyperParameters) -> Recipe:
        return baseline_recipe().but(**{field: hp.Choice(field, [0.0, value], default=0.0)}, block_dropout=0.3)

    return Campaign("toy", "?", two, Settings(algorithm=Algorithm.GRID, max_trials=2, epochs=3, limit=70), data="demo")
