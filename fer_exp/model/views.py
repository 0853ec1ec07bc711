"""Views: several looks at one face, and the mean of what the network says of them.

In: faces `(n, 48, 48, 1)`. Out: the views of each, `(n, k, crop, crop, 1)`; or the mean of their probabilities.
A view is a choice of rows and columns. Taken beyond the border these repeat the last pixel, taken backwards they
mirror, so `windows` and `grid` are all that is known about geometry.
"""

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from fer_exp.data.faces import SIDE
from fer_exp.recipe import Views

MARGIN = 4  # pixels that windows of the whole face's size reach beyond it, as training crops do (He et al. 2016)

Pixels = NDArray[np.int32]


def windows(views: Views, crop: int) -> tuple[tuple[int, int], ...]:
    """Where the windows of `crop` x `crop` pixels begin: (row, column) on the face, below 0 beyond its border."""
    centre = (SIDE - crop) // 2  # where Keras's CenterCrop begins
    if views is not Views.TEN_CROP:
        return ((centre, centre),)
    first = 0 if crop < SIDE else -MARGIN
    last = SIDE - crop - first
    return (first, first), (first, last), (last, first), (last, last), (centre, centre)


def grid(views: Views, crop: int) -> tuple[tuple[Pixels, Pixels], ...]:
    """The rows and the columns of the face that each view shows, `(crop,)` each; every window before its mirror."""
    found = []
    for top, left in windows(views, crop):
        rows, columns = (np.clip(np.arange(crop) + first, 0, SIDE - 1).astype(np.int32) for first in (top, left))
        found.append((rows, columns))
        if views is not Views.ONE:
            found.append((rows, columns[::-1].copy()))
    return tuple(found)


@keras.saving.register_keras_serializable(package="fer_exp")
class FaceViews(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """The views of each face: `(n, 48, 48, 1)` to `(n, k, crop, crop, 1)`, float32 under every precision policy."""

    def __init__(self, views: str, crop: int, name: str = "views", **kwargs: object) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.views = Views(views)
        self.crop = crop
        self._grid = grid(self.views, crop)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Takes the views of a batch."""
        faces = ops.cast(inputs, "float32")
        return ops.stack([ops.take(ops.take(faces, rows, 1), columns, 2) for rows, columns in self._grid], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Faces, views, rows, columns, channels."""
        return (input_shape[0], len(self._grid), self.crop, self.crop, input_shape[-1])

    def get_config(self) -> dict[str, object]:
        """What makes the layer again."""
        return {**super().get_config(), "views": self.views.value, "crop": self.crop}


def mean_over_views(network: keras.Model, faces: keras.KerasTensor, views: Views) -> keras.KerasTensor:
    """The mean of what `network` says of each view of `faces`; the views are as large as its input."""
    seen = FaceViews(views, network.input_shape[1])(faces)
    said = layers.TimeDistributed(network, dtype="float32", name="each_view")(seen)
    return layers.GlobalAveragePooling1D(data_format="channels_last", dtype="float32", name="mean_over_views")(said)
