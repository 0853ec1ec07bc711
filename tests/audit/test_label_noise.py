"""Confident learning: labels that may be wrong, judged by networks that saw no copy of the image."""

import numpy as np
import pytest

from fer_exp.audit.label_noise import folds, label_noise, suspects
from fer_exp.data.faces import Faces
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData


@pytest.fixture(scope="module")
def demo() -> Faces:
    """300 drawn faces, all of them different."""
    faces = read_faces("demo")
    return Faces(faces.images[:300], faces.labels[:300], faces.usage[:300], faces.source, faces.kind)


def test_confident_learning_suspects_wrong_labels_and_few_right_ones() -> None:
    random = np.random.default_rng(1)
    right = np.arange(7000) % 7
    wrong = random.permutation(7000)[:350]
    labels = right.copy()
    labels[wrong] = (labels[wrong] + random.integers(1, 7, 350)) % 7
    logits = random.normal(0, 1, (7000, 7)) + 4 * np.eye(7)[right]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = suspects(labels.astype(np.uint8), probabilities)
    rows = [suspect.row for suspect in found]
    assert np.isin(wrong, rows).mean() > 0.9
    assert np.isin(rows, wrong).mean() > 0.9
    assert all(suspect.given == labels[suspect.row] for suspect in found)
    assert np.mean([suspect.suggested == right[suspect.row] for suspect in found]) > 0.9
    given = [suspect.given_probability for suspect in found]
    assert given == sorted(given)


def test_every_image_is_judged_once_and_by_a_network_that_saw_no_copy_of_it() -> None:
    groups = np.random.default_rng(1).integers(0, 200, 700)
    labels = (groups % 7).astype(np.uint8)
    split = folds(labels, groups)
    np.testing.assert_array_equal(np.sort(np.concatenate([unseen for _, unseen in split])), np.arange(700))
    for seen, unseen in split:
        assert len(seen) + len(unseen) == 700
        assert not np.isin(groups[unseen], groups[seen]).any()
        assert np.bincount(labels[unseen], minlength=7).min() > 0


@pytest.mark.slow
def test_networks_are_trained_and_judge(demo: Faces) -> None:
    said: list[str] = []
    noise = label_noise(demo, np.arange(len(demo)), epochs=1, say=said.append)
    assert (noise.folds, noise.epochs, len(said)) == (4, 1, 4)
    assert 0 < noise.accuracy < 1
    for suspect in noise.suspects:
        assert suspect.given == demo.labels[suspect.row] != suspect.suggested
        assert 0 <= suspect.given_probability <= suspect.suggested_probability <= 1


def test_wrong_labels_cannot_be_looked_for_in_four_faces(demo: Faces) -> None:
    few = Faces(demo.images[:20], np.zeros(20, np.uint8), demo.usage[:20], "few.csv", "csv")
    with pytest.raises(BadData, match="expected at least 4 faces of each expression"):
        label_noise(few, np.arange(20), epochs=1, say=lambda _: None)
