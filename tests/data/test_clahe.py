"""CLAHE: OpenCV's, image by image."""

import cv2
import numpy as np

from fer_exp.data.clahe import BLOCK, equalise
from fer_exp.data.faces import Images


def images_of(count: int) -> Images:
    """Blurred noise of different brightness: every tile has a histogram of its own."""
    noise = np.random.default_rng(1).integers(0, 256, (count, 48, 48)).astype(np.uint8)
    return np.stack([cv2.blur(image // (1 + number % 4), (3, 3)) for number, image in enumerate(noise)])


def test_each_image_is_equalised_on_its_own_exactly_as_opencv_does() -> None:
    images = images_of(2 * BLOCK + 1)  # so that several threads take part, and the last has a rest
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    np.testing.assert_array_equal(equalise(images), np.stack([clahe.apply(image) for image in images]))
    np.testing.assert_array_equal(equalise(images[7:8]), equalise(images)[7:8])


def test_the_float_round_trip_of_the_notebook_changes_no_pixel() -> None:
    values = np.arange(256, dtype=np.float32)
    np.testing.assert_array_equal(((values / 255.0) * 255).astype(np.uint8), values)


def test_the_input_may_be_read_only_and_stays_as_it_is() -> None:
    images = images_of(5)
    before = images.copy()
    images.flags.writeable = False
    assert not np.array_equal(equalise(images), before)
    np.testing.assert_array_equal(images, before)


def test_no_images_are_no_images() -> None:
    assert equalise(np.empty((0, 48, 48), np.uint8)).shape == (0, 48, 48)
