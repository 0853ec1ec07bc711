"""Batch normalisation as one operation, for training on TensorFlow: the same numbers as Keras's layer, in less time.

In: features of a convolution. Out: the same, normalised. Keras 3 spells it out on TensorFlow, a dozen operations over
the whole features and all of them in float32; TensorFlow's own is one, takes the ReLU behind it along, and reads
bfloat16 as it is. Kept models hold Keras's layer: whoever loads one needs none of this.
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
    """The layer that trains fastest on `backend`; the other backends compile Keras's into one anyway."""
    return BatchNormalization if backend == "tensorflow" else layers.BatchNormalization
