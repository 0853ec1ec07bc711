"""Batch normalisation as one operation: Keras's numbers, Keras's weights, and nothing of it in a kept model."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fer_exp.model import build, load_model, predict, with_preprocessing
from fer_exp.model.normalization import BatchNormalization, WithoutStart, forget_start, trained_as
from fer_exp.recipe import Order, Precision, Recipe
from tests.tiny_models import SMALL, faces, opencv

MOMENTUM, CHANNELS = 0.7, 5
BFLOAT16 = 2**-8  # half of a step between two numbers, as a share of them


def pair(dtype: str, rank: int = 4) -> tuple[layers.BatchNormalization, layers.BatchNormalization]:
    """Ours and Keras's with the same weights, none of them where Keras begins."""
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=CHANNELS) for _ in range(3)] + [rng.uniform(0.5, 2, CHANNELS)]
    made = []
    for kind in (BatchNormalization, layers.BatchNormalization):
        layer = kind(momentum=MOMENTUM, dtype=dtype)
        layer.build((*[None] * (rank - 1), CHANNELS))
        layer.set_weights(weights)
        made.append(layer)
    return made[0], made[1]


@pytest.mark.parametrize("shape", [(6, 4, 3, CHANNELS), (2, 1, 1, CHANNELS), (3, 44, 44, CHANNELS)])
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 2e-5), ("mixed_bfloat16", 4 * BFLOAT16)])
def test_a_training_step_gives_the_features_gradients_and_averages_of_kerass_layer(
    dtype: str, bound: float, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(2)
    features = tf.Variable(rng.normal(3, 2, shape).astype(np.float32))
    direction = tf.constant(rng.normal(size=shape).astype(np.float32))
    found = []
    for layer in pair(dtype):
        with tf.GradientTape() as tape:
            normalised = layer(features, training=True)
            total = tf.reduce_sum(tf.cast(normalised, "float32") * direction)
        gradients = tape.gradient(total, [features, layer.gamma.value, layer.beta.value])
        assert normalised.dtype == layer.compute_dtype
        averages = layer.moving_mean, layer.moving_variance
        found.append([np.asarray(tf.cast(one, "float32")) for one in (normalised, *gradients, *averages)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound * max(1.0, float(np.abs(theirs).max())))


def test_a_single_value_has_no_variance_as_in_keras() -> None:
    ours, theirs = pair("float32")
    for layer in (ours, theirs):
        layer(np.full((1, 1, 1, CHANNELS), 3.0, np.float32), training=True)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-6)


@pytest.mark.parametrize("frozen", [False, True])
def test_outside_training_and_where_it_is_frozen_the_averages_count_and_stay(frozen: bool) -> None:
    features = np.random.default_rng(3).normal(3, 2, (6, 4, 4, CHANNELS)).astype(np.float32)
    ours, theirs = pair("float32")
    ours.trainable = theirs.trainable = not frozen
    before = np.asarray(ours.moving_mean)
    np.testing.assert_allclose(ours(features, training=frozen), theirs(features, training=frozen), atol=2e-5)
    np.testing.assert_array_equal(ours.moving_mean, before)


def test_a_vector_and_half_precision_are_computed_by_kerass_layer() -> None:
    rng = np.random.default_rng(4)
    for dtype, shape in (
        ("float32", (8, CHANNELS)),
        ("float64", (8, 2, 2, CHANNELS)),
        ("float16", (8, 2, 2, CHANNELS)),
    ):
        ours, theirs = pair(dtype, len(shape))
        features = rng.normal(size=shape).astype(dtype)
        np.testing.assert_array_equal(ours(features, training=True), theirs(features, training=True))


@pytest.mark.parametrize("recipe", [SMALL, SMALL.but(order=Order.NORM_FIRST), SMALL.but(mirror=True)])
@pytest.mark.parametrize("precision", list(Precision))
def test_checkpoints_of_either_layer_are_read_by_the_other(
    tmp_path: Path, recipe: Recipe, precision: Precision
) -> None:
    recipe = recipe.but(precision=precision)
    plain, training = build(recipe, 1), build(recipe, 2, to_train=True)
    training.save_weights(tmp_path / "of-training.weights.h5")
    plain.load_weights(tmp_path / "of-training.weights.h5")
    for ours, theirs in zip(training.weights, plain.weights, strict=True):
        assert ours.path == theirs.path
        np.testing.assert_array_equal(ours, theirs)
    build(recipe, 3).save_weights(tmp_path / "of-keras.weights.h5")
    training.load_weights(tmp_path / "of-keras.weights.h5")


def test_a_network_that_was_built_to_train_is_kept_with_kerass_layers_and_the_same_answers(tmp_path: Path) -> None:
    model = build(SMALL, 1, to_train=True)
    assert any(type(layer) is BatchNormalization for layer in model.layers)
    model(opencv(faces(8))[..., None], training=True)  # moves the averages
    with_preprocessing(model, SMALL).save(tmp_path / "model.keras")
    kept = load_model(tmp_path / "model.keras")
    kinds = {type(layer) for layer in kept.layers if isinstance(layer, layers.BatchNormalization)}
    assert kinds == {layers.BatchNormalization}
    np.testing.assert_allclose(predict(model, opencv(faces(20))), predict(kept, faces(20)), atol=1e-6)


def test_kerass_layer_stays_where_no_training_is_meant_and_on_other_backends() -> None:
    assert all(type(layer) is not BatchNormalization for layer in build(SMALL, 1).layers)
    assert trained_as("tensorflow") is BatchNormalization
    assert trained_as("jax") is trained_as("torch") is keras.layers.BatchNormalization


# -- averages without their start


@pytest.mark.parametrize("steps", [1, 5, 40])
def test_without_their_start_the_averages_are_those_of_the_steps_alone(steps: int) -> None:
    model = keras.Sequential([keras.Input((2, 2, 3)), layers.Dense(3), layers.BatchNormalization(momentum=0.95)])
    norm = model.layers[-1]
    rng = np.random.default_rng(6)
    means, variances = rng.normal(size=(steps, 3)), rng.uniform(1e-3, 5e-3, (steps, 3))
    for mean, variance in zip(means, variances, strict=True):
        for average, value in ((norm.moving_mean, mean), (norm.moving_variance, variance)):
            average.assign(0.95 * average + 0.05 * value.astype(np.float32))
    forget_start(model, steps)
    shares = 0.95 ** np.arange(steps)[::-1]
    np.testing.assert_allclose(norm.moving_mean, np.average(means, 0, shares), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, np.average(variances, 0, shares), rtol=2e-2)


def test_it_happens_once_and_before_the_first_validation() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.BatchNormalization(momentum=0.9), layers.Dense(1)])
    model.compile("sgd", "mse")
    faces = np.full((8, 3), 7.0, np.float32)
    seen: list[list[float]] = []
    noted = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(model.layers[0].get_weights()[2].tolist())
    )
    model.fit(
        faces,
        np.ones(8),
        batch_size=4,
        epochs=2,
        validation_data=(faces, np.ones(8)),
        verbose=0,
        callbacks=[WithoutStart(2), noted],
    )
    assert seen == [pytest.approx([7.0] * 3, rel=1e-5)] * 2  # of a constant, not 1.33 after two steps at 0.9
