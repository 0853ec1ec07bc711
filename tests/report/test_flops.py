"""The operations of a network are those of the layers that Keras builds for its recipe."""

import math

import keras
import pytest

from fer_exp.data.form import Form
from fer_exp.model import MirrorConv2D, build
from fer_exp.recipe import Order, Recipe, baseline_recipe
from fer_exp.report.flops import forward_flops, told, training_flops


def counted(model: keras.Model) -> int:
    """Two for each product of each convolution and dense layer, by the shapes that the layers have."""
    products = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            products += math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
        elif isinstance(layer, MirrorConv2D):  # as many again: the mirror images
            products += math.prod(layer.output.shape[1:3]) * 2 * math.prod(layer.kernel.shape)
        elif isinstance(layer, keras.layers.Dense):
            products += math.prod(layer.kernel.shape)
    return 2 * products


@pytest.mark.parametrize(
    ("recipe", "form"),
    [
        (baseline_recipe(), Form()),
        (baseline_recipe().but(crop=44, order=Order.NORM_FIRST, widths=(6, 10, 12, 14), last_width=0), Form()),
        (baseline_recipe().but(head_widths=(), head_dropouts=(), convs_per_block=3, crop=33), Form(64, 3, 8)),
        (baseline_recipe().but(mirror=True, crop=46), Form(64, 3, 8)),
        (baseline_recipe().but(mirror=True, crop=44, last_width=0, widths=(6, 10, 12, 14)), Form()),
    ],
)
def test_they_are_those_of_the_layers_that_keras_builds(recipe: Recipe, form: Form) -> None:
    assert forward_flops(recipe, form) == counted(build(recipe, 1, form))


def test_a_training_image_costs_three_looks_and_a_validation_image_one() -> None:
    one = forward_flops(baseline_recipe(), Form())
    assert training_flops(baseline_recipe(), Form(), 10, 0) == 30 * one
    assert training_flops(baseline_recipe(), Form(), 0, 10) == 10 * one


def test_they_are_told_in_the_unit_that_fits() -> None:
    assert told(61_400_000) == "61.4 MFLOP"
    assert told(1.21e15) == "1.21 PFLOP"
    assert told(12) == "12 FLOP"
