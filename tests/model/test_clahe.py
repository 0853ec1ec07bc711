"""The layer `Clahe` is OpenCV's CLAHE, to the grey level."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fer_exp.data.clahe import equalise
from fer_exp.model import Clahe

Images = NDArray[np.uint8]


def opencv(images: Images) -> Images:
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    return np.stack([clahe.apply(image) for image in images])


def layer(images: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.asarray(Clahe()(images[..., None]))[..., 0]


def decoded(jpeg: bytes) -> Images:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return image.astype(np.uint8)


def random_images(count: int, low: int = 0, high: int = 256) -> Images:
    return np.random.default_rng(count + low).integers(low, high, (count, 48, 48)).astype(np.uint8)


def gradients() -> Images:
    rows, columns = np.mgrid[0:48, 0:48]
    ramps = [rows * 5, columns * 5, (rows + columns) * 2, 255 - rows * 5, (rows * columns) % 256, rows // 6 * 36]
    return np.stack(ramps).astype(np.uint8)


def extremes() -> Images:
    rows, columns = np.mgrid[0:48, 0:48]
    board = (rows + columns) % 2 * 255
    halves = (columns >= 24) * 255
    one_bright = np.zeros((48, 48))
    one_bright[17, 30] = 255
    return np.stack([board, halves, 255 - halves, one_bright, 255 - one_bright]).astype(np.uint8)


def constants() -> Images:
    return np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 48, 48)).copy()


@pytest.mark.parametrize(
    "images",
    [random_images(500), random_images(500, 100, 110), random_images(500, 250), constants(), gradients(), extremes()],
    ids=["random", "low contrast", "bright", "constant", "gradient", "extreme"],
)
def test_made_up_images_come_out_as_from_opencv(images: Images) -> None:
    np.testing.assert_array_equal(layer(images), opencv(images))


def test_every_real_face_comes_out_as_from_opencv(fer2013: Path) -> None:
    packed = pd.read_parquet(fer2013 / "fer2013.parquet", columns=["jpeg"])["jpeg"]
    faces = np.stack([decoded(one) for one in packed])
    assert faces.shape == (35_887, 48, 48)
    inputs = keras.Input((48, 48, 1))
    model = keras.Model(inputs, Clahe()(inputs))  # predict compiles it into a graph
    ours = model.predict(faces[..., None], batch_size=256, verbose=0)[..., 0]
    assert int((ours != opencv(faces)).sum()) == 0


def test_input_is_rounded_to_the_nearest_grey_level_and_kept_within_range() -> None:
    images = random_images(4)
    noise = np.random.default_rng(7).uniform(-0.49, 0.49, images.shape)
    np.testing.assert_array_equal(layer((images + noise).astype(np.float32)), opencv(images))
    beyond = np.where(images > 127, 300.0, -20.0).astype(np.float32)
    np.testing.assert_array_equal(layer(beyond), opencv(np.where(images > 127, 255, 0).astype(np.uint8)))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_batch_size_gives_a_batch_of_that_size(count: int) -> None:
    images = random_images(8)[:count]
    assert layer(images).shape == (count, 48, 48)
    np.testing.assert_array_equal(layer(images), opencv(random_images(8))[:count])


def test_output_is_float32_under_every_precision_policy() -> None:
    images = random_images(2)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert layer(images).dtype == np.float32
        np.testing.assert_array_equal(layer(images), opencv(images))
    finally:
        keras.config.set_dtype_policy(before)


def test_it_has_no_weights_and_is_registered_under_the_name_of_the_project() -> None:
    assert Clahe().weights == []
    assert keras.saving.get_registered_name(Clahe) == "fer_exp>Clahe"  # a model that was loaded beside it has its own
    assert Clahe.from_config(Clahe(name="equalise").get_config()).name == "equalise"


SIDES = (32, 48, 64, 96, 112, 128, 224)  # a grey level of a tile keeps one count up to 112, more beyond


def faces_of(side: int, *shape: int) -> Images:
    """Noise, narrow and wide, and smooth ramps, so that some tiles are clipped and others are not."""
    generator = np.random.default_rng(side)
    noise = [
        generator.integers(low, high, (12, side, side, *shape)) for low, high in ((0, 256), (100, 108), (250, 256))
    ]
    rows, columns = np.mgrid[0:side, 0:side]
    ramps = np.stack([rows * 255 // side, (rows * columns) % 256, (columns >= side // 2) * 255])
    smooth = np.broadcast_to(ramps[(..., *[None] * len(shape))], (3, side, side, *shape))
    return np.concatenate([*noise, smooth]).astype(np.uint8)


@pytest.mark.parametrize("side", SIDES)
def test_faces_of_every_side_come_out_as_from_opencv(side: int) -> None:
    images = faces_of(side)
    np.testing.assert_array_equal(layer(images), opencv(images))
    np.testing.assert_array_equal(equalise(images), opencv(images))


@pytest.mark.parametrize("side", [48, 64, 224])
def test_of_colours_the_lightness_is_equalised_in_the_model_as_before_training(side: int) -> None:
    images = faces_of(side, 3)
    images[:12, ..., 0] //= 2  # colours, and not three equal channels
    before_training = equalise(images)
    np.testing.assert_array_equal(np.asarray(Clahe()(images)), before_training)
    grey = np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images])
    change = opencv(grey).astype(int) - grey
    np.testing.assert_array_equal(before_training, np.clip(images + change[..., None], 0, 255))


def test_three_equal_channels_come_out_as_one() -> None:
    grey = faces_of(64)
    np.testing.assert_array_equal(equalise(np.stack([grey] * 3, axis=-1))[..., 1], opencv(grey))
