"""Augmentation: each layer does what its field says, in its unit, and nothing outside of training."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.model.build import augmentation_layers
from fer_exp.recipe import Augmentation


def augment(images: NDArray[np.float32], **choice: float) -> NDArray[np.float32]:
    (layer,) = augmentation_layers(Augmentation.model_validate(choice), seed=3)
    np.testing.assert_array_equal(layer(images, training=False), images)  # off outside training, whatever it is
    return np.asarray(layer(images, training=True))


def test_flips_are_left_right_and_take_about_half_of_the_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (400, 48, 48, 1)).astype(np.float32)
    changed = augment(images, flip=True)
    flipped = (changed == images[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (changed == images).all(axis=(1, 2, 3))
    assert (flipped ^ kept).all()
    assert 150 < flipped.sum() < 250


def test_shifts_stay_within_their_pixels_in_all_directions() -> None:
    dot = np.zeros((400, 48, 48, 1), np.float32)
    dot[:, 24, 24] = 1
    moved = augment(dot, shift=4)[..., 0]
    assert moved.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-3)
    grid = np.arange(48)
    for axis in (1, 2):
        offsets = (moved.sum(axis=3 - axis) * grid).sum(axis=1) - 24
        assert -4.01 < offsets.min() < -3.5
        assert 3.5 < offsets.max() < 4.01


def test_uncovered_borders_repeat_the_nearest_pixel() -> None:
    white = np.ones((50, 48, 48, 1), np.float32)
    for choice in ({"shift": 6.0}, {"rotation": 20.0}, {"zoom": 0.2}):
        np.testing.assert_allclose(augment(white, **choice), 1, atol=1e-5)


def test_rotation_is_in_degrees() -> None:
    bar = np.zeros((300, 48, 48, 1), np.float32)
    bar[:, :, 22:26] = 1
    turned = augment(bar, rotation=10)[..., 0]
    rows = np.arange(48)
    columns = (turned * rows).sum(axis=2) / turned.sum(axis=2)
    slopes = np.array([np.polyfit(rows[8:40], one[8:40], 1)[0] for one in columns])
    degrees = np.degrees(np.arctan(slopes))
    assert 9 < np.abs(degrees).max() < 10.5
    assert degrees.min() < -8 < 8 < degrees.max()


def test_zoom_makes_faces_larger_and_smaller() -> None:
    square = np.zeros((300, 48, 48, 1), np.float32)
    square[:, 14:34, 14:34] = 1
    sides = np.sqrt(augment(square, zoom=0.1).sum(axis=(1, 2, 3))) / 20
    assert 1 / 1.1 - 0.02 < sides.min() < 0.93
    assert 1.08 < sides.max() < 1 / 0.9 + 0.02


def test_contrast_goes_up_and_down() -> None:
    images = np.random.default_rng(0).uniform(0.4, 0.6, (300, 48, 48, 1)).astype(np.float32)
    ratio = augment(images, contrast=0.2).std(axis=(1, 2, 3)) / images.std(axis=(1, 2, 3))
    assert 0.79 < ratio.min() < 0.85
    assert 1.15 < ratio.max() < 1.21


def test_erasing_blanks_a_rectangle_with_the_given_probability() -> None:
    images = np.ones((600, 48, 48, 1), np.float32)
    changed = augment(images, erasing=0.3)[..., 0]
    erased = (changed != 1).any(axis=(1, 2))
    assert 0.24 < erased.mean() < 0.36
    assert np.unique(changed).tolist() == [0.5, 1.0]
    assert (changed[erased] == 0.5).mean(axis=(1, 2)).max() < 0.36
    assert augment(images, erasing=1.0).min(axis=(1, 2, 3)).max() == 0.5
