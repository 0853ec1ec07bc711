"""The square that is cut out around a face: where it lies, how it is turned, and what the model gets of it."""

import cv2
import numpy as np
import pytest

from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.data.reading import Reading
from fer_exp.data.sources.images import Decoder, grey_of
from fer_exp.prediction.faces import LEAST_TURN, WHOLE, Face, Framing, crop, whole
from tests.made_faces import png_of
from tests.made_photos import FACE, grey_faces, photo

LARGE = Form(side=96, channels=1, classes=3)


def turned(degrees: float) -> tuple[np.ndarray, Face]:
    """The photograph turned about the middle of its face, which falls to the right, and where the face is then."""
    x, y = FACE.left + FACE.width / 2, FACE.top + FACE.height / 2
    matrix = cv2.getRotationMatrix2D((x, y), -degrees, 1.0)
    picture = cv2.warpAffine(photo(), matrix, photo().shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    eyes = matrix @ np.array([[221, 306], [188, 188], [1, 1]], float)
    left, right = ((float(a), float(b)) for a, b in eyes.T)
    return picture, FACE._replace(eyes=(left, right))


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_a_face_of_the_training_s_side_reaches_the_model_pixel_for_pixel() -> None:
    for face in grey_faces(5):
        assert np.array_equal(crop(face, whole(face), WHOLE, FER2013_FORM), face)


@pytest.mark.parametrize("form", [FER2013_FORM, Form(64, 3, 3)])
def test_a_picture_that_is_a_face_is_made_small_as_the_training_s_are(form: Form) -> None:
    picture = photo()[100:340, 150:390]
    read = Decoder(Reading(side=form.side, colour=form.channels == 3)).face(png_of(picture[..., ::-1]))
    assert np.array_equal(crop(picture, whole(picture), WHOLE, form), read)


def test_the_square_is_as_large_as_the_box_s_area_and_around_its_middle() -> None:
    ramp = np.tile((np.arange(400) // 2).astype(np.uint8), (400, 1))
    cut = crop(ramp, Face(100, 90, 80, 125), Framing(0.0), Form(side=104, channels=1, classes=7))  # a side of 100
    assert abs(float(cut.mean()) * 2 - 140) < 2  # the middle of the box
    assert (int(cut.max()) - int(cut.min())) * 2 == pytest.approx(100, abs=4)
    wide = crop(ramp, Face(100, 90, 80, 125), Framing(0.25), Form(side=104, channels=1, classes=7))
    assert (int(wide.max()) - int(wide.min())) * 2 == pytest.approx(150, abs=4)


def test_beyond_the_picture_its_border_is_repeated() -> None:
    picture = np.full((100, 100), 30, np.uint8)
    picture[:, 0] = 200
    cut = crop(picture, Face(-40, 20, 60, 60), WHOLE, FER2013_FORM)
    assert (cut[:, :30] == 200).all()
    assert (cut[:, 36:] == 30).all()


@pytest.mark.parametrize("degrees", [-45, -20, 20, 45])
def test_a_face_whose_eyes_are_known_is_turned_upright(degrees: float) -> None:
    upright = crop(photo(), FACE, WHOLE, LARGE)
    picture, face = turned(degrees)
    level = crop(picture, face, WHOLE, LARGE)
    lying = crop(picture, face._replace(eyes=None), WHOLE, LARGE)
    assert difference(level, upright) < 8 < difference(lying, upright) / 2


def test_a_face_that_leans_little_is_left_as_it_is() -> None:
    picture, face = turned(LEAST_TURN - 3)
    assert np.array_equal(crop(picture, face, WHOLE, LARGE), crop(picture, face._replace(eyes=None), WHOLE, LARGE))


def test_eyes_that_cannot_be_a_pair_are_not_believed() -> None:
    face = FACE._replace(eyes=((250.0, 150.0), (251.0, 250.0)))
    assert np.array_equal(crop(photo(), face, WHOLE, LARGE), crop(photo(), FACE, WHOLE, LARGE))


def test_colours_go_to_models_in_colour_and_grey_pictures_get_three_channels() -> None:
    form = Form(64, 3, 3)
    cut = crop(photo(), FACE, WHOLE, form)
    assert cut.shape == (64, 64, 3)
    assert cut[..., 0].mean() > cut[..., 2].mean() + 10  # skin: red before blue
    grey = crop(grey_of(photo()), FACE, WHOLE, form)
    assert np.array_equal(grey[..., 0], grey[..., 2])


@pytest.mark.parametrize("face", [Face(5, 5, 0.4, 0.4), Face(-3, -3, 900, 900), Face(599.9, 1.2, 3.3, 2.1)])
def test_every_box_gives_a_face(face: Face) -> None:
    assert crop(photo(), face, Framing(0.1), FER2013_FORM).shape == (48, 48)
