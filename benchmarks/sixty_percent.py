"""Seconds to 60 % validation accuracy under `official`, on all real training faces: a recipe against the reference's.

One training each, hours on two cores, so only with --long. Training stops at the first epoch that reaches the mark.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.setting import Setting
from benchmarks.sides import Row, Side, faster, times_
from fer_exp.data.prepare import Development, prepare
from fer_exp.data.protocol import Protocol
from fer_exp.recipe import Augmentation, ClassWeights, Order, Recipe, Schedule, baseline_recipe
from fer_exp.records import Kind, Record, TrialSpec
from fer_exp.train import Listener, train

MARK = 0.60
EPOCHS = 40
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
        ours = _seconds(OURS, 1 if setting.tiny else HORIZON, mark, development, home / "ours")
        theirs = _seconds(baseline_recipe(), epochs, mark, development, home / "theirs")
    if ours is None or theirs is None:
        late = "the reference's regime" if ours else "the recipe"
        yield f"seconds to {100 * mark:.0f} %: {late} did not reach it"
        return
    sides = [Side("fer-exp's recipe", (ours,)), Side("the reference's regime", (theirs,))]
    yield faster(f"seconds to {100 * mark:.0f} % validation accuracy, official", sides, times_(2))


class _Until(Listener):
    def __init__(self, record: Record, mark: float) -> None:
        self._record = record
        self._mark = mark

    def should_stop(self) -> bool:
        return self._record.history()[-1].val_accuracy >= self._mark


def _seconds(recipe: Recipe, epochs: int, mark: float, development: Development, path: Path) -> float | None:
    """Of training and validation until the mark; None where it was not reached."""
    info = development.info
    digests = {"data_digest": info.data_digest, "split_digest": info.split_digest, "protocol": info.protocol.value}
    spec = TrialSpec(
        campaign="x", kind=Kind.TRIAL, number=1, seed=1, recipe=recipe, epochs=epochs, horizon=epochs, **digests
    )
    record = Record.create(path, spec)
    train(record, development, _Until(record, mark))
    history = record.history()
    reached = next((number for number, epoch in enumerate(history) if epoch.val_accuracy >= mark), None)
    return None if reached is None else sum(epoch.seconds for epoch in history[: reached + 1])
