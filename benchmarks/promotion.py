"""Epochs to an accuracy: hyperband with resumed promotions, stock Hyperband, random search at the same budget.

Small networks on a subset of FER2013, five seeds: three emotions, because on all seven such networks guess for the
first epochs, and which search then looks better is luck. Every epoch trained is counted, in the order in which it was
trained. A seed has ten marks, evenly from the best of the three first epochs to the least of the three best accuracies,
so that each search reaches all of them; its ratio is the geometric mean over its marks. fer-exp's baseline is left out,
because the others train none.
"""

import gzip
import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import toy
from benchmarks.bare import arrays
from benchmarks.setting import Setting
from benchmarks.sides import Goal, Row, Side, row
from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.data.emotions import Emotion
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.recipe import Order, Recipe
from fer_exp.records import Kind, Outcome, Record, State, best_epoch
from fer_exp.system.provenance import cores
from fer_exp.system.stderr import stderr_to

SEEDS = 5
EPOCHS = 5  # ten trials a search; nine epochs make 23, and did not end in nine minutes
EMOTIONS = (Emotion.HAPPY, Emotion.SURPRISE, Emotion.NEUTRAL)
PARTS = {"Training": 560, "PublicTest": 420, "PrivateTest": 21}
BATCH = 8  # many steps an epoch, so that batch normalisation's averages are not still those of the beginning
MARKS = 10
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # two-sided 95 %, by number of seeds

OURS, STOCK, RANDOM = "fer-exp hyperband", "stock Hyperband", "random search"

RECIPE = toy.BASELINE.but(
    widths=(8, 16), last_width=32, order=Order.NORM_FIRST, head_widths=(), head_dropouts=(), batch_size=BATCH
)


@dataclass
class Seen:
    """What a search saw: validation accuracies in the order of training, and when."""

    accuracies: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # since it began
    began: float = field(default_factory=time.time)

    def add(self, accuracy: float, at: float) -> None:
        """An epoch that ended `at`, in seconds since 1970."""
        self.accuracies.append(accuracy)
        self.seconds.append(at - self.began)


def rows(setting: Setting) -> Iterator[Row]:
    """Against stock Hyperband, then against random search."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # of the processes to come
    seeds = range(1, setting.pick(SEEDS, 2) + 1)
    epochs = setting.pick(EPOCHS, 3)
    names = (OURS, STOCK, RANDOM)
    found: list[tuple[list[float], list[float]]] = [([], []) for _ in names]  # epochs and seconds, by seed
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        source = _subset(setting.packed(), home / "some.csv")
        development = prepare(str(source), protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=home / "cache")
        development.train(clahe=True), development.validation(clahe=True)
        with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:  # each has one thread
            one = partial(_search, epochs=epochs, prepared=development.folder, home=home)
            tasks = [(name, seed) for name in names for seed in seeds]  # one by one, so that no core waits for a seed
            seen = dict(zip(tasks, pool.map(one, *zip(*tasks, strict=True)), strict=True))
            for seed in seeds:
                searches = [seen[name, seed] for name in names]
                for (needed, took), (more, longer) in zip(found, _to_the_marks(searches), strict=True):
                    needed.append(more)
                    took.append(longer)
    sides = [Side(name, tuple(needed), "epochs") for name, (needed, _) in zip(names, found, strict=True)]
    for place, peer in enumerate(sides[1:], start=1):
        yield _against(sides[0], peer, _ratio(found[0][1], found[place][1]))


def _to_the_marks(searches: Sequence[Seen]) -> list[tuple[float, float]]:
    """Epochs and seconds of each search until it came to a mark, as geometric means over the marks of a seed."""
    low = max(seen.accuracies[0] for seen in searches)
    high = min(max(seen.accuracies) for seen in searches)
    marks = [low + (high - low) * place / (MARKS - 1) for place in range(MARKS)] if low < high else [high]
    places = [[_first(seen.accuracies, mark) for mark in marks] for seen in searches]
    return [
        (
            statistics.geometric_mean(place + 1 for place in of_search),
            statistics.geometric_mean(seen.seconds[place] for place in of_search),
        )
        for seen, of_search in zip(searches, places, strict=True)
    ]


def _first(accuracies: Sequence[float], mark: float) -> int:
    return next(place for place, accuracy in enumerate(accuracies) if accuracy >= mark - 1e-9)


def _search(name: str, seed: int, epochs: int, prepared: Path, home: Path) -> Seen:
    """One search, in a process with one thread."""
    development = Development.open(prepared)
    _warm_up(development)
    folder = home / f"{name}-{seed}"
    if name == STOCK:
        return _stock(seed, epochs, development, folder)
    if name == RANDOM:
        return _searched(Algorithm.RANDOM, seed, epochs, _as_many_trials(epochs), development, folder)
    return _searched(Algorithm.HYPERBAND, seed, epochs, 0, development, folder)


def _as_many_trials(epochs: int) -> int:
    """Trials of a random search that trains as many epochs as a hyperband."""
    with stderr_to():
        from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer
    settings = Settings(algorithm=Algorithm.HYPERBAND, epochs=epochs)
    return max(
        KerasTunerProposer(Campaign("promotion", "", _space, settings, RECIPE), settings).plan().epochs // epochs - 1, 1
    )


def _warm_up(development: Development) -> None:
    """Loads and traces what only the first search of a process would wait for."""
    images, labels = arrays(development.folder, "train")
    _network(1e-3, 0.0, 0.0).fit(images[:BATCH], labels[:BATCH], verbose=0)


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, str]:
    """How many times more theirs are, as a geometric mean over seeds, and the same with its interval in words."""
    logs = [math.log(b / a) for a, b in zip(ours, theirs, strict=True)]
    half = STUDENT.get(len(logs), 2.0) * statistics.stdev(logs) / math.sqrt(len(logs))
    middle = statistics.mean(logs)
    low, high = math.exp(middle - half), math.exp(middle + half)
    return math.exp(middle), f"{math.exp(middle):.2f}x, 95 % interval {low:.2f}x to {high:.2f}x"


def _against(ours: Side, peer: Side, seconds: tuple[float, str]) -> Row:
    figure, words = _ratio(ours.values, peer.values)
    note = f"geometric mean over {len(ours.values)} seeds of {MARKS} marks each {words}; in seconds {seconds[1]}"
    return row(f"epochs to the same accuracy, against {peer.name}", [ours, peer], figure, Goal(1, unit="x"), note)


def _subset(packed: Path, target: Path) -> Path:
    """The first faces of each part that show one of the emotions, as a CSV of its own."""
    left = dict(PARTS)
    wanted = {str(int(emotion)) for emotion in EMOTIONS}
    with gzip.open(packed, "rt") as source, target.open("w") as written:
        written.write(next(source))
        for line in source:
            part = line.rstrip().rpartition(",")[2]
            if left.get(part, 0) and line.partition(",")[0] in wanted:
                left[part] -= 1
                written.write(line)
            if not any(left.values()):
                break
    return target


def _searched(
    algorithm: Algorithm, seed: int, epochs: int, trials: int, development: Development, folder: Path
) -> Seen:
    """A search of fer-exp in this process: its own records, promotions and training; only processes are left out."""
    with stderr_to():
        from fer_exp.training.train import train
        from fer_exp.tuning.search_request import SearchRequest
        from fer_exp.tuning.trials import SearchWork

    settings = Settings(algorithm=algorithm, max_trials=trials, epochs=epochs, seed=seed)
    campaign = Campaign("promotion", toy.campaign.question, _space, settings, RECIPE)
    work = SearchWork(folder, SearchRequest(campaign, settings, "toy.py", "mark", development))
    seen = Seen()
    while isinstance(record := work.next(), Record):
        before = len(record.history())
        if record.spec().kind is Kind.TRIAL:
            train(record, development)
            for epoch in record.history()[before:]:
                seen.add(epoch.val_accuracy, epoch.time_ms / 1000)
        _end(record)
        work.ended(record)
    return seen


def _end(record: Record) -> None:
    history = record.history()
    record.write_scores({"val/accuracy": max((epoch.val_accuracy for epoch in history), default=0.0)})
    outcome = Outcome(state=State.FINISHED, best_epoch=best_epoch(history))
    record.end(outcome, keep_checkpoints=bool(history))


def _space(hp: HyperParameters) -> Recipe:
    return RECIPE.but(**_proposed(hp))


def _proposed(hp: Any) -> dict[str, float]:
    """Both sides' hyperparameters."""
    return {
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3),
        "block_dropout": hp.Float("block_dropout", 0.0, 0.4, default=0.25),
        "pooled_dropout": hp.Float("pooled_dropout", 0.0, 0.6, default=0.5),
    }


def _network(learning_rate: float, block_dropout: float, pooled_dropout: float) -> Any:
    """The network of `RECIPE` in plain Keras."""
    import keras
    from keras import layers

    stack: list[Any] = [keras.Input((48, 48, 1))]
    for width in (*RECIPE.widths, RECIPE.last_width):
        stack += [layers.Conv2D(width, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
        if width != RECIPE.last_width:
            stack += [layers.MaxPooling2D(2), layers.Dropout(block_dropout)]
    stack += [layers.GlobalAveragePooling2D(), layers.Dropout(pooled_dropout), layers.Dense(7, activation="softmax")]
    model = keras.Sequential(stack)
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _stock(seed: int, epochs: int, development: Development, folder: Path) -> Seen:
    import keras
    import keras_tuner

    keras.utils.set_random_seed(seed)
    objective = keras_tuner.Objective("val_accuracy", "max")
    tuner = keras_tuner.Hyperband(
        lambda hp: _network(**_proposed(hp)),
        objective=objective,
        max_epochs=epochs,
        factor=3,
        seed=seed,
        directory=folder,
        project_name="stock",
    )
    train, validation = arrays(development.folder, "train"), arrays(development.folder, "validation")
    seen = Seen()

    class Note(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            seen.add((logs or {})["val_accuracy"], time.time())

    tuner.search(*train, validation_data=validation, batch_size=BATCH, callbacks=[Note()], verbose=0)
    return seen
