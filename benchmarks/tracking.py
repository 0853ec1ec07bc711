"""The cost of tracking a trial of 30 epochs: fer-exp with and without MLflow, plain Keras with autolog and callback.

fer-exp's sides are whole commands that train the same baseline; its tracker is a process beside the trial, so what is
left is what the command waits for in the end. Plain Keras's are one training in a process that has MLflow loaded. What
a neighbour on the machine takes only ever adds, and is more than what is looked for: costs are differences of the best.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.command import run
from benchmarks.setting import Setting
from benchmarks.sides import Doing, Goal, Row, Side, in_turns, row
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol

if TYPE_CHECKING:
    from benchmarks.peers import Work

EPOCHS = 30


def rows(setting: Setting) -> Iterator[Row | str]:
    """Seconds and per cent of tracking; then as a multiple of what autolog and the callback add."""
    epochs, times = setting.pick(EPOCHS, 2), setting.pick(3, 1)
    limit = 70
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        development = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=limit, cache=home / "cache")
        development.train(clahe=True), development.validation(clahe=True)
        run("fer-exp", "search", "benchmarks/toy.py", *_words(1, 70, "warm"), home=home)  # makes MLflow's database
        ours = {
            "fer-exp, tracked": lambda: _ours(home, epochs, limit),
            "fer-exp, not tracked": lambda: _ours(home, epochs, limit, "--no-tracking"),
        }
        tracked, untracked = in_turns(ours, times)
        cost = min(tracked.values) - min(untracked.values)
        yield row("cost of tracking a trial", [tracked, untracked], cost, Goal(high=1, unit=" s"), _why(epochs))
        per_cent = 100 * cost / min(untracked.values)
        yield row("the same, of the whole command", [tracked, untracked], per_cent, Goal(high=2, unit=" %"))
        plain, *peers = _peers(development.folder, home / "peers", epochs, times)
        for peer in peers:
            added = min(peer.values) - min(plain.values)
            if added <= 0:
                yield f"cost of tracking, against {peer.name}: no figure, what it adds was less than the noise"
                continue
            figure = cost / added
            sides = [Side("fer-exp adds", (cost,)), Side(f"{peer.name} adds", (added,)), peer, plain]
            yield row(f"cost of tracking, against {peer.name}", sides, figure, Goal(high=1, unit="x"))


def _why(epochs: int) -> str:
    return f"{epochs} epochs, report, figures, model; the difference of the best"


def _words(epochs: int, limit: int, name: str) -> list[str]:
    return ["--max-trials", "0", "--epochs", str(epochs), "--limit", str(limit), "--name", name]


def _ours(home: Path, epochs: int, limit: int, *more: str) -> None:
    shutil.rmtree(home / "campaigns" / "tracked", ignore_errors=True)
    run("fer-exp", "search", "benchmarks/toy.py", *_words(epochs, limit, "tracked"), *more, home=home)


def _peers(faces: Path, folder: Path, epochs: int, times: int) -> list[Side]:
    import mlflow

    from benchmarks.peers import Work, track

    work = Work(faces, folder, 1, epochs)
    track(work)
    names = {"": "plain Keras, not tracked", "autolog": "mlflow.autolog", "callback": "MlflowCallback"}
    ways: dict[str, Doing] = {name: partial(_train, work, way) for way, name in names.items()}
    _train(work, "")  # what is loaded and traced the first time
    sides = in_turns(ways, times)
    mlflow.autolog(disable=True)
    return sides


def _train(work: "Work", way: str) -> float:
    import mlflow

    from benchmarks.bare import toy_model
    from benchmarks.peers import REQUIREMENTS

    model = toy_model(1e-3, 0.25, 0.5)
    mlflow.autolog(disable=way != "autolog", silent=True)
    began = time.perf_counter()
    with mlflow.start_run() if way else nullcontext():
        work.fit(model, *([mlflow.keras.MlflowCallback()] if way == "callback" else []))
        reported = work.report(model, 0)
        if way:
            mlflow.log_artifacts(str(reported))
        if way == "callback":
            mlflow.keras.log_model(model, name="model", pip_requirements=REQUIREMENTS)
    return time.perf_counter() - began
