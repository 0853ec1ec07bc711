"""Averaging: the moving average of weights, which follows them closely while there are few of them.

In: one of Keras's optimizers, made with `use_ema`. Out: the same update rule, whose average forgets where the weights
began. Keras's average starts at the first step's weights and lets them fade at the full decay: at 0.998 they still hold
half of it after 350 steps, so a short training, or the first epochs of any, validates little else than its beginning.
Here the decay of step t (from 0) is min(decay, (1 + t) / (10 + t)), as in TensorFlow's `ExponentialMovingAverage` with
`num_updates`: about the last tenth of the steps so far count, and from 10 / (1 - decay) steps on it is Keras's average.
"""

from typing import Any

import keras
from keras import ops


class _Growing:
    """The decay as Keras's optimizers read it in every step; in front of one of them."""

    iterations: Any  # Keras's count of steps

    @property
    def ema_momentum(self) -> Any:
        """The decay of this step, a tensor."""
        done = ops.cast(self.iterations, "float32")
        return ops.minimum(self._decay, (1.0 + done) / (10.0 + done))

    @ema_momentum.setter
    def ema_momentum(self, decay: float) -> None:
        self._decay = decay

    def get_config(self) -> dict[str, Any]:
        """What makes the optimizer again: the decay that it comes to."""
        config: dict[str, Any] = super().get_config()  # type: ignore[misc]  # of Keras's class behind this one
        return {**config, "ema_momentum": self._decay}


class Adam(_Growing, keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Keras's Adam."""


class AdamW(_Growing, keras.optimizers.AdamW):  # type: ignore[misc]  # Keras has no types
    """Keras's AdamW."""


class SGD(_Growing, keras.optimizers.SGD):  # type: ignore[misc]  # Keras has no types
    """Keras's SGD."""
