"""Batch normalisation in training: as one operation on TensorFlow, and averages that forget where they began.

In: features of a convolution. Out: the same, normalised, in less time than by Keras's layer. Keras 3 spells it out on
TensorFlow, a dozen operations over the whole features and all of them in float32; TensorFlow's own is one, takes the
ReLU behind it along, and reads bfloat16 as it is. Kept models hold Keras's layer: whoever loads one needs none of this.

The averages begin at a mean of 0 and a variance of 1, which fade by the momentum at every step. Features of faces have
variances far below 1, so that at 0.99 validation measures where the averages began for hundreds of steps: the
reference's network on 4,000 faces calls nearly every face Disgust after 576 steps. Taking the start out is exact, as
Adam does it (Kingma and Ba 2015, section 3), and changes nothing that is trained.
"""

import keras
from keras import layers


class BatchNormalization(layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
    """Keras's `BatchNormalization` of `(n, h, w, c)` features, float32 or bfloat16, by TensorFlow's `FusedBatchNormV3`.

    Weights, their names and what they become are Keras's, checkpoints included, which file weights by the name of the
    class: so it has the same. Statistics are float32 under every precision. Whatever else comes (other ranks and other
    types), Keras's layer computes itself.
    """

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = None, mask: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        """Normalises by the batch's own statistics in training, by the averages otherwise."""
        if len(inputs.shape) != 4 or inputs.dtype not in ("float32", "bfloat16"):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        of_batch = bool(training and self.trainable)
        known = () if of_batch else (self.moving_mean, self.moving_variance)
        mean, variance = known or (tf.zeros(0), tf.zeros(0))
        normalised, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            is_training=of_batch,
        )
        if of_batch:
            self._follow(self.moving_mean, mean)
            # TensorFlow gives the sample's variance (over n - 1), Keras averages the batch's (over n).
            values = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), variance.dtype)
            self._follow(self.moving_variance, variance * ((values - 1) / values))
        return normalised

    def _follow(self, average: keras.Variable, value: keras.KerasTensor) -> None:
        average.assign(average * self.momentum + value * (1.0 - self.momentum))


def trained_as(backend: str) -> type[layers.BatchNormalization]:
    """The layer that trains fastest on `backend`; Keras's own on the others."""
    return BatchNormalization if backend == "tensorflow" else layers.BatchNormalization


class WithoutStart(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Takes out of the averages what they began with, before the first validation; from then on none of it is left."""

    def __init__(self, steps: int) -> None:
        """`steps` were trained before the first validation, all of them from the start that Keras gives averages."""
        super().__init__()
        self._steps = steps

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Keras is about to validate."""
        if self._steps:
            forget_start(self.model, self._steps)
            self._steps = 0


def forget_start(model: keras.Model, steps: int) -> None:
    """Makes the averages of `model` those of its first `steps` steps alone, each weighed as momentum weighs it."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            start = layer.momentum**steps  # the share that is left of a mean of 0 and a variance of 1
            mean, variance = (keras.ops.convert_to_numpy(one) for one in (layer.moving_mean, layer.moving_variance))
            layer.moving_mean.assign(mean / (1 - start))
            layer.moving_variance.assign(((variance - start) / (1 - start)).clip(0))
