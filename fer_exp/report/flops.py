"""FLOPs: what an image costs a recipe's network, counted from the shapes of its layers.

In: a Recipe and the form of faces. Out: floating-point operations. A multiplication and the addition that follows are
two. Counted are convolutions and dense layers; normalisation, activation and pooling are left out, which in the
baseline's network come to some 2 % more. Keras is not loaded: the shapes are those of `model/build.py`, and a test
counts the same from the layers of networks that it built.
"""

from fer_exp.data.faces import SIDE
from fer_exp.data.form import Form
from fer_exp.recipe import Recipe

KERNEL = 3 * 3
BACKWARD = 2  # times the forward pass: a product for the layer's weights, one for its inputs (Kaplan et al. 2020)


def forward_flops(recipe: Recipe, form: Form, side: int | None = None) -> int:
    """Operations of one look at one face, shown at `side` of a face's 48 pixels; None: the recipe's crop."""
    shown = recipe.crop if side is None else side
    side = _side(recipe, form) if shown == recipe.crop else round(shown * form.side / SIDE)
    channels, products = form.channels, 0
    for width in recipe.widths:
        for _ in range(recipe.convs_per_block):
            products += side * side * KERNEL * channels * width
            channels = width
        side //= 2
    if recipe.last_width:
        products += side * side * KERNEL * channels * recipe.last_width
        channels = recipe.last_width
    if recipe.mirror:
        channels //= 2  # a filter and its mirror image are pooled together; convolutions cost what they always do
    for width in (*recipe.head_widths, form.classes):
        products += channels * width
        channels = width
    return 2 * products


def _side(recipe: Recipe, form: Form) -> int:
    """As `crop_of` in `model/build.py`, which would load Keras."""
    if recipe.mirror:
        return form.side - 2 * round((SIDE - recipe.crop) / 2 * form.side / SIDE)
    return round(recipe.crop * form.side / SIDE)


def training_flops(recipe: Recipe, form: Form, trained: int, validated: int, side: int | None = None) -> int:
    """Operations of a training that saw `trained` images, each as often as it came, and validated on `validated`."""
    return forward_flops(recipe, form, side) * ((1 + BACKWARD) * trained + validated)


def told(flops: float) -> str:
    """Operations for people: `61.4 MFLOP`, `1.21 PFLOP`."""
    for power, unit in ((18, "EFLOP"), (15, "PFLOP"), (12, "TFLOP"), (9, "GFLOP"), (6, "MFLOP")):
        if flops >= 10**power:
            return f"{flops / 10**power:.3g} {unit}"
    return f"{flops:,.0f} FLOP"
