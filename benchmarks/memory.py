"""Memory per 100 trials: the processes that live as long as a search, against one process of stock Keras Tuner.

Both train the same small network on the same faces for one epoch. The slope is a straight line through what was held
after each trial, the first third left out, in which libraries warm up.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from benchmarks import toy
from benchmarks.setting import CHECKOUT, Setting
from benchmarks.sides import Goal, Row, Side, row
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.execute.progress import Silence
from fer_exp.system.home import Home
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice

LIMIT = 70
TRIALS = 10
FLAT = 20.0  # MiB per 100 trials that count as flat: one trial in one process of Keras Tuner takes as much


def rows(setting: Setting) -> Iterator[Row]:
    """One row."""
    trials = setting.pick(TRIALS, 3)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ours = _ours(home, trials)
        development = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=LIMIT, cache=home / "cache")
        development.train(clahe=True), development.validation(clahe=True)
        words = ["tuner", str(development.folder), str(home / "stock"), str(trials), "1"]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.peers", *words], cwd=CHECKOUT, capture_output=True, text=True, check=True
        )
        stock = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("rss ")]
    sides = [
        Side("fer-exp, parent and fork server", (_slope(ours),), "MiB"),
        Side("stock Keras Tuner", (_slope(stock),), "MiB"),
    ]
    note = f"measured over {trials} trials; held at the end: {ours[-1]:.0f} and {stock[-1]:.0f} MiB"
    yield row("memory per 100 trials", sides, sides[0].median, Goal(high=FLAT, unit=" MiB"), note)


class _Scale(Silence):
    def __init__(self) -> None:
        self.held: list[float] = []

    def say(self, line: str) -> None:
        if line.startswith(("trial", "baseline")):
            me = psutil.Process()
            living = [me, *(child for child in me.children() if child.is_running())]
            self.held.append(sum(process.memory_info().rss for process in living) / 2**20)


def _ours(home: Path, trials: int) -> list[float]:
    scale = _Scale()
    settings = toy.campaign.settings.model_copy(update={"max_trials": trials, "epochs": 1, "limit": LIMIT})
    run_search(
        toy.campaign, settings, "toy.py", "mark", DataChoice("demo"), Conditions(Home(home), scale, tracking=False)
    )
    return scale.held


def _slope(held: list[float]) -> float:
    kept = held[len(held) // 3 :]
    return float(100 * np.polyfit(np.arange(len(kept)), kept, 1)[0])
