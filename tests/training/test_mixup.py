"""Mixup: sums and shares that a person can check by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.training.mixup import Batch, mix

TARGETS = np.eye(7, dtype=np.float32)[[0, 3, 6]]
WEIGHTS = np.array([1, 2, 4], dtype=np.float32)


class ByHand(np.random.Generator):
    """A generator whose draws are written down: shares 1, a half and a quarter; partners are the row before."""

    def beta(self, a: object, b: object, size: object = None) -> NDArray[np.float64]:  # type: ignore[override]
        assert (a, b, size) == (0.2, 0.2, 3)
        return np.array([1, 0.5, 0.25])

    def permutation(self, x: object, axis: int = 0) -> NDArray[np.int64]:
        assert x == 3
        return np.array([2, 0, 1])


def batch(*levels: int) -> NDArray[np.uint8]:
    """Faces of one grey level each, `(n, 48, 48, 1)`."""
    return np.tile(np.array(levels, np.uint8).reshape(-1, 1, 1, 1), (1, 48, 48, 1))


def mixed_by_seed(seed: int, alpha: float = 0.2, count: int = 500) -> Batch:
    """Faces that alternate between black and white, so that a pixel says what share of it was white."""
    images = batch(*[0, 255] * (count // 2))
    targets = np.eye(7, dtype=np.float32)[np.arange(count) % 2]
    return mix((images, targets, np.ones(count, np.float32)), alpha, np.random.default_rng(seed))


def test_a_batch_mixed_by_hand() -> None:
    images = batch(10, 200, 60)
    mixed, targets, weights = mix((images, TARGETS, WEIGHTS), 0.2, ByHand(np.random.PCG64(1)))
    assert mixed.shape == images.shape
    assert {part.dtype.name for part in (mixed, targets, weights)} == {"float32"}
    assert [np.unique(face).tolist() for face in mixed] == [[10], [0.5 * 200 + 0.5 * 10], [0.25 * 60 + 0.75 * 200]]
    assert targets.tolist() == [[1, 0, 0, 0, 0, 0, 0], [0.5, 0, 0, 0.5, 0, 0, 0], [0, 0, 0, 0.75, 0, 0, 0.25]]
    assert weights.tolist() == [1, 0.5 * 2 + 0.5 * 1, 0.25 * 4 + 0.75 * 2]


def test_pixels_labels_and_weights_are_mixed_by_the_same_shares_with_the_same_partners() -> None:
    images, targets, weights = mixed_by_seed(1)
    np.testing.assert_allclose(images[:, 0, 0, 0] / 255, targets[:, 1], atol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(weights, np.ones(500))
    assert 0 <= images.min() < images.max() <= 255


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_shares_spread_as_beta_says_and_differ_from_face_to_face(alpha: float) -> None:
    targets = mixed_by_seed(1, alpha, 20_000)[1][:, 1]
    crossed = targets[(targets > 0) & (targets < 1)]  # black with white, about half of the pairs
    assert 0.4 < len(crossed) / 20_000 <= 0.51
    assert crossed.mean() == pytest.approx(0.5, abs=0.02)
    assert crossed.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)
    assert len(np.unique(crossed)) > 0.9 * len(crossed)


def test_the_generator_alone_decides() -> None:
    first, again, other = mixed_by_seed(1), mixed_by_seed(1), mixed_by_seed(2)
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[0], other[0])


def test_a_batch_of_one_stays_as_it_is() -> None:
    alone = (batch(77), TARGETS[:1], WEIGHTS[:1])
    for mixed, plain in zip(mix(alone, 0.2, np.random.default_rng(1)), alone, strict=True):
        np.testing.assert_array_equal(mixed, plain)
