"""Epochs to an accuracy: hyperband with resumed promotions, stock Hyperband, random search at the same budget.

Small networks on a subset of FER2013, five seeds. Every epoch trained is counted, in the order in which it was trained.
A seed has ten marks, evenly from the best of the three first epochs to the least of the three best accuracies, so that
each search reaches all of them; its ratio is the geometric mean over its marks, because one mark alone is luck.
fer-exp's baseline is left out, because the others train none.
"""

import gzip
import math
import os
import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import toy
from benchmarks.bare import arrays, toy_model
from benchmarks.setting import Setting
from benchmarks.sides import Goal, Row, Side, row
from fer_exp.campaign import Algorithm, Campaign, Settings
from fer_exp.data.prepare import Development, prepare
from fer_exp.data.protocol import Protocol
from fer_exp.provenance import cores
from fer_exp.quiet import stderr_to
from fer_exp.records import Kind, Outcome, Record, State, best_epoch

SEEDS = 5
EPOCHS = 5  # ten trials a search; nine epochs make 23, and did not end in nine minutes
PARTS = {"Training": 700, "PublicTest": 400, "PrivateTest": 14}
MARKS = 10
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # two-sided 95 %, by number of seeds

Epochs = list[float]  # validation accuracies in the order of training


def rows(setting: Setting) -> Iterator[Row]:
    """Against stock Hyperband, then against random search."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # of the processes to come
    seeds = range(1, setting.pick(SEEDS, 2) + 1)
    epochs = setting.pick(EPOCHS, 3)
    found: dict[str, list[float]] = {"fer-exp hyperband": [], "stock Hyperband": [], "random search": []}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        source = _subset(setting.packed(), home / "some.csv")
        development = prepare(str(source), protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=home / "cache")
        development.train(clahe=True), development.validation(clahe=True)
        with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:  # epochs are counted, not seconds
            for searches in pool.map(partial(_of_seed, epochs=epochs, prepared=development.folder, home=home), seeds):
                for name, epochs_needed in zip(found, _needed(searches), strict=True):
                    found[name].append(epochs_needed)
    sides = [Side(name, tuple(values), "epochs") for name, values in found.items()]
    for peer in sides[1:]:
        yield _against(sides[0], peer)


def _needed(searches: tuple[Epochs, ...]) -> list[float]:
    """Epochs of each search until it came to a mark, as the geometric mean over the marks of a seed."""
    low, high = max(accuracies[0] for accuracies in searches), min(max(accuracies) for accuracies in searches)
    marks = [low + (high - low) * place / (MARKS - 1) for place in range(MARKS)] if low < high else [high]
    return [statistics.geometric_mean(_until(accuracies, mark) for mark in marks) for accuracies in searches]


def _until(accuracies: Epochs, mark: float) -> int:
    return 1 + next(place for place, accuracy in enumerate(accuracies) if accuracy >= mark - 1e-9)


def _of_seed(seed: int, epochs: int, prepared: Path, home: Path) -> tuple[Epochs, Epochs, Epochs]:
    """The three searches of one seed, in a process with one thread."""
    development = Development.open(prepared)
    ours = _searched(Algorithm.HYPERBAND, seed, epochs, 0, development, home / f"ours-{seed}")
    stock = _stock(seed, epochs, development, home / f"stock-{seed}")
    trials = max(len(ours) // epochs, 1)  # so that random search trains as many epochs
    return ours, stock, _searched(Algorithm.RANDOM, seed, epochs, trials, development, home / f"random-{seed}")


def _against(ours: Side, peer: Side) -> Row:
    logs = [math.log(b / a) for a, b in zip(ours.values, peer.values, strict=True)]
    half = STUDENT.get(len(logs), 2.0) * statistics.stdev(logs) / math.sqrt(len(logs))
    middle = statistics.mean(logs)
    low, high = math.exp(middle - half), math.exp(middle + half)
    note = f"geometric mean over {len(logs)} seeds of {MARKS} marks each, 95 % interval {low:.2f}x to {high:.2f}x"
    goal = Goal(1, unit="x")
    return row(f"epochs to the same accuracy, against {peer.name}", [ours, peer], math.exp(middle), goal, note)


def _subset(packed: Path, target: Path) -> Path:
    """The first faces of each part, as a CSV of its own."""
    left = dict(PARTS)
    with gzip.open(packed, "rt") as source, target.open("w") as written:
        written.write(next(source))
        for line in source:
            part = line.rstrip().rpartition(",")[2]
            if left.get(part, 0):
                left[part] -= 1
                written.write(line)
            if not any(left.values()):
                break
    return target


def _searched(
    algorithm: Algorithm, seed: int, epochs: int, trials: int, development: Development, folder: Path
) -> Epochs:
    """A search of fer-exp in this process: its own records, promotions and training; only processes are left out."""
    with stderr_to():
        from fer_exp.search.drive import Order, SearchWork
    from fer_exp.train import train

    settings = Settings(algorithm=algorithm, max_trials=trials, epochs=epochs, seed=seed)
    campaign = Campaign("toy", toy.campaign.question, toy.space, settings, toy.BASELINE)
    work = SearchWork(folder, Order(campaign, settings, "toy.py", "mark", development))
    seen: Epochs = []
    while isinstance(record := work.next(), Record):
        before = len(record.history())
        if record.spec().kind is Kind.TRIAL:
            train(record, development)
            seen += [epoch.val_accuracy for epoch in record.history()[before:]]
        _end(record)
        work.ended(record)
    return seen


def _end(record: Record) -> None:
    history = record.history()
    record.write_scores({"val/accuracy": max((epoch.val_accuracy for epoch in history), default=0.0)})
    outcome = Outcome(state=State.FINISHED, best_epoch=best_epoch(history))
    record.end(outcome, keep_checkpoints=bool(history))


def _stock(seed: int, epochs: int, development: Development, folder: Path) -> Epochs:
    import keras
    import keras_tuner

    keras.utils.set_random_seed(seed)
    seen: Epochs = []

    class Count(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            seen.append((logs or {})["val_accuracy"])

    def build(hp: Any) -> keras.Model:
        return toy_model(
            hp.Float("learning_rate", 5e-4, 1e-2, sampling="log", default=1e-3),
            hp.Float("block_dropout", 0.0, 0.4, default=0.25),
            hp.Float("pooled_dropout", 0.0, 0.6, default=0.5),
        )

    objective = keras_tuner.Objective("val_accuracy", "max")
    tuner = keras_tuner.Hyperband(
        build, objective=objective, max_epochs=epochs, factor=3, seed=seed, directory=folder, project_name="stock"
    )
    train, validation = arrays(development.folder, "train"), arrays(development.folder, "validation")
    tuner.search(*train, validation_data=validation, callbacks=[Count()], verbose=0)
    return seen
