"""Training: the same numbers however often it was cut off, by Keras's rules, ending with the best epoch's weights."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.model import build, compile_model, predict, reseed, with_preprocessing, with_temperature
from fer_exp.model.normalization import WithoutStart
from fer_exp.recipe import Augmentation, ClassWeights, Optimizer, Precision, Recipe, Schedule, Views
from fer_exp.records import START_MODEL, Epoch, Record, State, best_epoch
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import TEMPORARY, is_full, sha256_of
from fer_exp.training.balance import class_weights, oversample
from fer_exp.training.mixup import mix
from fer_exp.training.refusals import NotFinite
from fer_exp.training.regime import MIN_LEARNING_RATE
from fer_exp.training.train import (
    MIXUP_STREAM,
    VALIDATION_BATCH,
    Batches,
    Progress,
    train,
)
from tests.made_faces import csv_of, some_faces
from tests.small_disks import MOUNTABLE, grow, small_disk
from tests.trainings import (
    TINY,
    Stopping,
    Training,
    demo_development,
    first_cut,
    new_record,
    same,
    train_in_pieces,
    train_through,
)

AUGMENTATION = Augmentation(flip=True, shift=4, rotation=10, zoom=0.1, contrast=0.2, erasing=0.5)
REGIMES: dict[str, tuple[Recipe, int, tuple[int, ...]]] = {  # recipe, epochs, cuts
    "baseline": (TINY, 3, (1, 2)),
    "augmented, mixed, cropped": (TINY.but(augmentation=AUGMENTATION, mixup=0.4, crop=40), 2, (1,)),
    "averaged, cosine": (
        TINY.but(
            ema=0.9,
            norm_momentum=0.5,  # averages that keep up with the weights in few steps
            optimizer=Optimizer.SGD,
            learning_rate=0.05,
            schedule=Schedule.COSINE,
            warmup_epochs=0.5,
            weight_decay=1e-3,
            label_smoothing=0.1,
        ),
        3,
        (1, 2),
    ),
    "bfloat16": (TINY.but(precision=Precision.BFLOAT16), 2, (1,)),
    # So fast that many an epoch does harm, and no epoch helps as much as asked: the first stays the best.
    "rules": (
        TINY.but(learning_rate=0.1, norm_momentum=0.5, plateau_patience=1, stop_patience=7, stop_min_delta=0.9),
        12,
        (5,),
    ),
}
RULES_STOP = 8  # the epoch after which seven have not helped
SMALLEST = 1e-7  # probability that Keras's loss sees

Trainings = Callable[[str], Training]


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Development:
    return demo_development(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory, development: Development) -> Trainings:
    """Each regime, trained in one go."""
    folder = tmp_path_factory.mktemp("through")
    known: dict[str, Training] = {}

    def of(name: str) -> Training:
        if name not in known:
            recipe, epochs, _ = REGIMES[name]
            known[name] = train_through(new_record(folder / name, recipe, epochs=epochs), development)
        return known[name]

    return of


@pytest.fixture(scope="module")
def in_pieces(tmp_path_factory: pytest.TempPathFactory, development: Development) -> Trainings:
    """Each regime, trained with cuts."""
    folder = tmp_path_factory.mktemp("pieces")
    known: dict[str, Training] = {}

    def of(name: str) -> Training:
        if name not in known:
            recipe, epochs, cuts = REGIMES[name]
            known[name] = train_in_pieces(new_record(folder / name, recipe, epochs=epochs), development, cuts)
        return known[name]

    return of


def validation_scores(training: Training, development: Development) -> tuple[float, float]:
    """Loss and accuracy of the final model on validation, computed from its probabilities."""
    recipe = training.record.spec().recipe
    labels = development.validation(recipe.clahe).labels
    return loss_and_accuracy(training.probabilities, labels, recipe.label_smoothing)


def loss_and_accuracy(
    probabilities: NDArray[np.float32], labels: NDArray[np.uint8], smoothing: float
) -> tuple[float, float]:
    targets = np.eye(7)[labels] * (1 - smoothing) + smoothing / 7
    losses = -(targets * np.log(probabilities.clip(SMALLEST, 1).astype(np.float64))).sum(axis=1)
    return float(losses.mean()), float((probabilities.argmax(axis=1) == labels).mean())


def best_row(training: Training) -> Epoch:
    history = training.record.history()
    return history[best_epoch(history) - 1]


# -- cut off and resumed


@pytest.mark.parametrize("name", REGIMES)
def test_a_training_cut_off_and_resumed_ends_as_if_it_had_never_stopped(
    name: str, through: Trainings, in_pieces: Trainings
) -> None:
    assert same(in_pieces(name), through(name))


def test_a_training_cut_off_between_its_last_epoch_and_its_end_trains_no_more(
    through: Trainings, development: Development, tmp_path: Path
) -> None:
    for name in ("baseline", "rules"):  # one used its epochs up, one was ended by its rules
        record = Record(shutil.copytree(through(name).record.path, tmp_path / name))
        assert same(train_through(record, development), through(name))


@pytest.mark.skipif(not MOUNTABLE, reason="to mount a small disk takes root's rights")
def test_a_checkpoint_that_finds_the_disk_full_costs_its_epoch_alone(
    through: Trainings, development: Development, tmp_path: Path
) -> None:
    """HDF5 says so in a text, and may have written half of the file by then."""
    whole = through("baseline").record
    checkpoint = whole.checkpoint(len(whole.history())).stat().st_size
    for epochs in (0, 1):
        with small_disk(tmp_path / str(epochs), int((epochs + 0.7) * checkpoint)) as disk:
            record = Record.create(disk / "record", whole.spec())
            with pytest.raises(Exception, match="No space left on device") as failed:
                train_through(record, development)
            assert is_full(failed.value)
            assert [row.epoch for row in record.history()] == list(range(1, epochs + 1))
            assert not list(record.path.glob(f"{TEMPORARY}*"))
            grow(disk, 8 * checkpoint)
            assert same(train_through(Record(record.path), development), through("baseline"))


def test_asking_to_stop_leaves_a_record_that_goes_on(in_pieces: Trainings) -> None:
    record = Record(first_cut(in_pieces("baseline").record))
    assert record.outcome() is None
    assert record.state() is State.RUNNING
    assert [row.epoch for row in record.history()] == [1]
    assert record.checkpoint(1).exists()


# -- randomness


def test_a_training_does_not_go_on_from_another_checkpoint_than_the_recorded_one(
    in_pieces: Trainings, development: Development, tmp_path: Path
) -> None:
    record = Record(shutil.copytree(first_cut(in_pieces("baseline").record), tmp_path / "0000"))
    checkpoint = record.checkpoint(1)
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(BadRecord, match="expected the checkpoint that 0000 recorded"):
        train(record, development)
    assert len(record.history()) == 1
    checkpoint.unlink()
    with pytest.raises(BadRecord, match=f"{checkpoint} does not exist"):
        train(record, development)


def test_another_seed_trains_another_network(through: Trainings, development: Development, tmp_path: Path) -> None:
    other = train_through(new_record(tmp_path / "other", epochs=1, seed=2), development)
    assert other.record.history()[0].train_loss != through("baseline").record.history()[0].train_loss
    assert not same(other, through("baseline"))


def test_a_seed_larger_than_numpys_older_generators_take_trains(development: Development, tmp_path: Path) -> None:
    assert train_through(new_record(tmp_path / "large", epochs=1, seed=2**32), development).trained.complete


def test_every_chosen_image_comes_once_an_epoch_in_an_order_of_seed_and_epoch_alone(
    development: Development, tmp_path: Path
) -> None:
    split = development.train(clahe=True)
    chosen = oversample(split.labels, 1.5, seed=1)
    weights = class_weights(split.labels[chosen], 7, ClassWeights.BALANCED, (0.7, 3.0))

    def epoch_of(seed: int, epoch: int, *before: int) -> tuple[NDArray[np.float32], ...]:
        spec = new_record(tmp_path / str(seed), seed=seed).spec()
        batches = Batches(split.images, split.labels, chosen, weights, spec)
        for earlier in before:
            batches.begin(earlier)
            batches[0]
        batches.begin(epoch)
        return tuple(np.concatenate(column) for column in zip(*(batches[i] for i in range(len(batches))), strict=True))

    images, targets, counted = epoch_of(1, 3)
    labels = targets.argmax(axis=1)
    found = sorted(image.tobytes() for image in images)
    assert found == sorted(image.tobytes() for image in split.images[chosen])
    assert all(
        (split.images[split.labels == label] == image[..., 0]).all(axis=(1, 2)).any()
        for image, label in zip(images, labels, strict=True)
    )
    assert np.array_equal(counted, weights[labels])
    assert all(map(np.array_equal, epoch_of(1, 3, 1, 2), (images, targets, counted)))
    assert not np.array_equal(epoch_of(1, 4)[0], images)
    assert not np.array_equal(epoch_of(2, 3)[0], images)


def test_mixed_batches_are_the_plain_ones_mixed_by_seed_epoch_and_place_however_they_are_asked_for(
    development: Development, tmp_path: Path
) -> None:
    split = development.train(clahe=True)
    counted = np.arange(1, 8, dtype=np.float32)

    def batches(recipe: Recipe, seed: int, epoch: int) -> Batches:
        spec = new_record(tmp_path / f"{recipe.mixup}-{seed}-{epoch}", recipe, seed=seed).spec()
        made = Batches(split.images, split.labels, np.arange(len(split.labels)), counted, spec)
        made.begin(epoch)
        return made

    for seed, epoch in ((1, 1), (1, 2), (2, 1)):
        plain, mixed = (batches(recipe, seed, epoch) for recipe in (TINY, TINY.but(mixup=0.4)))
        for index in (0, *reversed(range(len(mixed)))):  # the first twice, as when Keras looks how batches are shaped
            generator = np.random.default_rng((seed, epoch, MIXUP_STREAM, index))
            expected = mix(plain[index], 0.4, generator)
            assert all(np.array_equal(a, b) for a, b in zip(mixed[index], expected, strict=True))
            assert [part.dtype.name for part in mixed[index]] == ["float32"] * 3
            assert plain[index][0].dtype.name == "uint8"
            weighed = mixed[index][1] @ counted  # a weight hangs on its label, mixed or not
            np.testing.assert_allclose(mixed[index][2], weighed, rtol=1e-6)


# -- rules


class EpochsOf(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """The randomness of each epoch for a plain `fit`; notes the learning rate at each end."""

    def __init__(self, batches: Batches, seed: int) -> None:
        super().__init__()
        self._batches = batches
        self._seed = seed
        self.rates: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        reseed(self.model, self._seed, epoch + 1)
        self._batches.begin(epoch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))


def test_the_rules_are_keras_own(through: Trainings, development: Development) -> None:
    spec = through("rules").record.spec()
    recipe = spec.recipe
    training, validation = development.train(recipe.clahe), development.validation(recipe.clahe)
    chosen = oversample(training.labels, recipe.oversampling, spec.seed)
    weights = class_weights(training.labels[chosen], 7, recipe.class_weights, recipe.class_weight_range)
    batches = Batches(training.images, training.labels, chosen, weights, spec)
    model = build(recipe, spec.seed, to_train=True)
    compile_model(model, recipe, steps_per_epoch=len(batches), horizon=spec.horizon)
    noted = EpochsOf(batches, spec.seed)
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=recipe.stop_patience, min_delta=recipe.stop_min_delta)
    reduce = keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=recipe.plateau_factor, patience=recipe.plateau_patience, min_lr=MIN_LEARNING_RATE
    )
    found = model.fit(
        batches,
        validation_data=(validation.images[..., None], np.eye(7)[validation.labels]),
        validation_batch_size=VALIDATION_BATCH,
        epochs=spec.epochs,
        shuffle=False,
        callbacks=[WithoutStart(len(batches)), stop, reduce, noted],
        verbose=0,
    ).history
    history = through("rules").record.history()
    assert [row.learning_rate for row in history] == noted.rates
    assert [row.val_loss for row in history] == found["val_loss"]
    assert [row.val_accuracy for row in history] == found["val_accuracy"]
    assert [row.train_loss for row in history] == found["loss"]


def test_the_learning_rate_fell_before_the_cut_and_after_it_and_the_rules_ended_it(in_pieces: Trainings) -> None:
    recipe, epochs, (cut,) = REGIMES["rules"]
    rates = [row.learning_rate for row in in_pieces("rules").record.history()]
    assert len(rates) == RULES_STOP < epochs
    assert rates[-1] < rates[cut - 1] <= recipe.learning_rate * recipe.plateau_factor * 1.001


def test_the_cosine_rises_to_its_peak_and_falls_to_zero(through: Trainings) -> None:
    rates = [row.learning_rate for row in through("averaged, cosine").record.history()]
    assert 0.03 < rates[0] < 0.05
    assert rates[-1] == 0


# -- the end


@pytest.mark.parametrize("name", REGIMES)
def test_the_final_model_is_that_of_the_best_epoch(name: str, through: Trainings, development: Development) -> None:
    loss, accuracy = validation_scores(through(name), development)
    assert loss == pytest.approx(best_row(through(name)).val_loss, rel=1e-5)
    assert accuracy == pytest.approx(best_row(through(name)).val_accuracy, abs=1e-6)


def test_the_best_epoch_need_not_be_the_last(through: Trainings) -> None:
    history = through("rules").record.history()
    assert best_row(through("rules")).epoch < len(history)


def test_with_averaging_on_it_is_the_averaged_weights_that_are_validated(
    through: Trainings, development: Development
) -> None:
    training = through("averaged, cosine")
    spec, row = training.record.spec(), best_row(training)
    model = build(spec.recipe, spec.seed, to_train=True)
    compile_model(model, spec.recipe, steps_per_epoch=1, horizon=spec.horizon)
    model.optimizer.build(model.trainable_variables)
    model.load_weights(training.record.checkpoint(row.epoch))
    validation = development.validation(spec.recipe.clahe)
    last_weights, _ = loss_and_accuracy(
        predict(model, validation.images), validation.labels, spec.recipe.label_smoothing
    )
    assert last_weights != pytest.approx(row.val_loss, rel=1e-5)  # to which the averaged weights give it again
    assert not np.array_equal(predict(model, validation.images), training.probabilities)


def test_only_the_last_and_the_best_checkpoint_stay(through: Trainings) -> None:
    record = through("rules").record
    history = record.history()
    kept = {record.checkpoint(len(history)), record.checkpoint(best_epoch(history))}
    assert set(record.path.glob("checkpoint-*")) == kept


# -- a recipe that does not train


def test_a_loss_that_is_not_finite_ends_the_training_and_keeps_the_epochs_before(
    development: Development, tmp_path: Path
) -> None:
    # One step an epoch; the warm-up's first step has a rate of zero, the second blows the weights up.
    exploding = TINY.but(
        optimizer=Optimizer.SGD,
        learning_rate=10.0,
        schedule=Schedule.COSINE,
        warmup_epochs=2.0,
        class_weight_range=(1e30, 1e30),
        batch_size=4096,
    )
    record = new_record(tmp_path / "exploding", exploding)
    with pytest.raises(NotFinite, match=r"loss became \S+ \(validation (nan|inf)\) in epoch 2"):
        train(record, development)
    assert [row.epoch for row in record.history()] == [1]
    assert record.checkpoint(1).exists()


# -- progress


def test_progress_is_told_at_the_beginning_of_an_epoch_and_after_every_batch(through: Trainings) -> None:
    training = through("baseline")
    steps = math.ceil(sum(training.trained.train_counts_after) / TINY.batch_size)
    assert steps > 1
    assert training.told == [Progress(epoch, step, steps) for epoch in (1, 2, 3) for step in range(steps + 1)]


# -- limits


@pytest.fixture(scope="module")
def handful(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int | None], Development]:
    """20 random faces for training, or fewer, and 20 for validation: fewer than a batch."""
    folder = tmp_path_factory.mktemp("handful")
    (folder / "faces.csv").write_bytes(csv_of(some_faces(60)))

    def of(limit: int | None) -> Development:
        source = str(folder / "faces.csv")
        return prepare(source, protocol=Protocol.OFFICIAL, seed=1, limit=limit, cache=folder / "cache")

    return of


@pytest.mark.parametrize(
    ("recipe", "limit"),
    [
        pytest.param(TINY.but(batch_size=64, clahe=False, oversampling=0.0), None, id="a batch larger than the data"),
        pytest.param(TINY.but(batch_size=4), 7, id="one image per class"),
        pytest.param(
            TINY.but(batch_size=1, head_widths=(), head_dropouts=(), class_weights=ClassWeights.NONE),
            None,
            id="batches of one, no head",
        ),
        pytest.param(
            TINY.but(last_width=0, convs_per_block=3, label_smoothing=0.1),
            None,
            id="no last convolution, labels smoothed",
        ),
    ],
)
def test_small_data_and_small_networks_train(
    recipe: Recipe, limit: int | None, handful: Callable[[int | None], Development], tmp_path: Path
) -> None:
    development = handful(limit)
    training = train_through(new_record(tmp_path / "small", recipe, epochs=1), development)
    assert training.trained.complete
    loss, accuracy = validation_scores(training, development)
    assert loss == pytest.approx(best_row(training).val_loss, rel=1e-5)
    assert accuracy == pytest.approx(best_row(training).val_accuracy, abs=1e-6)


def test_the_counts_told_are_those_after_oversampling(through: Trainings, development: Development) -> None:
    counts = through("baseline").trained.train_counts_after
    before = development.info.train_counts
    target = int(1.5 * np.median(before))
    assert counts == tuple(max(count, target) for count in before)


def test_what_the_protocol_has_oversampled_is_not_oversampled_again(tmp_path: Path) -> None:
    source = tmp_path / "faces.csv"
    source.write_bytes(csv_of(some_faces(210)))
    development = prepare(str(source), protocol=Protocol.REFERENCE, seed=1, limit=None, cache=tmp_path / "cache")
    trained = train(new_record(tmp_path / "reference", epochs=1), development)
    assert trained.train_counts_after == development.info.train_counts


# -- starting from a model


@pytest.mark.parametrize("views", [Views.ONE, Views.FLIP])
def test_training_starts_from_the_model_given_and_goes_on_without_it(
    views: Views, through: Trainings, development: Development, tmp_path: Path
) -> None:
    source = through("baseline").trained.model
    # A rate that moves nothing, and one step an epoch, which leaves normalisation's averages almost where they were.
    still = TINY.but(learning_rate=1e-12, batch_size=4096, norm_momentum=0.9999)
    given = tmp_path / "given.keras"
    with_temperature(with_preprocessing(source, TINY.but(views=views)), 1.5).save(given)
    record = new_record(tmp_path / "started", still, epochs=2, seed=2, start_from=sha256_of(given))
    with pytest.raises(BadRecord, match="does not exist, and the training is to start from it"):
        train(record, development)
    (record.path / START_MODEL).write_bytes(b"another model")
    with pytest.raises(BadRecord, match="expected the model that started recorded"):
        train(record, development)
    given.replace(record.path / START_MODEL)
    train(record, development, Stopping(1))
    first = record.history()[0]
    (record.path / START_MODEL).write_bytes(b"not read again")
    training = train_through(Record(record.path), development)
    assert len(training.record.history()) == 2
    for mine, theirs in zip(training.trained.model.trainable_variables, source.trainable_variables, strict=True):
        assert np.allclose(mine, theirs, rtol=0, atol=1e-9)
    loss, _ = validation_scores(through("baseline"), development)
    assert first.val_loss == pytest.approx(loss, abs=0.005)
