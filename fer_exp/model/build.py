"""Build: a recipe as a Keras model, from grey levels to a probability for each class.

In: a Recipe and a seed. Out: a functional model with named layers, not compiled. Input is `(n, 48, 48, 1)` grey levels
0-255, uint8 or float32, already equalised where the recipe says CLAHE (see `with_preprocessing` for raw faces).
Scaling, augmentation and crop always compute in float32: they cost little, and half precision would move pixels.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras import layers

from fer_exp.data.faces import SIDE
from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.model.layers import MirrorConv2D
from fer_exp.model.normalization import trained_as
from fer_exp.model.seeds import derived_seed
from fer_exp.recipe import Augmentation, Order, Precision, Recipe

MIXED = "mixed_bfloat16"  # Keras's policy: products in bfloat16, variables in float32
CROP = "crop"  # the layer where the recipe crops: all augmentation lies before it, and nothing but the network behind
SHRINK = "shrink"  # the layer that shows the crop at fewer pixels in a training's first epochs
FIRST = "block1_conv1"  # the convolution that sees the face itself
GREY = 0.5  # what an erased rectangle shows; FER2013's mean grey level is 0.507
ERASED_SHARES = (0.02, 0.33)  # range of the rectangle's height x width as shares; Zhong et al. 2017, Keras's default


def build(
    recipe: Recipe, seed: int, form: Form = FER2013_FORM, side: int | None = None, to_train: bool = False
) -> keras.Model:
    """The network of `recipe`, with initial weights that depend on `seed` and each layer's name alone.

    Weights begin as Keras begins them (Glorot uniform), as the reference's do. A recipe's float32 is Keras's global
    precision policy at the time of the call, which is float32 unless someone set it; probabilities are always float32.

    Args:
        recipe: What to build.
        seed: Of the initial weights.
        form: What the network takes and gives.
        side: Pixels at which it sees faces, of a face of 48, as `Recipe.side_at` says; None: the recipe's crop. Weights
            have the same shapes at every side.
        to_train: Normalise batches by the layer that trains fastest (see `normalization`). Otherwise all layers are
            Keras's own or travel with a model's file; weights and answers are the same.
    """
    norm = trained_as(keras.backend.backend()) if to_train else layers.BatchNormalization
    with _computing_in(recipe.precision):
        return _network(recipe, seed, form, recipe.crop if side is None else side, norm)


@contextmanager
def _computing_in(precision: Precision) -> Iterator[None]:
    """Layers made inside compute so; Keras's global policy is afterwards as it was."""
    before = keras.config.dtype_policy()
    if precision is Precision.BFLOAT16:
        keras.config.set_dtype_policy(MIXED)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def crop_of(recipe: Recipe, form: Form) -> int:
    """Pixels a side that the network sees; a recipe's lengths are those of a face of 48 pixels.

    What is cut off is the same left and right where the network mirrors.
    """
    if recipe.mirror:
        return form.side - 2 * round((SIDE - recipe.crop) / 2 * form.side / SIDE)
    return round(recipe.crop * form.side / SIDE)


def side_of(model: keras.Model) -> int | None:
    """The side at which a network from `build` sees faces of 48 pixels; None where it is the recipe's crop."""
    shrinking = [layer for layer in model.layers if layer.name == SHRINK]
    return round(shrinking[0].height * SIDE / model.input_shape[1]) if shrinking else None


def _network(recipe: Recipe, seed: int, form: Form, side: int, norm: type[layers.BatchNormalization]) -> keras.Model:
    inputs = keras.Input(form.face, name="faces")
    x = layers.Rescaling(1 / 255, dtype="float32", name="rescale")(inputs)
    for layer in augmentation_layers(recipe.augmentation, seed):
        x = layer(x)
    crop = crop_of(recipe, form)
    if crop < form.side:
        # Its `training` is True unless said otherwise, and would be that of all layers behind it where nobody says.
        x = layers.CenterCrop(crop, crop, dtype="float32", name=CROP)(x, training=False)
    if side < recipe.crop:
        pixels = round(side * form.side / SIDE)
        x = layers.Resizing(pixels, pixels, dtype="float32", name=SHRINK)(x)
    for block, width in enumerate(recipe.widths, start=1):
        for step in range(1, recipe.convs_per_block + 1):
            x = _convolution(x, recipe, width, f"block{block}_", str(step), seed, norm)
        # Windows of two leave out the last column of an odd number, which the mirror would find first.
        window = 3 if recipe.mirror and x.shape[2] % 2 else 2
        x = layers.MaxPooling2D(window, strides=2, name=f"block{block}_pool")(x)
        x = _dropout(x, recipe.block_dropout, f"block{block}_dropout", seed)
    if recipe.last_width:
        x = _convolution(x, recipe, recipe.last_width, "top_", "", seed, norm)
    x = _pairs_side_by_side(x, "pooled_pairs") if recipe.mirror else x
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    x = _dropout(x, recipe.pooled_dropout, "pooled_dropout", seed)
    for number, (width, rate) in enumerate(zip(recipe.head_widths, recipe.head_dropouts, strict=True), start=1):
        name = f"dense{number}"
        x = layers.Dense(width, activation="relu", kernel_initializer=_weights(seed, name), name=name)(x)
        x = layers.BatchNormalization(momentum=recipe.norm_momentum, name=f"{name}_bn")(x)
        x = _dropout(x, rate, f"{name}_dropout", seed)
    outputs = layers.Dense(
        form.classes,
        activation="softmax",
        kernel_initializer=_weights(seed, "output"),
        dtype="float32",
        name="output",
    )(x)
    return keras.Model(inputs, outputs, name="fer")


def augmentation_layers(augmentation: Augmentation, seed: int) -> Iterator[keras.Layer]:
    """The layers that `augmentation` switches on; they change training batches only.

    Borders that a movement uncovers repeat the nearest pixel, so no frame appears that marks a moved face.
    """

    def common(name: str) -> dict[str, object]:
        return {"seed": derived_seed(seed, name), "dtype": "float32", "name": name}

    moves: list[keras.Layer] = []
    if augmentation.shift:
        share = augmentation.shift / SIDE
        moves.append(layers.RandomTranslation(share, share, fill_mode="nearest", **common("augment_shift")))
    if augmentation.rotation:
        turn = augmentation.rotation / 360
        moves.append(layers.RandomRotation(turn, fill_mode="nearest", **common("augment_rotation")))
    if augmentation.zoom:
        moves.append(layers.RandomZoom(augmentation.zoom, fill_mode="nearest", **common("augment_zoom")))
    for layer in moves:
        # Keras declares them unfit for compilation because of TensorFlow's XLA; JAX would then compile nothing at all.
        layer.supports_jit = keras.backend.backend() != "tensorflow"
    yield from moves
    if augmentation.flip:
        yield layers.RandomFlip("horizontal", **common("augment_flip"))
    if augmentation.contrast:
        # A single number would only ever raise contrast: Keras reads it as (0, number).
        both_ways = (augmentation.contrast, augmentation.contrast)
        yield layers.RandomContrast(both_ways, value_range=(0, 1), **common("augment_contrast"))
    if augmentation.erasing:
        # A single number would be the upper end of a random probability, not the probability.
        always = (augmentation.erasing, augmentation.erasing)
        options = {"scale": ERASED_SHARES, "fill_value": GREY, "value_range": (0, 1)}
        yield layers.RandomErasing(always, **options, **common("augment_erasing"))


def _convolution(
    x: keras.KerasTensor,
    recipe: Recipe,
    width: int,
    prefix: str,
    number: str,
    seed: int,
    norm: type[layers.BatchNormalization],
) -> keras.KerasTensor:
    name = f"{prefix}conv{number}"
    norm_first = recipe.order is Order.NORM_FIRST
    options = {
        "activation": None if norm_first else "relu",
        "use_bias": not norm_first,  # normalisation would subtract a bias at once
        "kernel_initializer": _weights(seed, name),
        "name": name,
    }
    normalise = norm(momentum=recipe.norm_momentum, name=f"{prefix}bn{number}")
    if recipe.mirror:
        # A face has one channel or three, which are no pairs; whatever a convolution left has one half for each side.
        x = MirrorConv2D(width, paired=name != FIRST, **options)(x)
        shape = x.shape[1:]
        # One mean and one scale for a filter and its mirror.
        x = normalise(_pairs_side_by_side(x, f"{prefix}pairs{number}"))
        x = layers.Reshape(shape, name=f"{prefix}channels{number}")(x)
    else:
        x = normalise(layers.Conv2D(width, 3, padding="same", **options)(x))
    return layers.ReLU(name=f"{prefix}relu{number}")(x) if norm_first else x


def _pairs_side_by_side(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Features `(n, h, w, c)` of pairs as `(n, h, 2 w, c / 2)`: a filter and its mirror image in one channel.

    It moves nothing in memory. Along the columns, what a filter and its mirror image see of a place alternate.
    """
    _, rows, columns, channels = x.shape
    return layers.Reshape((rows, 2 * columns, channels // 2), name=name)(x)


def _dropout(x: keras.KerasTensor, rate: float, name: str, seed: int) -> keras.KerasTensor:
    return layers.Dropout(rate, seed=derived_seed(seed, name), name=name)(x) if rate else x


def _weights(seed: int, name: str) -> keras.Initializer:
    return keras.initializers.GlorotUniform(seed=derived_seed(seed, name, "weights"))
