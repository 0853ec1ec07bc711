"""One training: a recipe, a development part and a seed become epochs and weights in a record.

In: a record that says what to train, the development part, and someone to tell about progress. Out: history and
checkpoints in the record, and the model with its best weights. A training that was cut off goes on behind its last
epoch and ends as if it had never stopped, because nothing in an epoch depends on how its process came there:
shuffling, dropout, augmentation and mixup derive from (seed, epoch), the optimizer comes from the checkpoint, and
Keras's own EarlyStopping and ReduceLROnPlateau are brought up to date by replaying the history to them.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.data.faces import Images, Indices, Labels, Shares, with_channels
from fer_exp.data.form import Form
from fer_exp.data.split.prepare import Development, Split
from fer_exp.model import build, compile_model, load_model, reseed, take_weights
from fer_exp.model.normalization import WithoutStart
from fer_exp.recipe import Recipe, Targets
from fer_exp.records import Epoch, Record, TrialSpec, best_epoch, now_ms
from fer_exp.records.digest import checkpoint_of, start_model
from fer_exp.system.errors import BadInput
from fer_exp.system.files import replacing, sha256_of
from fer_exp.system.values import first_line
from fer_exp.training.balance import SEEDS, class_counts, class_weights, oversample
from fer_exp.training.distillation import distilled
from fer_exp.training.feed import Rows, feed
from fer_exp.training.mixup import Batch, mix
from fer_exp.training.refusals import ImpossibleRecipe, NotFinite
from fer_exp.training.regime import Regime

VALIDATION_BATCH = 256  # images; changes nothing but speed
ORDER_STREAM, MIXUP_STREAM = 1, 2  # keep generators apart that derive from the same (seed, epoch)


@dataclass(frozen=True)
class Progress:
    """Where a training stands inside an epoch."""

    epoch: int  # the one in progress, from 1
    step: int  # batches done of it
    steps: int


class Listener:
    """Who is told about progress and may ask to stop. This one does neither."""

    def progress(self, progress: Progress) -> None:
        """Called after every batch."""

    def should_stop(self) -> bool:
        """Asked after every epoch, when that epoch is recorded."""
        return False


@dataclass(frozen=True)
class Trained:
    """What `train` leaves behind besides the record's history and checkpoints."""

    model: keras.Model  # with the best epoch's weights
    complete: bool  # False: a listener asked to stop before the end
    train_counts_after: tuple[int, ...]  # training images per class after oversampling


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Training images in an order that depends on (seed, epoch) alone, mixed where the recipe says so.

    Batches are `(images (b, side, side, channels) uint8, one-hot labels (b, classes) float32, weights (b,) float32)`;
    mixed images are float32, still 0-255. A batch is the same however often and in whatever order Keras asks for it.
    """

    def __init__(
        self,
        images: Images,
        labels: Labels,
        chosen: Indices,
        weights: NDArray[np.float32],
        spec: TrialSpec,
        votes: Shares | None = None,
    ):
        """`weights` has one for each class; `votes`, `(n, classes)`, take the place of labels as targets.

        So do shares of votes or labels and of a teacher's probabilities.
        """
        super().__init__()
        self._images = images
        self._labels = labels
        self._chosen = chosen
        self._weights = weights
        self._seed = spec.seed
        self._batch_size = spec.recipe.batch_size
        self._mixup = spec.recipe.mixup
        self._one_hot = np.eye(len(weights), dtype=np.float32)
        self._votes = votes
        self.begin(1)

    def begin(self, epoch: int) -> None:
        """Lays out the order of `epoch`."""
        self._epoch = epoch
        order = np.random.default_rng((self._seed, epoch, ORDER_STREAM)).permutation(len(self._chosen))
        self._order = self._chosen[order]

    @property
    def num_batches(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return math.ceil(len(self._chosen) / self._batch_size)

    def __len__(self) -> int:
        return self.num_batches

    def __getitem__(self, index: int) -> Batch:
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        labels = self._labels[rows]
        targets = self._one_hot[labels] if self._votes is None else self._votes[rows]
        batch = with_channels(self._images[rows]), targets, self._weights[labels]
        if not self._mixup:
            return batch
        return mix(batch, self._mixup, np.random.default_rng((self._seed, self._epoch, MIXUP_STREAM, index)))


def train(record: Record, development: Development, listener: Listener | None = None) -> Trained:
    """Trains what `record` asks for, from its last recorded epoch on.

    Args:
        record: Says what to train; receives an epoch of history and a checkpoint after every epoch.
        development: Training and validation part. Nothing here could reach a test part.
        listener: Told about progress; may ask to stop after an epoch.

    Raises:
        NotFinite: The loss became NaN or infinite.
        ImpossibleRecipe: The network cannot be built.
    """
    listener = listener or Listener()
    spec, form = record.spec(), development.info.form
    keras.utils.set_random_seed(spec.seed % SEEDS)
    training = development.train(spec.recipe.clahe)
    ratio = 0.0 if development.info.oversampled else spec.recipe.oversampling
    chosen = oversample(training.labels, ratio, spec.seed)
    counted = spec.recipe.class_weights, spec.recipe.class_weight_range, spec.recipe.effective_number_beta
    weights = class_weights(training.labels[chosen], form.classes, *counted)
    targets = _targets(record, spec.recipe, development, training)
    batches = Batches(training.images, training.labels, chosen, weights, spec, targets)
    model, complete = _fit(record, spec, development, batches, listener)
    if spec.recipe.ema:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    return Trained(model, complete, class_counts(training.labels[chosen], form.classes))


def _fit(
    record: Record, spec: TrialSpec, development: Development, batches: Batches, listener: Listener
) -> tuple[keras.Model, bool]:
    """The model with the best epoch's weights, and whether the training came to its end.

    Where faces grow (`Recipe.sides`), it is one `fit` for each side: the next one begins from the checkpoint, as in a
    process that goes on where another was cut off, so that a cut changes nothing and no graph is traced twice.
    """
    form, recipe = development.info.form, spec.recipe
    validation = _validation(development.validation(recipe.clahe), form.classes)
    while True:
        history = record.history()
        epoch = min(len(history) + 1, spec.epochs)
        side = recipe.side_at(epoch, spec.horizon)
        model = _model(record, spec, form, history, batches.num_batches, side)
        regime = Regime(recipe, history)
        regime.set_model(model)
        if complete := regime.replay() or len(history) >= spec.epochs:
            break
        recorder = Recorder(record, spec, batches, listener)
        from_scratch = 0 if history or start_model(record) else batches.num_batches
        last = max(e for e in range(epoch, spec.epochs + 1) if recipe.side_at(e, spec.horizon) == side)
        model.fit(
            feed(batches),
            shuffle=False,  # else Keras draws the order of batches from Python's generator, whose state no epoch sets
            validation_data=feed(validation),
            initial_epoch=len(history),
            epochs=last,
            callbacks=[*_averages(recipe, from_scratch), regime, recorder],
            verbose=0,
        )
        complete = not recorder.stopped_on_request
        if not complete or model.stop_training or last == spec.epochs:
            break
    history = record.history()
    best = best_epoch(history)
    if best and (shown := recipe.side_at(best, spec.horizon)) != side:
        model = _model(record, spec, form, history, batches.num_batches, shown)
    _load(model, record, history, best)
    return model, complete


def _targets(record: Record, recipe: Recipe, development: Development, training: Split) -> Shares | None:
    """What the loss compares with, `(n, classes)`; None where that is the label."""
    found = _votes(training) if recipe.targets is Targets.VOTES else None
    return distilled(record, development, found, training.labels) if recipe.distillation else found


def _votes(training: Split) -> Shares:
    if training.votes is None:
        raise ImpossibleRecipe("targets 'votes' needs data with annotators' votes, and these have labels alone")
    return training.votes


def _model(
    record: Record, spec: TrialSpec, form: Form, history: list[Epoch], steps_per_epoch: int, side: int
) -> keras.Model:
    """The model as the record's last epoch left it, for faces shown at `side`; fresh where there is none."""
    try:
        model = build(spec.recipe, spec.seed, form, side, to_train=True)
        compile_model(model, spec.recipe, steps_per_epoch=steps_per_epoch, horizon=spec.horizon)
    except (ValueError, TypeError, BadInput) as error:  # Keras's for shapes and arguments, and our own for schedules
        raise ImpossibleRecipe(first_line(error)) from error
    model.optimizer.build(model.trainable_variables)  # else load_weights would leave the optimizer at zero
    if history:
        _load(model, record, history, len(history))
    elif (start := start_model(record)) is not None:
        take_weights(model, load_model(start, form))
    return model


def _load(model: keras.Model, record: Record, history: list[Epoch], epoch: int) -> None:
    if epoch:
        model.load_weights(checkpoint_of(record, history, epoch))


def _validation(split: Split, classes: int) -> Rows:
    images = with_channels(np.asarray(split.images))
    return Rows(images, np.eye(classes, dtype=np.float32)[split.labels], batch_size=VALIDATION_BATCH)


def _averages(recipe: Recipe, steps_from_scratch: int) -> list[keras.callbacks.Callback]:
    """Validation sees averaged weights where the recipe averages, and normalises by what was seen in training alone."""
    ema = [keras.callbacks.SwapEMAWeights()] if recipe.ema else []
    return [*ema, WithoutStart(steps_from_scratch)]


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Begins each epoch from (seed, epoch) and writes it down when it ends: first the checkpoint, then its line."""

    def __init__(self, record: Record, spec: TrialSpec, batches: Batches, listener: Listener) -> None:
        super().__init__()
        self._record = record
        self._spec = spec
        self._batches = batches
        self._listener = listener
        self._clock: Callable[[], float] = time.perf_counter
        self._began = 0.0
        self._trained = 0.0
        self._epoch = 0
        self.stopped_on_request = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Derives the epoch's randomness."""
        self._epoch = epoch + 1
        reseed(self.model, self._spec.seed, self._epoch)
        self._batches.begin(self._epoch)
        self._began = self._clock()
        self._listener.progress(Progress(self._epoch, 0, self._batches.num_batches))

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Tells how far the epoch is."""
        self._listener.progress(Progress(self._epoch, batch + 1, self._batches.num_batches))

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Validation begins, so training of this epoch is over."""
        self._trained = self._clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Records the epoch."""
        logs = logs or {}
        if not all(math.isfinite(logs[name]) for name in ("loss", "val_loss")):
            raise NotFinite(f"loss became {logs['loss']} (validation {logs['val_loss']}) in epoch {epoch + 1}")
        images = len(self._batches._chosen)
        row = Epoch(
            epoch=epoch + 1,
            train_loss=logs["loss"],
            train_accuracy=logs["accuracy"],
            val_loss=logs["val_loss"],
            val_accuracy=logs["val_accuracy"],
            learning_rate=float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            seconds=self._clock() - self._began,
            images_per_second=images / max(self._trained - self._began, 1e-9),
            time_ms=now_ms(),
        )
        checkpoint = self._record.checkpoint(row.epoch)
        with replacing(checkpoint) as temporary:
            self.model.save_weights(temporary)
        self._record.append(row.model_copy(update={"checkpoint_sha256": sha256_of(checkpoint)}))
        if row.epoch < self._spec.epochs and not self.model.stop_training and self._listener.should_stop():
            self.stopped_on_request = True
            self.model.stop_training = True
