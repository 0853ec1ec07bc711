"""What a map says is what the model does: it points where the answer comes from, and another model has another map."""

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import Images
from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.model import build, predict, with_preprocessing, with_temperature
from fer_exp.prediction.explain import ENLARGED, Explainer, evidence, explained, heat
from fer_exp.prediction.faces import WHOLE, crop
from fer_exp.prediction.frames import Frame
from fer_exp.prediction.inputs import Source
from fer_exp.prediction.run import Probabilities, Seen
from fer_exp.recipe import Recipe, Views
from tests.made_photos import FACE, photo
from tests.tiny_models import SMALL

Window = tuple[slice, slice]
MOUTH: Window = (slice(32, 44), slice(14, 34))
EYES: Window = (slice(12, 22), slice(6, 42))


@pytest.fixture(scope="module")
def face() -> Images:
    return crop(photo(), FACE, WHOLE, FER2013_FORM)


def sees_only(window: Window) -> "type":
    """A model of two classes that compares one part of a face with what is there in the photograph."""

    def answers(faces: Images) -> Probabilities:
        there = crop(photo(), FACE, WHOLE, FER2013_FORM)[window].astype(float)
        off = np.abs(faces[(slice(None), *window)].astype(float) - there).mean(axis=(1, 2)) / 60
        like = np.exp(-off)
        return np.stack([like, 1 - like], axis=1).astype(np.float32)

    return answers  # type: ignore[return-value]  # a function


@pytest.mark.parametrize("window", [MOUTH, EYES])
def test_the_map_points_at_the_part_that_the_model_looks_at(face: Images, window: Window) -> None:
    moved = evidence(face, sees_only(window), 0)
    inside = np.zeros((48, 48), bool)
    inside[window] = True
    strongest = np.argsort(-moved, axis=None)[:100]
    assert inside.ravel()[strongest].mean() > 0.75
    assert moved[inside].mean() > 4 * np.abs(moved[~inside]).mean()


def test_what_speaks_against_a_class_is_negative_and_a_model_without_an_opinion_has_no_map(face: Images) -> None:
    against = evidence(face, sees_only(MOUTH), 1)
    assert against[MOUTH].mean() < 0
    assert against == pytest.approx(-evidence(face, sees_only(MOUTH), 0), abs=1e-5)
    even = evidence(face, lambda faces: np.full((len(faces), 2), 0.5, np.float32), 0)
    assert np.abs(even).max() == 0


def kept(recipe: Recipe, seed: int, form: Form = FER2013_FORM) -> keras.Model:
    return with_temperature(with_preprocessing(build(recipe, seed, form), recipe, form), 0.05)


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("views", [Views.ONE, Views.FLIP])
def test_randomised_weights_change_the_map(face: Images, views: Views) -> None:
    """The sanity check of Adebayo et al. (2018): a map that stays the same shows the picture, not the model."""
    recipe = SMALL.but(clahe=True, views=views)
    model = kept(recipe, 1)
    label = int(predict(model, face[np.newaxis]).argmax())
    first = evidence(face, lambda faces: predict(model, faces), label)
    again = evidence(face, lambda faces: predict(model, faces), label)
    assert np.array_equal(first, again)  # the same in every call
    assert np.abs(first).max() > 0
    others = [kept(recipe, seed) for seed in (2, 3, 4)]
    maps = [evidence(face, lambda faces, one=one: predict(one, faces), label) for one in others]  # type: ignore[misc]
    assert max(correlation(first, other) for other in maps) < 0.8
    assert np.mean([correlation(first, other) for other in maps]) < 0.4


def test_hiding_what_speaks_for_the_label_costs_more_than_hiding_as_much_at_random(face: Images) -> None:
    model = kept(SMALL.but(clahe=True), 1)
    label = int(predict(model, face[np.newaxis]).argmax())
    moved = evidence(face, lambda faces: predict(model, faces), label)

    def without(order: NDArray[np.int64]) -> float:
        hidden = face.copy().ravel()
        hidden[order[:500]] = int(face.mean())
        return float(predict(model, hidden.reshape(1, 48, 48))[0, label])

    random = [without(np.random.default_rng(seed).permutation(48 * 48)) for seed in range(5)]
    assert without(np.argsort(-moved, axis=None)) < without(np.argsort(moved, axis=None))
    assert without(np.argsort(-moved, axis=None)) < float(np.mean(random))


def test_faces_in_colour_have_maps_of_one_number_a_pixel() -> None:
    form = Form(64, 3, 3)
    model = kept(SMALL.but(clahe=True), 1, form)
    cut = crop(photo(), FACE, WHOLE, form)
    moved = evidence(cut, lambda faces: predict(model, faces), 0)
    assert moved.shape == (64, 64)
    assert heat(cut, moved).shape == (ENLARGED, ENLARGED, 3)


def test_the_picture_is_red_where_the_answer_comes_from_and_grey_elsewhere(face: Images) -> None:
    moved = np.zeros((48, 48), np.float32)
    moved[:24, :24], moved[24:, 24:] = 0.2, -0.2
    shown = heat(face, moved).astype(int)
    half = ENLARGED // 2
    assert (shown[20 : half - 20, 20 : half - 20, 0] - shown[20 : half - 20, 20 : half - 20, 2]).mean() > 60
    assert (shown[half + 20 :, half + 20 :, 2] - shown[half + 20 :, half + 20 :, 0]).mean() > 60
    assert np.ptp(shown[: half - 20, half + 20 :], axis=2).max() == 0


def test_every_face_gets_a_picture_with_a_name_of_its_own(face: Images, tmp_path: Path) -> None:
    answers = sees_only(MOUTH)
    explainer = Explainer(tmp_path, answers, type(FER2013)(("like", "unlike")))
    crops = np.stack([face, face[:, ::-1]])
    source = Source("a/film.mp4", "film.mp4", True, lambda: iter([]))
    for frame in (Frame("a/one.png", 0, None, face), Frame("a/film.mp4", 7, 0.28, face, 25.0)):
        within = "one.png" if frame.seconds is None else "film.mp4"
        one = source if frame.seconds is not None else Source("a/one.png", within, False, source.frames)
        explainer.add(Seen(one, frame, [FACE, FACE], crops, answers(crops)))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("film-0007-face1.png", "film-0007-face2.png"),
        *("one-face1.png", "one-face2.png"),
    ]
    with Image.open(tmp_path / "one-face1.png") as picture:
        assert picture.size == (2 * ENLARGED, ENLARGED + 52)
    sheet = explained(face, answers, type(FER2013)(("like", "unlike")), answers(face[np.newaxis])[0])
    assert (sheet[ENLARGED:] < 100).any()  # words
