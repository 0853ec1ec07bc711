"""Temperature: the last layer of a calibrated model.

In: probabilities. Out: those at another temperature, as `fer_exp.metrics.temperature.tempered` gives them for arrays.
"""

import keras
from keras import ops

from fer_exp.metrics.temperature import LARGEST_SHARE, SMALLEST


@keras.saving.register_keras_serializable(package="fer_exp")
class Temperature(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """`p^(1/T)`, each row normalised; float32 under every precision policy. The largest stays the largest."""

    def __init__(self, temperature: float, name: str = "temperature", **kwargs: object) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.temperature = temperature

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Probabilities `(n, 7)` of a batch."""
        top = ops.max(inputs, axis=-1, keepdims=True)
        shares = ops.power(ops.maximum(inputs, SMALLEST) / top, 1.0 / self.temperature)
        odds = ops.where(inputs == top, ops.ones_like(inputs), ops.minimum(shares, LARGEST_SHARE))
        return odds / ops.sum(odds, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, object]:
        """What makes the layer again."""
        return {**super().get_config(), "temperature": self.temperature}


def with_temperature(model: keras.Model, temperature: float) -> keras.Model:
    """`model` with its probabilities at another temperature; weights are shared."""
    return keras.Model(model.input, Temperature(temperature)(model.output), name=model.name)
