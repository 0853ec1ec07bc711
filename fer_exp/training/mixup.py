"""Mixup: a batch in which every face is blended with another one of the batch, labels and weights alike.

In: a batch and a generator. Out: a batch of the same size. The method is Zhang et al.'s (2018, arXiv 1710.09412), its
shares drawn face by face, as Keras's layer `MixUp` draws them. That layer keeps a random state which moves whenever
Keras looks at a batch, also to learn its shape, so a resumed training would differ; here the generator decides all.
"""

import numpy as np
from numpy.typing import NDArray

# Images (b, 48, 48, 1), bytes or mixed; labels (b, 7), one-hot or mixed; what each image counts in the loss (b,).
Batch = tuple[NDArray[np.uint8 | np.float32], NDArray[np.float32], NDArray[np.float32]]


def mix(batch: Batch, alpha: float, generator: np.random.Generator) -> Batch:
    """Each row times its share plus its partner's row times the rest; partners are a permutation of the batch.

    Args:
        batch: Images with grey levels 0-255, labels, weights.
        alpha: Shares are drawn from Beta(alpha, alpha): near 0 or 1 where it is small, near a half where it is large.
        generator: Draws shares, then partners.

    Returns:
        The same in float32; grey levels stay within those of the two faces.
    """
    images, targets, weights = batch
    shares = generator.beta(alpha, alpha, len(images)).astype(np.float32)
    partners = generator.permutation(len(images))
    return _blend(images, shares, partners), _blend(targets, shares, partners), _blend(weights, shares, partners)


def _blend(
    values: NDArray[np.uint8 | np.float32], shares: NDArray[np.float32], partners: NDArray[np.int64]
) -> NDArray[np.float32]:
    result = values.astype(np.float32)
    others = result[partners]
    result -= others  # others + share * (own - others): no rounding leaves the range, and equals stay what they are
    result *= shares.reshape(-1, *[1] * (values.ndim - 1))
    result += others
    return result
