"""Feed: arrays and batches on their way into Keras, without a wait at the end of a pass over them.

In: a `PyDataset`. Out: what `fit` should be given. Left to itself, Keras makes a TensorFlow pipeline of it whose tuning
thread sleeps 10, 20, 40 ... milliseconds, at last a minute, and may miss that the pass has ended: whoever waits for the
thread then waits as long as the pass took. Here nothing is tuned, so nothing sleeps: docs/decisions/0014. No other
module names a backend; JAX and PyTorch take a `PyDataset` as it is.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

AHEAD = 2  # batches that are made ready while one is trained on


class Rows(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Arrays of the same length in batches, as they lie or in a new order at each pass.

    Args:
        arrays: What a batch is made of, for instance images and targets.
        batch_size: Rows in a batch; the last may have fewer.
        seed: Of the orders, one after the other; None keeps rows as they lie.
    """

    def __init__(self, *arrays: NDArray[Any], batch_size: int, seed: int | None = None) -> None:
        super().__init__()
        self._arrays = arrays
        self._size = batch_size
        self._orders = None if seed is None else np.random.default_rng(seed)
        self._order = np.arange(len(arrays[0]))

    def __len__(self) -> int:
        return -(-len(self._order) // self._size)

    def on_epoch_begin(self) -> None:
        """Called when a pass begins."""
        if self._orders is not None:
            self._order = self._orders.permutation(len(self._order))

    def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
        rows = self._order[index * self._size : (index + 1) * self._size]
        return tuple(array[rows] for array in self._arrays)


def feed(batches: keras.utils.PyDataset) -> Any:
    """`batches` as `fit` takes them on this backend: all of them in their order, anew at each pass.

    Args:
        batches: Tuples of arrays whose first axes may differ from batch to batch, and nothing else.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    def one_pass() -> Iterator[tuple[NDArray[Any], ...]]:
        batches.on_epoch_begin()
        for index in range(len(batches)):
            yield batches[index]

    signature = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batches[0])
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(one_pass, output_signature=signature)
    counted = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return counted.prefetch(AHEAD).with_options(options)
