"""The layers of fer-exp that a kept model holds: CLAHE, the views of a face, and a temperature.

In: batches of faces or probabilities. Out: the same, changed. This file needs Keras and NumPy alone and imports nothing
of fer-exp, because a copy of it travels with every model in MLflow: whoever loads the model there needs no fer-exp.
"""

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

SIDE = 48  # pixels along a face's side; as in `fer_exp.data.faces`

# -- CLAHE: at 6x6 pixels a tile the histogram is clipped at one, so that a bin only says whether a grey level occurs.
# That makes the table of a tile short to compute. Keras's own CLAHE layer clips and normalises differently.

TILES = 8  # along each side
TILE = SIDE // TILES  # pixels along a tile's side
AREA = TILE * TILE
LEVELS = 256
TABLES = TILES * TILES * LEVELS  # entries of one image's tables
SCALE = np.float32(LEVELS - 1) / np.float32(AREA)


def _excess_ramps() -> NDArray[np.float32]:
    """`(37, 256)`: what the e counts cut off at the limit add to the cumulated histogram; row e.

    OpenCV gives one count to each of the bins 0, s, 2s, ... until e are given, s = 256 // e. (An equal share for every
    bin comes first there, but e < 256 counts have none.)
    """
    levels = np.arange(LEVELS)
    steps = [max(LEVELS // max(excess, 1), 1) for excess in range(AREA + 1)]
    rows = [np.minimum(levels // step + 1, excess) for excess, step in enumerate(steps)]
    return np.stack(rows).astype(np.float32)


def _neighbours() -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """For each of 48 positions along a side: the tile before it, the tile after it, and their weights in float32."""
    position = np.arange(SIDE, dtype=np.float32) * np.float32(1 / TILE) - np.float32(0.5)
    before = np.floor(position)
    weight_after = position - before
    low, high = (np.clip(tile, 0, TILES - 1).astype(np.int32) for tile in (before, before + 1))
    return low, high, np.float32(1) - weight_after, weight_after


EXCESS_RAMPS = _excess_ramps()
LOW, HIGH, LOW_WEIGHT, HIGH_WEIGHT = _neighbours()
PART = 16  # PART * PART == LEVELS
UP_TO = np.triu(np.ones((PART, PART), np.float32))  # a product with it is a cumulative sum
OWN_TABLE = (np.arange(SIDE)[:, None] // TILE * TILES + np.arange(SIDE)[None] // TILE).astype(np.int32) * LEVELS


@keras.saving.register_keras_serializable(package="fer_exp")
class Clahe(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """OpenCV's CLAHE at clip limit 2.0 and 8x8 tiles.

    Input `(n, 48, 48, 1)`, uint8 or float; values are rounded to the nearest grey level and kept within 0-255 first.
    Output float32 under every precision policy. Memory: about 0.4 MiB an image.

    Source: `modules/imgproc/src/clahe.cpp` of OpenCV 4.14.
    """

    def __init__(self, name: str = "clahe", **kwargs: object) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Equalises a batch."""
        levels = ops.clip(ops.round(ops.cast(inputs, "float32")), 0, LEVELS - 1)
        levels = ops.cast(ops.reshape(levels, (-1, SIDE, SIDE)), "int32")
        first_entry = ops.arange(ops.shape(levels)[0], dtype="int32")[:, None, None] * TABLES
        entries = levels + first_entry  # of each pixel's level in the table of its image's tile 0
        tables = _tables(entries, ops.shape(levels)[0])
        upper = _between_columns(tables, entries, LOW)
        lower = _between_columns(tables, entries, HIGH)
        return ops.round(_weighted(upper, lower, LOW_WEIGHT[:, None], HIGH_WEIGHT[:, None]))[..., None]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape


def _tables(entries: keras.KerasTensor, count: int | keras.KerasTensor) -> keras.KerasTensor:
    """The new grey level of every old one, for all tiles of `count` images, as one flat uint8 tensor."""
    places = ops.reshape(entries + OWN_TABLE, (-1,))
    counts = ops.segment_sum(ops.ones_like(places, dtype="float32"), places, num_segments=count * TABLES)
    cumulated = _cumulated(ops.minimum(counts, 1))
    excess = AREA - ops.cast(cumulated[:, -1], "int32")
    cumulated = cumulated + ops.take(ops.convert_to_tensor(EXCESS_RAMPS), excess, axis=0)
    levels = ops.round(cumulated * SCALE)  # halves to even, as OpenCV rounds
    return ops.reshape(ops.cast(levels, "uint8"), (-1,))  # small tables are read faster


def _cumulated(counts: keras.KerasTensor) -> keras.KerasTensor:
    """Cumulative sums over each 256 entries, `(m, 256)`: within parts of 16, then over the parts.

    Two small products take a quarter of the time of Keras's `cumsum`, and their sums are whole numbers, so exact.
    """
    parts = ops.reshape(ops.matmul(ops.reshape(counts, (-1, PART)), UP_TO), (-1, PART, PART))
    before = ops.matmul(parts[:, :, -1], UP_TO - np.eye(PART, dtype=np.float32))
    return ops.reshape(parts + before[:, :, None], (-1, LEVELS))


def _between_columns(
    tables: keras.KerasTensor, entries: keras.KerasTensor, tile_rows: NDArray[np.int32]
) -> keras.KerasTensor:
    """Each pixel through the two tables of a tile row left and right of it, interpolated: `(n, 48, 48)`."""

    def through(tile_columns: NDArray[np.int32]) -> keras.KerasTensor:
        table = (tile_rows[:, None] * TILES + tile_columns[None]) * LEVELS
        return ops.cast(ops.take(tables, entries + table), "float32")

    return _weighted(through(LOW), through(HIGH), LOW_WEIGHT, HIGH_WEIGHT)


def _weighted(
    a: keras.KerasTensor, b: keras.KerasTensor, a_weight: NDArray[np.float32], b_weight: NDArray[np.float32]
) -> keras.KerasTensor:
    """The weighted sum, each product rounded to float32 before the addition, as in OpenCV.

    Nothing here is negative, so `maximum` changes no value. It keeps compilers from fusing product and sum into one
    operation that rounds once, which moved 0.3 % of the pixels by a grey level on JAX.
    """
    return ops.maximum(a * a_weight, 0) + ops.maximum(b * b_weight, 0)


# -- Views: several looks at one face. A view is a choice of rows and columns. Taken beyond the border these repeat the
# last pixel, taken backwards they mirror, so `windows` and `grid` are all that is known about geometry.

MARGIN = 4  # pixels that windows of the whole face's size reach beyond it, as training crops do (He et al. 2016)

ONE, TEN_CROP = "one", "ten-crop"  # as in `fer_exp.recipe.Views`

Pixels = NDArray[np.int32]


def windows(views: str, crop: int) -> tuple[tuple[int, int], ...]:
    """Where the windows of `crop` x `crop` pixels begin: (row, column) on the face, below 0 beyond its border."""
    centre = (SIDE - crop) // 2  # where Keras's CenterCrop begins
    if views != TEN_CROP:
        return ((centre, centre),)
    first = 0 if crop < SIDE else -MARGIN
    last = SIDE - crop - first
    return (first, first), (first, last), (last, first), (last, last), (centre, centre)


def grid(views: str, crop: int) -> tuple[tuple[Pixels, Pixels], ...]:
    """The rows and the columns of the face that each view shows, `(crop,)` each; every window before its mirror."""
    found = []
    for top, left in windows(views, crop):
        rows, columns = (np.clip(np.arange(crop) + first, 0, SIDE - 1).astype(np.int32) for first in (top, left))
        found.append((rows, columns))
        if views != ONE:
            found.append((rows, columns[::-1].copy()))
    return tuple(found)


@keras.saving.register_keras_serializable(package="fer_exp")
class FaceViews(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """The views of each face: `(n, 48, 48, 1)` to `(n, k, crop, crop, 1)`, float32 under every precision policy."""

    def __init__(self, views: str, crop: int, name: str = "views", **kwargs: object) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.views = str(views)
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
        return {**super().get_config(), "views": self.views, "crop": self.crop}


# -- Temperature: as `fer_exp.metrics.temperature.tempered` gives for arrays

SMALLEST = float(np.finfo(np.float32).tiny)  # both as there, with the reasons
LARGEST_SHARE = 1.0 - 2.0**-22


@keras.saving.register_keras_serializable(package="fer_exp")
class Temperature(layers.Layer):  # type: ignore[misc]  # Keras has no types
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
