"""Oversampling and class weights: training positions and seven numbers, nothing that touches another part."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_exp.data.faces import Labels
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.assign import assign
from fer_exp.data.split.protocol import Protocol
from fer_exp.recipe import ClassWeights
from fer_exp.training.balance import class_counts, class_weights, oversample


def labels_with(*counts: int) -> Labels:
    """Shuffled labels with so many rows of each class."""
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.uint8)
    return np.random.default_rng(0).permutation(labels)


some_labels = st.lists(st.integers(0, 6), min_size=0, max_size=60).map(lambda values: np.array(values, dtype=np.uint8))


@settings(max_examples=60, deadline=None)
@given(labels=some_labels, ratio=st.floats(0, 5), seed=st.integers(0, 2**63))
def test_oversampling_keeps_every_row_and_adds_copies_of_small_classes_only(
    labels: Labels, ratio: float, seed: int
) -> None:
    chosen = oversample(labels, ratio, seed)
    before, after = np.array(class_counts(labels, 7)), np.array(class_counts(labels[chosen], 7))
    np.testing.assert_array_equal(chosen[: len(labels)], np.arange(len(labels)))
    present = before[before > 0]
    target = int(ratio * np.median(present)) if len(present) > 1 else 0
    np.testing.assert_array_equal(after, np.where(before > 0, np.maximum(before, target), 0))
    assert chosen.dtype == np.int64


def test_the_same_seed_draws_the_same_copies_and_another_seed_others() -> None:
    labels = labels_with(40, 5, 40, 70, 45, 30, 50)
    np.testing.assert_array_equal(oversample(labels, 1.5, 3), oversample(labels, 1.5, 3))
    assert not np.array_equal(oversample(labels, 1.5, 3), oversample(labels, 1.5, 4))


def test_a_ratio_of_zero_adds_nothing() -> None:
    assert len(oversample(labels_with(10, 1, 10), 0.0, 1)) == 21


def test_read_only_labels_serve() -> None:
    labels = labels_with(10, 1, 10)
    labels.flags.writeable = False
    assert class_counts(labels[oversample(labels, 1.5, 1)], 7) == (15, 15, 15, 0, 0, 0, 0)


def test_balanced_weights_are_inverse_to_counts_within_the_clip_and_one_where_a_class_is_absent() -> None:
    weights = class_weights(labels_with(10, 1, 30, 0, 19), 7, ClassWeights.BALANCED, (0.7, 3.0))
    np.testing.assert_allclose(weights, [1.5, 3.0, 0.7, 1.0, 60 / 4 / 19, 1.0, 1.0], rtol=1e-6)
    assert weights.dtype == np.float32


COUNTS = (10, 1, 30, 0, 19)  # of five classes; two more are absent
ANY = (0.0, 1e9)  # a clip that changes nothing


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.99, 0.9999])
def test_effective_number_weights_are_in_the_proportions_of_the_paper(beta: float) -> None:
    weights = class_weights(labels_with(*COUNTS), 7, ClassWeights.EFFECTIVE_NUMBER, ANY, beta)
    # How many distinct faces n draws are worth, in the paper's recursion: E(n) = 1 + beta E(n - 1).
    effective = {n: sum(beta**j for j in range(n)) for n in COUNTS if n}
    proportions = np.array([1 / effective[n] for n in COUNTS if n])
    found = weights[np.array((*COUNTS, 0, 0)) > 0]
    np.testing.assert_allclose(found / found.sum(), proportions / proportions.sum(), rtol=1e-6)
    assert weights[[3, 5, 6]].tolist() == [1, 1, 1]  # absent


@pytest.mark.parametrize("kind", [ClassWeights.BALANCED, ClassWeights.EFFECTIVE_NUMBER])
def test_before_clipping_training_images_weigh_one_on_average(kind: ClassWeights) -> None:
    labels = labels_with(3995, 436, 4097, 7215, 4830, 3171, 4965)  # FER2013's training part
    assert class_weights(labels, 7, kind, ANY)[labels].mean(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def test_effective_number_weights_lie_between_none_and_balanced_and_are_clipped_like_these() -> None:
    labels = labels_with(*COUNTS)

    def weights(beta: float, clip: tuple[float, float] = ANY) -> NDArray[np.float32]:
        return class_weights(labels, 7, ClassWeights.EFFECTIVE_NUMBER, clip, beta)

    np.testing.assert_allclose(weights(0.0), np.ones(7), rtol=1e-6)
    balanced = class_weights(labels, 7, ClassWeights.BALANCED, ANY)
    np.testing.assert_allclose(weights(1 - 1e-9), balanced, rtol=1e-5)
    assert 1 < weights(0.9)[1] < balanced[1]
    np.testing.assert_array_equal(weights(0.99, (0.7, 3.0)), np.clip(weights(0.99), 0.7, 3.0))
    assert weights(0.99)[2] < 0.7  # so that the line above clips something
    assert weights(0.99)[1] > 3.0


def test_no_weights_are_seven_ones() -> None:
    np.testing.assert_array_equal(class_weights(labels_with(10, 1), 7, ClassWeights.NONE, (0.7, 3.0)), np.ones(7))


def test_the_reference_split_has_the_weights_that_the_notebook_prints(fer2013: Path) -> None:
    faces = read_faces(fer2013 / "fer2013.parquet")
    train = assign(faces, Protocol.REFERENCE, seed=1).train
    weights = class_weights(faces.labels[train], 7, ClassWeights.BALANCED, (0.7, 3.0))
    assert weights == pytest.approx([1.0243, 1.0243, 1.0243, 0.8754, 1.0244, 1.0243, 1.0243], abs=5e-5)
