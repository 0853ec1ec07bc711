"""Precision: what is multiplied in bfloat16, what never is, and that a kept model has nothing of it."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from fer_exp.model import build, load_model, predict, with_preprocessing
from fer_exp.recipe import Precision
from tests.tiny_models import EVERYTHING, SMALL, faces, opencv, trained


@pytest.fixture
def bfloat16() -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.usefixtures("bfloat16")
def test_probabilities_and_augmentation_are_float32_under_mixed_precision() -> None:
    model = build(SMALL.but(augmentation=EVERYTHING), seed=1)
    assert model.get_layer("block1_conv1").compute_dtype == "bfloat16"
    assert model.get_layer("output").compute_dtype == "float32"
    assert {one.compute_dtype for one in model.layers if one.name.startswith("augment_")} == {"float32"}
    assert model(faces(2)[..., None], training=True).dtype == "float32"


def test_a_recipe_asks_for_bfloat16_by_itself_and_leaves_kerass_policy_alone() -> None:
    model = build(SMALL.but(precision=Precision.BFLOAT16), seed=1)
    assert model.get_layer("block1_conv1").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert build(SMALL, seed=1).get_layer("block1_conv1").compute_dtype == "float32"


def test_a_network_trained_in_bfloat16_is_kept_in_float32_with_the_same_weights(tmp_path: Path) -> None:
    recipe = SMALL.but(precision=Precision.BFLOAT16, augmentation=EVERYTHING)
    model = trained(recipe)
    assert model.get_layer("block1_conv1").compute_dtype == "bfloat16"
    with_preprocessing(model, recipe).save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    kernel = np.asarray(loaded.get_layer("block1_conv1").kernel)
    np.testing.assert_array_equal(kernel, np.asarray(model.get_layer("block1_conv1").kernel))
    said, exact = predict(model, opencv(faces(20))), predict(loaded, faces(20))
    assert 0 < np.abs(said - exact).max() < 0.02  # eight bits of a product, or nothing was rounded at all
