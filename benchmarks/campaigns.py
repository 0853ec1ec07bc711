"""The same campaign of 12 trials end to end, everything logged: fer-exp against each way of `benchmarks.peers`.

From the command to its end, imports included. Every way runs the same number of trainings of the same network;
fer-exp's first is its baseline, and it trains one on each processor at a time; the others train one after the other,
as they come.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.command import run
from benchmarks.setting import CHECKOUT, Setting
from benchmarks.sides import Doing, Row, faster, in_turns, times_
from benchmarks.toy import TRIALS
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.provenance import cores

WAYS = {
    "notebook": "the notebook's loop, not tracked",
    "autolog": "Keras Tuner, mlflow.autolog",
    "callback": "Keras Tuner, MlflowCallback",
    "optuna": "Optuna, MLflow callback",
}
EPOCHS = 2
FACES = 350  # training faces: with all of the demo's, the first two of five ways took nine minutes


def rows(setting: Setting) -> Iterator[Row]:
    """A row for each peer."""
    trials, epochs = setting.pick(TRIALS, 2), setting.pick(EPOCHS, 1)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        limit = setting.pick(FACES, 70)
        development = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=limit, cache=home / "cache")
        development.train(clahe=True), development.validation(clahe=True)
        ways: dict[str, Doing] = {f"fer-exp, {cores()} workers": lambda: _ours(home, trials, epochs, limit)}
        for way, name in WAYS.items():
            ways[name] = partial(_peer, way, development.folder, home / way, trials, epochs)
        ours, *theirs = in_turns(ways, 1)  # minutes each
    for peer in theirs:
        yield faster(f"{trials} trials end to end, against {peer.name}", [ours, peer], times_(1))


def _ours(home: Path, trials: int, epochs: int, limit: int) -> None:
    shutil.rmtree(home / "campaigns", ignore_errors=True)
    for path in home.glob("mlflow.db*"):
        path.unlink()
    words = ["--max-trials", str(trials - 1), "--epochs", str(epochs), "--limit", str(limit), "--workers", str(cores())]
    run("fer-exp", "search", "benchmarks/toy.py", *words, home=home)


def _peer(way: str, faces: Path, folder: Path, trials: int, epochs: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    words = [way, str(faces), str(folder), str(trials), str(epochs)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", *words], cwd=CHECKOUT, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{way}: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
