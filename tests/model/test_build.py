"""The model: a recipe becomes the network that it describes, learns as it says, and is kept whole in one file."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.model import build, compile_model, predict
from fer_exp.model.seeds import random_states
from fer_exp.recipe import Augmentation, Loss, Optimizer, Order, Recipe, Schedule, baseline_recipe
from fer_exp.system.errors import BadInput

EVERYTHING = Augmentation(flip=True, shift=4, rotation=10, zoom=0.1, contrast=0.2, erasing=0.5)
SMALL = Recipe(widths=(4,), convs_per_block=1, last_width=0, head_widths=(8,), head_dropouts=(0.3,), batch_size=16)

# The reference network, written down from its notebook: name, kind, parameters.
REFERENCE = [
    ("block1_conv1", "Conv2D", 1 * 9 * 32 + 32),
    ("block1_bn1", "BatchNormalization", 4 * 32),
    ("block1_conv2", "Conv2D", 32 * 9 * 32 + 32),
    ("block1_bn2", "BatchNormalization", 4 * 32),
    ("block1_pool", "MaxPooling2D", 0),
    ("block1_dropout", "Dropout", 0),
    ("block2_conv1", "Conv2D", 32 * 9 * 64 + 64),
    ("block2_bn1", "BatchNormalization", 4 * 64),
    ("block2_conv2", "Conv2D", 64 * 9 * 64 + 64),
    ("block2_bn2", "BatchNormalization", 4 * 64),
    ("block2_pool", "MaxPooling2D", 0),
    ("block2_dropout", "Dropout", 0),
    ("block3_conv1", "Conv2D", 64 * 9 * 128 + 128),
    ("block3_bn1", "BatchNormalization", 4 * 128),
    ("block3_conv2", "Conv2D", 128 * 9 * 128 + 128),
    ("block3_bn2", "BatchNormalization", 4 * 128),
    ("block3_pool", "MaxPooling2D", 0),
    ("block3_dropout", "Dropout", 0),
    ("top_conv", "Conv2D", 128 * 9 * 256 + 256),
    ("top_bn", "BatchNormalization", 4 * 256),
    ("pooled", "GlobalAveragePooling2D", 0),
    ("pooled_dropout", "Dropout", 0),
    ("dense1", "Dense", 256 * 128 + 128),
    ("dense1_bn", "BatchNormalization", 4 * 128),
    ("dense1_dropout", "Dropout", 0),
    ("dense2", "Dense", 128 * 64 + 64),
    ("dense2_bn", "BatchNormalization", 4 * 64),
    ("dense2_dropout", "Dropout", 0),
    ("output", "Dense", 64 * 7 + 7),
]
REFERENCE_DROPOUTS = [0.25, 0.25, 0.25, 0.5, 0.3, 0.2]


def faces(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def one_hot(count: int) -> NDArray[np.float32]:
    return np.eye(7, dtype=np.float32)[np.arange(count) % 7]


def names(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers]


def weights(model: keras.Model) -> dict[str, NDArray[np.float32]]:
    return {variable.path: np.asarray(variable) for variable in model.weights}


# -- the network


def test_the_baseline_is_the_reference_network_layer_by_layer() -> None:
    model = build(baseline_recipe(), seed=1)
    layers = model.layers[2:]
    assert names(model)[:2] == ["faces", "rescale"]
    assert [(one.name, type(one).__name__, one.count_params()) for one in layers] == REFERENCE
    assert model.count_params() == sum(count for *_, count in REFERENCE) == 626_791
    assert [one.rate for one in layers if isinstance(one, keras.layers.Dropout)] == REFERENCE_DROPOUTS
    convolutions = [one for one in layers if isinstance(one, keras.layers.Conv2D)]
    assert {(one.kernel_size, one.padding, one.activation.__name__) for one in convolutions} == {
        ((3, 3), "same", "relu")
    }
    assert [one.activation.__name__ for one in layers if isinstance(one, keras.layers.Dense)] == [
        "relu",
        "relu",
        "softmax",
    ]


def test_normalisation_first_is_the_vgg8_of_the_literature_with_1_176_359_parameters() -> None:
    recipe = Recipe(widths=(32, 64, 128, 256), last_width=0, head_widths=(), head_dropouts=(), order=Order.NORM_FIRST)
    model = build(recipe, seed=1)
    assert model.count_params() == 1_176_359
    assert names(model)[2:6] == ["block1_conv1", "block1_bn1", "block1_relu1", "block1_conv2"]
    assert not model.get_layer("block1_conv1").use_bias
    assert model.get_layer("block1_conv1").activation.__name__ == "linear"


def test_five_blocks_fit_into_a_face() -> None:
    model = build(SMALL.but(widths=(2, 2, 2, 2, 2)), seed=1)
    assert model.get_layer("block5_pool").output.shape == (None, 1, 1, 2)


def test_dropout_at_rate_zero_and_augmentation_that_is_off_are_left_out() -> None:
    bare = SMALL.but(block_dropout=0, pooled_dropout=0, head_dropouts=(0,))
    assert random_states(build(bare, seed=1)) == []
    assert names(build(bare, seed=1))[1:3] == ["rescale", "block1_conv1"]
    augmented = names(build(bare.but(augmentation=EVERYTHING), seed=1))
    assert augmented[2:9] == [
        "augment_shift",
        "augment_rotation",
        "augment_zoom",
        "augment_flip",
        "augment_contrast",
        "augment_erasing",
        "block1_conv1",
    ]


def test_grey_levels_may_come_as_bytes_or_as_floats() -> None:
    model = build(SMALL, seed=1)
    images = faces(9)[..., None]
    as_bytes = model.predict(images, verbose=0)
    np.testing.assert_array_equal(as_bytes, model.predict(images.astype(np.float32), verbose=0))
    np.testing.assert_allclose(as_bytes.sum(axis=1), 1, atol=1e-6)
    assert not np.allclose(as_bytes, model.predict(images // 2, verbose=0))


# -- the crop


@pytest.mark.parametrize("crop", [44, 43])
def test_the_network_sees_the_centre_of_the_face(crop: int) -> None:
    model = build(SMALL.but(crop=crop), seed=1)
    first = (48 - crop) // 2
    images = faces(5)[..., None].astype(np.float32)
    cut = images[:, first : first + crop, first : first + crop]
    np.testing.assert_array_equal(model.get_layer("crop")(images), cut)
    # Whatever stands around it, the answer is the same.
    framed = np.full_like(images, 255)
    framed[:, first : first + crop, first : first + crop] = cut
    np.testing.assert_array_equal(model.predict(framed, verbose=0), model.predict(images, verbose=0))
    whole = build(SMALL, seed=1)
    assert not np.array_equal(whole.predict(framed, verbose=0), whole.predict(images, verbose=0))


def test_the_crop_stands_behind_all_augmentation_and_changes_neither_input_nor_weights() -> None:
    model = build(SMALL.but(crop=44, augmentation=EVERYTHING), seed=1)
    assert names(model)[:2] == ["faces", "rescale"]
    assert names(model)[7:10] == ["augment_erasing", "crop", "block1_conv1"]
    assert model.input_shape == (None, 48, 48, 1)
    whole = build(SMALL, seed=1)
    assert "crop" not in names(whole)
    assert differing(weights(model), weights(whole)) == []


# -- learning


def compiled(recipe: Recipe) -> keras.Model:
    model = build(recipe, seed=1)
    compile_model(model, recipe, steps_per_epoch=3, horizon=4)
    return model


def differing(some: dict[str, NDArray[np.float32]], others: dict[str, NDArray[np.float32]]) -> list[str]:
    return [path for path, values in some.items() if not np.array_equal(values, others[path])]


def test_the_loss_is_the_reference_s_when_labels_are_not_smoothed() -> None:
    model = compiled(SMALL)
    images, labels = faces(32)[..., None], one_hot(32)
    loss = model.evaluate(images, labels, verbose=0)[0]
    sparse = keras.losses.SparseCategoricalCrossentropy()(labels.argmax(axis=1), model.predict(images, verbose=0))
    assert loss == pytest.approx(float(sparse), rel=1e-6)
    smoothed = compiled(SMALL.but(label_smoothing=0.1)).evaluate(images, labels, verbose=0)[0]
    chances = model.predict(images, verbose=0)
    target = labels * 0.9 + 0.1 / 7
    assert smoothed == pytest.approx(float(-(target * np.log(chances)).sum(axis=1).mean()), rel=1e-5)


def test_the_focal_loss_at_gamma_zero_is_cross_entropy_smoothed_or_not() -> None:
    images, labels, counted = faces(32)[..., None], one_hot(32), np.linspace(0.5, 2, 32, dtype=np.float32)
    for smoothing in (0.0, 0.1):
        recipe = SMALL.but(label_smoothing=smoothing)
        losses = [
            compiled(one).evaluate(images, labels, sample_weight=counted, verbose=0)[0]
            for one in (recipe, recipe.but(loss=Loss.FOCAL, focal_gamma=0.0))
        ]
        assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_the_focal_loss_is_that_of_its_paper() -> None:
    model = compiled(SMALL.but(loss=Loss.FOCAL, focal_gamma=2.0))
    images, labels = faces(32)[..., None], one_hot(32)
    right = (model.predict(images, verbose=0) * labels).sum(axis=1)  # the probability given to the true class
    expected = (-((1 - right) ** 2) * np.log(right)).mean()
    assert model.evaluate(images, labels, verbose=0)[0] == pytest.approx(float(expected), rel=1e-5)


def test_accuracy_is_the_share_of_right_answers_under_that_name() -> None:
    model = compiled(SMALL)
    images, labels = faces(32)[..., None], one_hot(32)
    right = predict(model, faces(32)).argmax(axis=1) == labels.argmax(axis=1)
    assert model.evaluate(images, labels, return_dict=True, verbose=0)["accuracy"] == pytest.approx(right.mean())


def test_the_baseline_learns_with_adam_at_one_thousandth() -> None:
    optimizer = compiled(baseline_recipe()).optimizer
    assert type(optimizer) is keras.optimizers.Adam
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.weight_decay, optimizer.use_ema) == (0.9, 0.999, None, False)
    assert float(optimizer.learning_rate) == pytest.approx(1e-3)


def test_sgd_has_nesterov_momentum_and_the_average_of_weights_its_decay() -> None:
    optimizer = compiled(SMALL.but(optimizer=Optimizer.SGD, momentum=0.8, ema=0.99)).optimizer
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.nesterov) == (0.8, True)
    decay = optimizer.get_config()["ema_momentum"]  # how it is reached: tests/model/test_averaging.py
    assert (optimizer.use_ema, decay, optimizer.ema_overwrite_frequency) == (True, 0.99, None)
    assert not compiled(SMALL.but(optimizer=Optimizer.SGD, momentum=0)).optimizer.nesterov


def step_without_gradient(model: keras.Model) -> None:
    zeros = [keras.ops.zeros_like(variable) for variable in model.trainable_variables]
    model.optimizer.apply(zeros, model.trainable_variables)


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_weight_decay_shrinks_kernels_and_nothing_else(optimizer: Optimizer) -> None:
    rates = {"learning_rate": 0.1, "weight_decay": 0.5}
    model = compiled(SMALL.but(optimizer=optimizer, **rates))
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    step_without_gradient(model)
    values = {variable.path: np.asarray(variable) for variable in model.trainable_variables}
    assert {path.split("/")[-1] for path in values} == {"kernel", "bias", "gamma", "beta"}
    for path, value in values.items():
        np.testing.assert_allclose(value, 1 - 0.1 * 0.5 if path.endswith("kernel") else 1, rtol=1e-6)


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_without_weight_decay_nothing_shrinks(optimizer: Optimizer) -> None:
    model = compiled(SMALL.but(optimizer=optimizer, learning_rate=0.1))
    before = weights(model)
    step_without_gradient(model)
    assert differing(weights(model), before) == []


def test_cosine_warms_up_to_the_rate_and_ends_at_zero_at_the_horizon() -> None:
    recipe = SMALL.but(schedule=Schedule.COSINE, warmup_epochs=2, learning_rate=0.4)
    model = build(recipe, seed=1)
    compile_model(model, recipe, steps_per_epoch=10, horizon=12)

    def rate(step: int) -> float:
        model.optimizer.iterations.assign(step)
        return float(model.optimizer.learning_rate)

    assert [rate(step) for step in (0, 10, 20)] == pytest.approx([0, 0.2, 0.4])
    assert rate(70) == pytest.approx(0.2)  # half-way between warm-up and end
    assert rate(120) == pytest.approx(0, abs=1e-7)
    without = SMALL.but(schedule=Schedule.COSINE, learning_rate=0.4)
    compile_model(model, without, steps_per_epoch=10, horizon=12)
    assert [rate(step) for step in (0, 60, 120)] == pytest.approx([0.4, 0.2, 0], abs=1e-7)


@pytest.mark.parametrize("schedule", [Schedule.PLATEAU, Schedule.CONSTANT])
def test_other_schedules_leave_a_rate_that_training_can_set(schedule: Schedule) -> None:
    optimizer = compiled(SMALL.but(schedule=schedule, learning_rate=0.02)).optimizer
    optimizer.learning_rate = float(optimizer.learning_rate) * 0.5
    assert float(optimizer.learning_rate) == pytest.approx(0.01)


def test_a_warm_up_as_long_as_the_training_is_refused() -> None:
    with pytest.raises(BadInput, match=r"warmup_epochs: expected fewer than the 3 epochs .* received 3\.0"):
        compile_model(
            build(SMALL, 1), SMALL.but(schedule=Schedule.COSINE, warmup_epochs=3), steps_per_epoch=9, horizon=3
        )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow on a CPU")
def test_xla_is_off_on_a_cpu() -> None:
    if keras.distribution.list_devices("gpu"):
        pytest.skip("this machine has a GPU")
    assert compiled(SMALL).jit_compile is False
