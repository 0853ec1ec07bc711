"""The drawn faces: always the same, shaped like FER2013, and named for what they are."""

import numpy as np
import pytest

from fer_exp.data.emotions import Emotion
from fer_exp.data.faces import Faces, Usage
from fer_exp.data.sources.demo import FER2013_COUNTS, draw_faces


@pytest.fixture(scope="module")
def faces() -> Faces:
    return draw_faces()


def test_a_seed_always_draws_the_same_faces_and_another_seed_draws_others(faces: Faces) -> None:
    assert draw_faces(1).digest == faces.digest
    assert draw_faces(2).digest != faces.digest


def test_no_face_is_drawn_twice(faces: Faces) -> None:
    assert len({image.tobytes() for image in faces.images}) == len(faces)


def test_the_drawing_is_named_demo_wherever_a_source_is_named(faces: Faces) -> None:
    assert (faces.source, faces.kind) == ("demo (drawn faces)", "demo")


@pytest.mark.parametrize(
    ("usage", "size"), [(Usage.TRAINING, 2800), (Usage.PUBLIC_TEST, 400), (Usage.PRIVATE_TEST, 400)]
)
def test_each_official_part_is_imbalanced_like_fer2013(faces: Faces, usage: Usage, size: int) -> None:
    counts = np.bincount(faces.labels[faces.usage == usage], minlength=7)
    assert counts.sum() == size
    assert counts == pytest.approx(FER2013_COUNTS / FER2013_COUNTS.sum() * size, abs=len(Emotion))


def test_rows_are_shuffled_so_that_a_first_few_hold_every_expression_and_part(faces: Faces) -> None:
    assert len(np.unique(faces.labels[:300])) == 7
    assert len(np.unique(faces.usage[:300])) == 3


def test_expressions_differ_on_average_although_single_faces_are_ambiguous(faces: Faces) -> None:
    """The nearest class mean finds more than chance, and far from everything: there is something to learn."""
    training = faces.usage == Usage.TRAINING
    pixels = faces.images.reshape(len(faces), -1).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    pixels /= pixels.std(axis=1, keepdims=True)
    means = np.stack([pixels[training & (faces.labels == emotion)].mean(axis=0) for emotion in Emotion])
    right = (pixels[~training] @ means.T - 0.5 * (means**2).sum(axis=1)).argmax(axis=1) == faces.labels[~training]
    assert 1.5 / 7 < right.mean() < 0.6
