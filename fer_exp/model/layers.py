"""The layers of fer-exp that a kept model holds: CLAHE, views of a face, a temperature, convolutions with mirrors.

In: batches of faces, features or probabilities. Out: the same, changed. This file needs Keras and NumPy alone and
imports nothing of fer-exp, because a copy of it travels with every model in MLflow: whoever loads it needs no fer-exp.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

# -- CLAHE: Keras's own layer of the name clips and normalises differently. Sums here are whole numbers, so exact.

TILES = 8  # along each side
CLIP_LIMIT = 2.0  # times the flat histogram
LEVELS = 256
TABLES = TILES * TILES * LEVELS  # entries of one image's tables
PART = 16  # PART * PART == LEVELS
UP_TO = np.triu(np.ones((PART, PART), np.float32))  # a product with it is a cumulative sum
LUMA, LUMA_SHIFT = (9798, 19235, 3735), 15  # OpenCV's grey of red, green and blue, in whole numbers


class Geometry(NamedTuple):
    """What CLAHE needs to know of faces of one side."""

    area: int  # pixels of a tile
    limit: int  # the most counts that a grey level of a tile keeps
    ramps: NDArray[np.float32]  # (area + 1, 256): what the counts cut off add to the cumulated histogram; row e for e
    low: NDArray[np.int32]  # (side,) the tile before each position
    high: NDArray[np.int32]  # (side,) the tile after it
    low_weight: NDArray[np.float32]
    high_weight: NDArray[np.float32]
    own_table: NDArray[np.int32]  # (side, side) where the table of each pixel's own tile begins


@lru_cache(maxsize=8)
def geometry(side: int) -> Geometry:
    """For faces of `side` pixels, a multiple of 8: tiles grow with the face."""
    tile = side // TILES
    area = tile * tile
    limit = max(int(CLIP_LIMIT * area / LEVELS), 1)
    position = np.arange(side, dtype=np.float32) * np.float32(1 / tile) - np.float32(0.5)
    before = np.floor(position)
    weight_after = position - before
    low, high = (np.clip(place, 0, TILES - 1).astype(np.int32) for place in (before, before + 1))
    own = (np.arange(side)[:, None] // tile * TILES + np.arange(side)[None] // tile).astype(np.int32) * LEVELS
    return Geometry(area, limit, _ramps(area), low, high, np.float32(1) - weight_after, weight_after, own)


def _ramps(area: int) -> NDArray[np.float32]:
    """What e counts cut off at the limit add to the cumulated histogram; row e.

    OpenCV gives an equal share to every bin, and one of the rest to each of the bins 0, s, 2s, ... until it is used up,
    s = 256 // rest.
    """
    levels = np.arange(LEVELS)
    rows = []
    for excess in range(area + 1):
        share, rest = divmod(excess, LEVELS)
        step = max(LEVELS // max(rest, 1), 1)
        rows.append(share * (levels + 1) + np.minimum(levels // step + 1, rest))
    return np.stack(rows).astype(np.float32)


@keras.saving.register_keras_serializable(package="fer_exp")
class Clahe(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """OpenCV's CLAHE at clip limit 2.0 and 8x8 tiles, on the lightness of colour faces.

    Input `(n, side, side, 1)` or `(n, side, side, 3)`, uint8 or float; the side is a multiple of 8, and values are
    rounded to the nearest grey level and kept within 0-255 first. Of colours (red, green, blue) OpenCV's grey is
    equalised, and what that changes is added to each. Output float32 under every precision policy. Memory: about
    0.6 MiB a grey image of 48x48.

    Source: `modules/imgproc/src/clahe.cpp` of OpenCV 4.14.
    """

    def __init__(self, name: str = "clahe", **kwargs: object) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Equalises a batch."""
        levels = ops.clip(ops.round(ops.cast(inputs, "float32")), 0, LEVELS - 1)
        if inputs.shape[-1] == 1:
            return _equalised(levels[..., 0], inputs.shape[1])[..., None]
        colours = ops.cast(levels, "int32")
        weighed = [colours[..., channel] * weight for channel, weight in enumerate(LUMA)]
        grey = (weighed[0] + weighed[1] + weighed[2] + 2 ** (LUMA_SHIFT - 1)) // 2**LUMA_SHIFT
        grey = ops.cast(grey, "float32")
        change = _equalised(grey, inputs.shape[1]) - grey
        return ops.clip(levels + change[..., None], 0, LEVELS - 1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape


def _equalised(levels: keras.KerasTensor, side: int) -> keras.KerasTensor:
    """Grey levels `(n, side, side)` float32, whole numbers 0-255, equalised."""
    known = geometry(side)
    tables = _tables(_histograms(levels, side), known)
    first_entry = ops.arange(ops.shape(levels)[0], dtype="int32")[:, None, None] * TABLES
    entries = ops.cast(levels, "int32") + first_entry  # of each pixel's level in the table of its image's tile 0
    upper = _between_columns(tables, entries, known.low, known)
    lower = _between_columns(tables, entries, known.high, known)
    return ops.round(_weighted(upper, lower, known.low_weight[:, None], known.high_weight[:, None]))


def _histograms(levels: keras.KerasTensor, side: int) -> keras.KerasTensor:
    """How often each level occurs in each tile: `(n * 64, 16, 16)`, level 16 i + j at [i, j].

    A level is two digits to base 16, and a product counts how often each pair occurs: whole numbers below 2^24, so
    exact. Runtimes of other formats have no `segment_sum`, and what stands for it there sorts all pixels.
    """
    tile = side // TILES
    grid = ops.transpose(ops.reshape(levels, (-1, TILES, tile, TILES, tile)), (0, 1, 3, 2, 4))
    pixels = ops.reshape(grid, (-1, 1, tile * tile))
    digits = np.arange(PART, dtype=np.float32)[:, None]
    high = ops.floor(pixels * np.float32(1 / PART))
    is_high, is_low = (ops.cast(ops.equal(digit, digits), "float32") for digit in (high, pixels - high * PART))
    return ops.matmul(is_high, ops.transpose(is_low, (0, 2, 1)))


def _tables(counts: keras.KerasTensor, known: Geometry) -> keras.KerasTensor:
    """The new grey level of every old one, for all tiles of all images, as one flat uint8 tensor."""
    cumulated = _cumulated(ops.minimum(counts, np.float32(known.limit)))
    excess = known.area - ops.cast(cumulated[:, -1], "int32")
    cumulated = cumulated + ops.take(ops.convert_to_tensor(known.ramps), excess, axis=0)
    scale = np.float32(LEVELS - 1) / np.float32(known.area)
    levels = ops.round(cumulated * scale)  # halves to even, as OpenCV rounds
    return ops.reshape(ops.cast(levels, "uint8"), (-1,))  # small tables are read faster


def _cumulated(counts: keras.KerasTensor) -> keras.KerasTensor:
    """Cumulative sums over each 256 entries, `(m, 16, 16)` to `(m, 256)`: within parts of 16, then over the parts.

    Two small products take a quarter of the time of Keras's `cumsum`, and their sums are whole numbers, so exact.
    """
    parts = ops.matmul(counts, UP_TO)
    before = ops.matmul(parts[:, :, -1], UP_TO - np.eye(PART, dtype=np.float32))
    return ops.reshape(parts + before[:, :, None], (-1, LEVELS))


def _between_columns(
    tables: keras.KerasTensor, entries: keras.KerasTensor, tile_rows: NDArray[np.int32], known: Geometry
) -> keras.KerasTensor:
    """Each pixel through the two tables of a tile row left and right of it, interpolated: `(n, side, side)`."""

    def through(tile_columns: NDArray[np.int32]) -> keras.KerasTensor:
        table = (tile_rows[:, None] * TILES + tile_columns[None]) * LEVELS
        return ops.cast(ops.take(tables, entries + table), "float32")

    return _weighted(through(known.low), through(known.high), known.low_weight, known.high_weight)


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

MARGIN = 1 / 12  # of the side: how far windows of the whole face's size reach beyond it, as crops do (He et al. 2016)

ONE, TEN_CROP = "one", "ten-crop"  # as in `fer_exp.recipe.Views`

Pixels = NDArray[np.int32]


def windows(views: str, crop: int, side: int = 48) -> tuple[tuple[int, int], ...]:
    """Where the windows of `crop` x `crop` pixels begin: (row, column) on the face, below 0 beyond its border."""
    centre = (side - crop) // 2  # where Keras's CenterCrop begins
    if views != TEN_CROP:
        return ((centre, centre),)
    first = 0 if crop < side else -round(MARGIN * side)
    last = side - crop - first
    return (first, first), (first, last), (last, first), (last, last), (centre, centre)


def grid(views: str, crop: int, side: int = 48) -> tuple[tuple[Pixels, Pixels], ...]:
    """The rows and the columns of the face that each view shows, `(crop,)` each; every window before its mirror."""
    found = []
    for top, left in windows(views, crop, side):
        rows, columns = (np.clip(np.arange(crop) + first, 0, side - 1).astype(np.int32) for first in (top, left))
        found.append((rows, columns))
        if views != ONE:
            found.append((rows, columns[::-1].copy()))
    return tuple(found)


@keras.saving.register_keras_serializable(package="fer_exp")
class FaceViews(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """The views of each face: `(n, side, side, c)` to `(n, k, crop, crop, c)`, float32 under every precision policy."""

    def __init__(self, views: str, crop: int, name: str = "views", **kwargs: object) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.views = str(views)
        self.crop = crop
        self._views = len(grid(self.views, crop))

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Takes the views of a batch."""
        faces = ops.cast(inputs, "float32")
        places = grid(self.views, self.crop, inputs.shape[1])
        return ops.stack([ops.take(ops.take(faces, rows, 1), columns, 2) for rows, columns in places], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Faces, views, rows, columns, channels."""
        return (input_shape[0], self._views, self.crop, self.crop, input_shape[-1])

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
        """Probabilities `(n, classes)` of a batch."""
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


# -- Mirror: convolutions whose filters come in pairs, each the mirror image of the other


@keras.saving.register_keras_serializable(package="fer_exp")
class MirrorConv2D(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A 3x3 convolution that commutes with the mirror: half of its `filters` are free, the others their mirror images.

    Input `(n, h, w, c)`, output `(n, h, w, filters)`, padded with zeros. Mirrored input gives mirrored output whose two
    halves of channels have changed places. Where the input is such an output, `paired` says so, and a filter's mirror
    image looks at the halves in the other order. Source: Cohen and Welling 2016, for the group of two elements.
    """

    def __init__(
        self, filters: int, paired: bool, activation: str | None = None, use_bias: bool = True, **kwargs: Any
    ) -> None:
        self._initializer = keras.initializers.get(kwargs.pop("kernel_initializer", "glorot_uniform"))
        super().__init__(**kwargs)
        self.filters, self.paired, self.activation, self.use_bias = filters, paired, activation, use_bias

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the free half of the weights."""
        shape = (3, 3, input_shape[-1], self.filters // 2)
        self.kernel = self.add_weight(shape=shape, initializer=self._initializer, name="kernel")
        self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias") if self.use_bias else None

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Convolves a batch with every filter and with its mirror image."""
        free = ops.convert_to_tensor(self.kernel)
        swapped = ops.roll(free, free.shape[2] // 2, axis=2) if self.paired else free
        kernel = ops.concatenate([free, ops.flip(swapped, axis=1)], axis=-1)
        found = ops.conv(inputs, kernel, padding="same", data_format="channels_last")
        if self.bias is not None:
            found = found + ops.concatenate([self.bias, self.bias], axis=-1)
        return keras.activations.get(self.activation)(found)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """As many rows and columns, another number of channels."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, object]:
        """What makes the layer again."""
        own = {name: getattr(self, name) for name in ("filters", "paired", "activation", "use_bias")}
        return {**super().get_config(), **own, "kernel_initializer": keras.initializers.serialize(self._initializer)}
