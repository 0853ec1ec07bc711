"""A kept model with views answers with the mean over views that NumPy cuts out by hand."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.model import FaceViews, build, load_model, predict, with_preprocessing, with_temperature
from fer_exp.model.layers import grid, windows
from fer_exp.model.seeds import random_states
from fer_exp.recipe import Augmentation, Recipe, Views

SMALL = Recipe(widths=(4,), convs_per_block=1, last_width=0, head_widths=(8,), head_dropouts=(0.3,), clahe=False)
SHAKEN = Augmentation(flip=True, shift=4, rotation=10, zoom=0.1)
MANY = [(Views.FLIP, 48), (Views.FLIP, 40), (Views.TEN_CROP, 48), (Views.TEN_CROP, 40), (Views.TEN_CROP, 41)]

Images = NDArray[np.uint8]


def faces(count: int = 6) -> Images:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def by_hand(images: Images, views: Views, crop: int) -> list[Images]:
    """The views of all images, one array a view."""
    middle = (48 - crop) // 2
    centre = images[:, middle : middle + crop, middle : middle + crop]
    if views is Views.FLIP:
        return [centre, centre[:, :, ::-1]]
    wide = np.pad(images, ((0, 0), (4, 4), (4, 4)), mode="edge") if crop == 48 else images
    corners = [wide[:, :crop, :crop], wide[:, :crop, -crop:], wide[:, -crop:, :crop], wide[:, -crop:, -crop:]]
    return [side for window in (*corners, centre) for side in (window, window[:, :, ::-1])]


def as_centre(view: Images, crop: int) -> Images:
    """A face whose centre is `view`: what a network that crops its input sees of it is the view."""
    whole = np.zeros((len(view), 48, 48), np.uint8)
    middle = (48 - crop) // 2
    whole[:, middle : middle + crop, middle : middle + crop] = view
    return whole


@pytest.mark.parametrize(("views", "crop"), MANY)
def test_the_layer_cuts_out_the_views_to_the_pixel(views: Views, crop: int) -> None:
    seen = np.asarray(FaceViews(views, crop)(faces()[..., None]))
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen[..., 0], np.stack(by_hand(faces(), views, crop), axis=1))


@pytest.mark.parametrize(("views", "crop"), MANY)
def test_the_kept_model_answers_with_the_mean_over_views(views: Views, crop: int) -> None:
    recipe = SMALL.but(views=views, crop=crop, augmentation=SHAKEN)
    model = build(recipe, seed=1)
    expected = np.mean([predict(model, as_centre(view, crop)) for view in by_hand(faces(), views, crop)], axis=0)
    kept = with_preprocessing(model, recipe)
    np.testing.assert_allclose(predict(kept, faces()), expected, atol=1e-6)
    one = predict(with_preprocessing(model, recipe.but(views=Views.ONE)), faces())
    assert np.abs(predict(kept, faces()) - one).max() > 1e-4  # else nothing was shown
    assert random_states(kept) == []
    assert kept.count_params() == model.count_params()


def test_faces_are_equalised_before_they_are_cut() -> None:
    recipe = SMALL.but(views=Views.TEN_CROP, clahe=True)
    model = build(recipe, seed=1)
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    equalised = np.stack([clahe.apply(face) for face in faces()]).astype(np.uint8)
    expected = np.mean([predict(model, view) for view in by_hand(equalised, Views.TEN_CROP, 48)], axis=0)
    np.testing.assert_allclose(predict(with_preprocessing(model, recipe), faces()), expected, atol=1e-6)


def test_with_flip_a_face_and_its_mirror_image_get_the_same_answer_and_a_symmetric_face_that_of_one_view() -> None:
    model = build(SMALL, seed=1)
    flip = with_preprocessing(model, SMALL.but(views=Views.FLIP))
    np.testing.assert_allclose(predict(flip, faces()[:, :, ::-1]), predict(flip, faces()), atol=1e-6)
    half = faces()[:, :, :24]
    symmetric = np.concatenate([half, half[:, :, ::-1]], axis=2)
    np.testing.assert_allclose(predict(flip, symmetric), predict(model, symmetric), atol=1e-6)


@pytest.mark.parametrize("crop", [48, 44, 41, 8])
def test_windows_stay_on_the_face_or_its_margin_and_mirrors_are_mirrors(crop: int) -> None:
    begins = windows(Views.TEN_CROP, crop)
    assert len(set(begins)) == 5
    margin = 4 if crop == 48 else 0
    assert {begin for pair in begins[:4] for begin in pair} == {-margin, 48 + margin - crop}
    assert begins[4] == windows(Views.FLIP, crop)[0] == windows(Views.ONE, crop)[0]
    looks = grid(Views.TEN_CROP, crop)
    for plain, mirrored in zip(looks[::2], looks[1::2], strict=True):
        np.testing.assert_array_equal(plain[0], mirrored[0])
        np.testing.assert_array_equal(plain[1][::-1], mirrored[1])


def test_half_precision_does_not_touch_grey_levels_or_the_mean() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(SMALL, seed=1)
        kept = with_preprocessing(model, SMALL.but(views=Views.FLIP))
        expected = (predict(model, faces()) + predict(model, faces()[:, :, ::-1])) / 2
        np.testing.assert_allclose(predict(kept, faces()), expected, atol=1e-6)
        assert kept.output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy(before)


def test_a_saved_model_with_views_and_temperature_comes_back_with_the_same_bits(tmp_path: Path) -> None:
    recipe = SMALL.but(views=Views.TEN_CROP, crop=40, clahe=True)
    kept = with_temperature(with_preprocessing(build(recipe, seed=1), recipe), 1.7)
    kept.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, faces()), predict(kept, faces()))
    assert loaded.get_layer("temperature").temperature == 1.7
    assert loaded.get_layer("views").get_config() == kept.get_layer("views").get_config()
