"""A mirrored network gives a face and its mirror image the same answer, whatever its weights; half of them are free."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.export.formats import Format
from fer_exp.export.run import Order as ExportOrder
from fer_exp.export.run import export_model
from fer_exp.model import MirrorConv2D, build, compile_model, load_model, predict, take_weights, with_preprocessing
from fer_exp.recipe import Augmentation, Order, Precision, Recipe, Views
from fer_exp.system.home import Home
from fer_exp.system.values import first_line

ROOT = Path(__file__).resolve().parents[2]
ALIKE = 1e-5  # of a probability
PLAIN = Recipe(widths=(8, 12), last_width=16, head_widths=(8,), head_dropouts=(0.3,), norm_momentum=0.0, clahe=False)
MIRROR = PLAIN.but(mirror=True)

Images = NDArray[np.uint8]


def faces(form: Form = FER2013_FORM, count: int = 6) -> Images:
    """Squares of eight pixels at random grey levels: noise of single pixels would be pooled to one answer for all."""
    shape = (count, form.side // 8, form.side // 8, *([3] if form.channels == 3 else []))
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)


def shaken(model: keras.Model) -> keras.Model:
    """Any weights, and averages of normalisation that fit them: then answers differ from face to face."""
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        scale = np.sqrt(2 / np.prod(variable.shape[:-1])) if variable.name == "kernel" else 0.3
        variable.assign(random.normal(variable.name == "gamma", scale, variable.shape))
    _, side, _, channels = model.input_shape
    model(faces(Form(side, channels), 32).reshape(-1, side, side, channels), training=True)  # at a momentum of 0
    return model


def apart(model: keras.Model, images: Images) -> float:
    """The largest difference of a probability between a face and its mirror image."""
    return float(np.abs(predict(model, images) - predict(model, images[:, :, ::-1])).max())


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize(
    ("changes", "form"),
    [
        ({}, FER2013_FORM),
        ({"crop": 44, "widths": (8, 12, 16, 20), "last_width": 0}, FER2013_FORM),  # 22, 11, 5 and 2 pixels a side
        ({"widths": (4, 4, 4, 4, 4), "head_widths": (), "head_dropouts": ()}, FER2013_FORM),  # 24, 12, 6, 3 and 1
        ({"crop": 42, "convs_per_block": 1}, Form(64, 3, 8)),
    ],
)
def test_a_face_and_its_mirror_image_get_the_same_answer(changes: dict[str, object], form: Form, order: Order) -> None:
    images = faces(form)
    mirrored = shaken(build(MIRROR.but(order=order, **changes), 1, form))
    assert apart(mirrored, images) < ALIKE
    assert np.ptp(predict(mirrored, images), axis=0).max() > 0.01  # it tells faces apart
    assert apart(shaken(build(PLAIN.but(order=order, **changes), 1, form)), images) > 100 * ALIKE


def test_they_do_in_training_too_where_normalisation_follows_the_batch() -> None:
    model = shaken(build(MIRROR.but(head_dropouts=(0.0,), block_dropout=0.0, pooled_dropout=0.0), 1))
    straight, turned = (np.asarray(model(x[..., None], training=True)) for x in (faces(), faces()[:, :, ::-1]))
    np.testing.assert_allclose(turned, straight, rtol=0, atol=1e-4)


def test_convolutions_have_half_the_free_weights_and_outputs_of_the_same_shapes() -> None:
    plain, mirrored = build(PLAIN, 1), build(MIRROR, 1)
    for layer in mirrored.layers:
        if isinstance(layer, MirrorConv2D):
            other = plain.get_layer(layer.name)
            assert 2 * layer.count_params() == other.count_params()
            assert layer.output.shape == other.output.shape
    assert mirrored.count_params() < plain.count_params()


def test_a_filter_with_its_mirror_images_beside_it_is_kerass_convolution() -> None:
    layer = MirrorConv2D(4, paired=True)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 6)).astype(np.float32)
    found = np.asarray(layer(x))
    free = np.asarray(layer.kernel)
    swapped = np.concatenate([free[:, :, 3:], free[:, :, :3]], axis=2)
    kernel = np.concatenate([free, swapped[:, ::-1]], axis=3)
    expected = keras.ops.conv(x, kernel, padding="same", data_format="channels_last")
    np.testing.assert_allclose(found, np.asarray(expected), atol=1e-5)


def test_it_learns_and_does_not_lose_the_symmetry() -> None:
    recipe = MIRROR.but(augmentation=Augmentation(shift=2.0), weight_decay=0.01, optimizer="adamw", batch_size=16)
    model = build(recipe, 1)
    compile_model(model, recipe, steps_per_epoch=3, horizon=4)
    labels = np.eye(7, dtype=np.float32)[np.arange(48) % 7]
    before = model.get_weights()
    model.fit(faces(count=48)[..., None], labels, batch_size=16, epochs=4, verbose=0)
    assert all(np.abs(now - was).max() > 0 for now, was in zip(model.get_weights(), before, strict=True))
    assert apart(model, faces()) < ALIKE


@pytest.mark.parametrize("precision", Precision)
def test_the_kept_model_comes_back_from_its_file_with_the_same_bits(precision: Precision, tmp_path: Path) -> None:
    recipe = MIRROR.but(precision=precision, crop=44, views=Views.TEN_CROP)
    kept = with_preprocessing(shaken(build(recipe, 1)), recipe)
    kept.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, faces()), predict(kept, faces()))
    assert apart(loaded, faces()) < ALIKE
    fresh = build(recipe.but(precision=Precision.FLOAT32), 2)
    take_weights(fresh, load_model(tmp_path / "model.keras"))  # as a promoted trial begins
    for name in ("block1_conv1", "block1_bn1", "top_conv"):
        for ours, theirs in zip(
            fresh.get_layer(name).weights, shaken(build(recipe, 1)).get_layer(name).weights, strict=True
        ):
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_the_promise_is_the_networks_and_opencvs_equalisation_has_no_part_in_it() -> None:
    model = shaken(build(MIRROR, 1))
    assert apart(with_preprocessing(model, MIRROR), faces()) < ALIKE
    assert apart(with_preprocessing(model, MIRROR.but(clahe=True)), faces()) > 10 * ALIKE  # as docs/recipes.md says


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), [(Format.ONNX, "model.onnx"), (Format.LITERT, "model.tflite")])
def test_an_export_answers_as_keras(kind: Format, name: str, tmp_path: Path) -> None:
    pytest.importorskip({Format.ONNX: "tf2onnx", Format.LITERT: "ai_edge_litert"}[kind])
    recipe = MIRROR.but(crop=44, clahe=True)
    kept = with_preprocessing(shaken(build(recipe, 1)), recipe)
    kept.save(tmp_path / "model.keras")
    order = ExportOrder(kind, tmp_path / name, classes=",".join("abcdefg"))
    done = export_model(Home(tmp_path), order, model=str(tmp_path / "model.keras"))
    assert done.parity.changed == 0
    assert done.parity.largest < 1e-4


@pytest.mark.parametrize(
    "changes", [{"widths": (8, 11)}, {"last_width": 15}, {"crop": 43}], ids=lambda changes: next(iter(changes))
)
def test_what_cannot_come_in_pairs_is_refused_by_name(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        MIRROR.but(**changes)
    said = first_line(caught.value)
    assert "mirror: expected an even number for crop, last_width and each of widths" in said
    assert PLAIN.but(**changes).but() == PLAIN.but(**changes)


ON_JAX = """
import sys, keras, numpy as np
from pathlib import Path
from fer_exp.model import build, compile_model, load_model, predict
from fer_exp.recipe import Recipe
faces = np.load(sys.argv[2], allow_pickle=False)
np.save(sys.argv[3], predict(load_model(Path(sys.argv[1])), faces))
recipe = Recipe(widths=(8,), convs_per_block=2, last_width=8, head_widths=(), head_dropouts=(), mirror=True)
model = build(recipe, 1)
compile_model(model, recipe, steps_per_epoch=2, horizon=2)
model.fit(faces[..., None], np.eye(7, dtype=np.float32)[np.arange(32) % 7], batch_size=16, epochs=2, verbose=0)
print(keras.backend.backend(), np.abs(predict(model, faces) - predict(model, faces[:, :, ::-1])).max())
"""


@pytest.mark.slow
def test_jax_answers_alike_and_trains_one(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    kept = with_preprocessing(shaken(build(MIRROR, 1)), MIRROR)
    kept.save(tmp_path / "model.keras")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    np.save(tmp_path / "faces.npy", faces(count=32))
    command = [
        sys.executable,
        "-c",
        ON_JAX,
        *(str(tmp_path / name) for name in ("model.keras", "faces.npy", "said.npy")),
    ]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    backend, difference = done.stdout.split()[-2:]
    assert backend == "jax"
    assert float(difference) < ALIKE
    expected = predict(kept, faces(count=32))
    np.testing.assert_allclose(np.load(tmp_path / "said.npy", allow_pickle=False), expected, rtol=0, atol=1e-4)
