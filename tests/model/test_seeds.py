"""Seeds: a model's weights follow from the trial's seed, an epoch's randomness from that and the epoch's number."""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.model import build, compile_model, reseed
from fer_exp.model.seeds import derived_seed, random_states
from fer_exp.recipe import Augmentation, Recipe

EVERYTHING = Augmentation(flip=True, shift=4, rotation=10, zoom=0.1, contrast=0.2, erasing=0.5)
SMALL = Recipe(widths=(4,), convs_per_block=1, last_width=0, head_widths=(8,), head_dropouts=(0.3,), batch_size=16)


def faces(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def one_hot(count: int) -> NDArray[np.float32]:
    return np.eye(7, dtype=np.float32)[np.arange(count) % 7]


def weights(model: keras.Model) -> dict[str, NDArray[np.float32]]:
    return {variable.path: np.asarray(variable) for variable in model.weights}


def test_initial_weights_follow_from_the_seed_alone() -> None:
    first, again, other = (weights(build(SMALL, seed)) for seed in (5, 5, 6))
    for path, values in first.items():
        np.testing.assert_array_equal(values, again[path])
        if path.endswith("kernel"):
            assert not np.isclose(values, other[path]).any()


def test_a_layer_begins_alike_whatever_stands_around_it() -> None:
    plain = weights(build(SMALL, seed=5))
    changed = weights(build(SMALL.but(augmentation=EVERYTHING, last_width=4, pooled_dropout=0), seed=5))
    np.testing.assert_array_equal(plain["block1_conv1/kernel"], changed["block1_conv1/kernel"])
    np.testing.assert_array_equal(plain["output/kernel"], changed["output/kernel"])


def test_derived_seeds_differ_for_every_part_and_order() -> None:
    asked = [(1,), (2,), (1, 2), (2, 1), (1, 2, 0), (1, "a"), (1, "b"), ("a", 1)]
    assert len({derived_seed(*parts) for parts in asked}) == len(asked)
    assert all(0 <= derived_seed(seed, 1, 2) < 2**31 for seed in range(100))


def test_every_dropout_and_augmentation_layer_has_a_random_state_of_its_own() -> None:
    model = build(SMALL.but(augmentation=EVERYTHING), seed=1)
    reseed(model, seed=1, epoch=1)
    states = {tuple(np.asarray(state).tolist()) for state in random_states(model)}
    assert len(states) == len(random_states(model)) == 6 + 3


def test_reseeding_makes_the_output_in_training_repeat() -> None:
    model = build(SMALL.but(augmentation=EVERYTHING), seed=1)
    images = faces(8)[..., None]

    def output(seed: int, epoch: int) -> NDArray[np.float32]:
        reseed(model, seed, epoch)
        return np.asarray(model(images, training=True))

    first = output(1, 1)
    unseeded = np.asarray(model(images, training=True))
    assert not np.array_equal(first, unseeded)
    assert not np.array_equal(first, output(1, 2))
    assert not np.array_equal(first, output(2, 1))
    np.testing.assert_array_equal(first, output(1, 1))


class Reseeding(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Reseeds at the start of every epoch, as training does; Keras counts epochs from 0."""

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        reseed(self.model, 7, epoch)


def train(model: keras.Model, first: int, last: int) -> dict[str, NDArray[np.float32]]:
    options = {"batch_size": 16, "shuffle": False, "verbose": 0, "callbacks": [Reseeding()]}
    model.fit(faces(48)[..., None], one_hot(48), initial_epoch=first, epochs=last, **options)
    return weights(model)


def compiled(recipe: Recipe) -> keras.Model:
    model = build(recipe, seed=1)
    compile_model(model, recipe, steps_per_epoch=3, horizon=4)
    return model


def differing(some: dict[str, NDArray[np.float32]], others: dict[str, NDArray[np.float32]]) -> list[str]:
    return [path for path, values in some.items() if not np.array_equal(values, others[path])]


def test_an_epoch_depends_on_its_number_and_not_on_the_epochs_before_it(tmp_path: Path) -> None:
    recipe = SMALL.but(augmentation=EVERYTHING)
    uninterrupted = compiled(recipe)
    train(uninterrupted, 0, 1)
    uninterrupted.save_weights(tmp_path / "one.weights.h5")
    expected = train(uninterrupted, 1, 2)

    resumed = compiled(recipe)
    resumed.optimizer.build(resumed.trainable_variables)
    resumed.load_weights(tmp_path / "one.weights.h5")
    assert differing(train(resumed, 1, 2), expected) == []

    resumed.load_weights(
        tmp_path / "one.weights.h5"
    )  # the compiled step reads the new state: another epoch, other weights
    assert differing(train(resumed, 2, 3), expected) != []
