"""Seconds to 60 % validation accuracy under `official`, on all real training faces: a recipe against the reference's.

One training each, an hour or more on two cores, so only with --long. Training stops at the first epoch that reaches the
mark. The reference's also stops after three times our seconds: the figure then is what it is at least.
"""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.setting import Setting
from benchmarks.sides import Row, Side, faster, times_
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.recipe import Augmentation, ClassWeights, Order, Recipe, Schedule, baseline_recipe
from fer_exp.records import Kind, Record, TrialSpec
from fer_exp.training.train import Listener, train

MARK = 0.60
EPOCHS = 40
PATIENCE = 3.0  # times our seconds that the reference's regime is given
HORIZON = 7  # epochs in which our step size falls to nothing: the last of them gain most
# What a short training wants: no copies, nothing that slows learning down, fewer pixels, a step size that ends at zero.
OURS = baseline_recipe().but(
    order=Order.NORM_FIRST,
    crop=44,
    head_widths=(),
    head_dropouts=(),
    block_dropout=0.0,
    pooled_dropout=0.1,
    batch_size=64,
    learning_rate=3e-3,
    schedule=Schedule.COSINE,
    warmup_epochs=0.5,
    stop_patience=0,
    oversampling=0.0,
    class_weights=ClassWeights.NONE,
    augmentation=Augmentation(flip=True),
)


def rows(setting: Setting) -> Iterator[Row | str]:
    """One row."""
    mark, epochs = (0.1, 1) if setting.tiny else (MARK, EPOCHS)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        limit = 140 if setting.tiny else None
        development = prepare(
            str(setting.packed()), protocol=Protocol.OFFICIAL, seed=1, limit=limit, cache=home / "cache"
        )
        ours = _train(OURS, 1 if setting.tiny else HORIZON, mark, development, home / "ours")
        if not ours.reached:
            yield f"seconds to {100 * mark:.0f} %: the recipe did not reach it"
            return
        patience = PATIENCE * ours.seconds
        theirs = _train(baseline_recipe(), epochs, mark, development, home / "theirs", patience)
    sides = [Side("fer-exp's recipe", (ours.seconds,)), Side("the reference's regime", (theirs.seconds,))]
    note = (
        f"{ours.epochs} epochs and {theirs.epochs}"
        if theirs.reached
        else f"at least: stopped after {theirs.epochs} epochs at {100 * theirs.best:.1f} %"
    )
    yield faster(f"seconds to {100 * mark:.0f} % validation accuracy, official", sides, times_(2), note)


@dataclass(frozen=True)
class _Way:
    """A training until the mark, or until patience was over."""

    seconds: float  # of training and validation
    epochs: int
    best: float
    reached: bool


class _Until(Listener):
    def __init__(self, record: Record, mark: float, patience: float) -> None:
        self._record = record
        self._mark = mark
        self._patience = patience

    def should_stop(self) -> bool:
        history = self._record.history()
        return history[-1].val_accuracy >= self._mark or sum(epoch.seconds for epoch in history) > self._patience


def _train(
    recipe: Recipe, epochs: int, mark: float, development: Development, path: Path, patience: float = math.inf
) -> _Way:
    """Trains until an epoch reaches the mark, or has taken more seconds than patience lasts."""
    info = development.info
    digests = {"data_digest": info.data_digest, "split_digest": info.split_digest, "protocol": info.protocol.value}
    spec = TrialSpec(
        campaign="x", kind=Kind.TRIAL, number=1, seed=1, recipe=recipe, epochs=epochs, horizon=epochs, **digests
    )
    record = Record.create(path, spec)
    train(record, development, _Until(record, mark, patience))
    history = record.history()
    best = max(epoch.val_accuracy for epoch in history)
    return _Way(sum(epoch.seconds for epoch in history), len(history), best, best >= mark)
