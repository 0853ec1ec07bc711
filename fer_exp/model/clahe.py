"""Clahe: contrast-limited adaptive histogram equalisation as a layer, equal to OpenCV's to the grey level.

In: `(n, 48, 48, 1)` grey levels. Out: the same shape, float32 grey levels, as `cv2.createCLAHE(2.0, (8, 8))` gives.
At this setting a tile has 6x6 pixels and its histogram is clipped at one: a bin only says whether a grey level occurs.
That makes the table of a tile short to compute. Keras's own CLAHE layer clips and normalises differently.
"""

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from fer_exp.data.faces import SIDE

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
class Clahe(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
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
