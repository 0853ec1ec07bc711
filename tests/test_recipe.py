"""Recipe: the reference system by default, checked on creation, the same after a trip through JSON."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fer_exp.recipe import Augmentation, ClassWeights, Loss, Optimizer, Order, Recipe, Schedule, Views, baseline_recipe
from fer_exp.system.errors import BadRecord
from fer_exp.system.values import first_line

rates = st.floats(0.0, 1.0, exclude_max=True)
widths = st.integers(1, 4096)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any recipe."""
    head = draw(st.lists(st.tuples(widths, rates), max_size=4))
    low, high = sorted(draw(st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1e6))))
    return Recipe(
        widths=tuple(draw(st.lists(widths, min_size=1, max_size=5))),
        head_widths=tuple(width for width, _ in head),
        head_dropouts=tuple(rate for _, rate in head),
        crop=draw(st.integers(32, 48)),
        order=draw(st.sampled_from(Order)),
        optimizer=draw(st.sampled_from(Optimizer)),
        learning_rate=draw(st.floats(0.0, 10.0, exclude_min=True)),
        weight_decay=draw(rates),
        schedule=draw(st.sampled_from(Schedule)),
        batch_size=draw(st.integers(1, 65536)),
        loss=draw(st.sampled_from(Loss)),
        focal_gamma=draw(st.floats(0.0, 20.0)),
        ema=draw(rates),
        clahe=draw(st.booleans()),
        oversampling=draw(st.floats(0.0, 100.0)),
        class_weights=draw(st.sampled_from(ClassWeights)),
        class_weight_range=(low, high),
        effective_number_beta=draw(rates),
        mixup=draw(st.floats(0.0, 100.0)),
        views=draw(st.sampled_from(Views)),
        calibrate=draw(st.booleans()),
        augmentation=Augmentation(flip=draw(st.booleans()), shift=draw(st.floats(0.0, 24.0)), zoom=draw(rates)),
    )


@given(recipe=recipes())
def test_a_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert hash(Recipe.from_json(recipe.to_json())) == hash(recipe)


@given(recipe=recipes())
def test_a_copy_without_changes_is_the_same_recipe(recipe: Recipe) -> None:
    assert recipe.but() == recipe


@given(recipe=recipes())
def test_the_flat_form_is_scalars_only_and_names_every_field(recipe: Recipe) -> None:
    flat = recipe.flat()
    assert all(type(value) in (str, int, float, bool) for value in flat.values())
    nested = {f"augmentation.{name}" for name in Augmentation.model_fields}
    assert set(flat) == set(Recipe.model_fields) - {"augmentation"} | nested


def test_the_baseline_is_the_reference_system() -> None:
    assert baseline_recipe().flat() == {
        "widths": "32-64-128",
        "crop": 48,
        "sides": "",
        "convs_per_block": 2,
        "last_width": 256,
        "head_widths": "128-64",
        "order": "conv-relu-bn",
        "mirror": False,
        "norm_momentum": 0.99,
        "targets": "label",
        "distillation": 0.0,
        "distillation_temperature": 1.0,
        "block_dropout": 0.25,
        "pooled_dropout": 0.5,
        "head_dropouts": "0.3-0.2",
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "schedule": "plateau",
        "warmup_epochs": 0.0,
        "plateau_patience": 8,
        "plateau_factor": 0.5,
        "stop_patience": 15,
        "stop_min_delta": 0.001,
        "batch_size": 32,
        "loss": "cross-entropy",
        "focal_gamma": 2.0,
        "label_smoothing": 0.0,
        "precision": "float32",
        "ema": 0.0,
        "clahe": True,
        "oversampling": 1.5,
        "class_weights": "balanced",
        "class_weight_range": "0.7-3.0",
        "effective_number_beta": 0.999,
        "mixup": 0.0,
        "views": "one",
        "calibrate": False,
        "augmentation.flip": False,
        "augmentation.shift": 0.0,
        "augmentation.rotation": 0.0,
        "augmentation.zoom": 0.0,
        "augmentation.contrast": 0.0,
        "augmentation.erasing": 0.0,
    }


OLD = (  # the baseline's recipe.json as it was before crop, loss, mixup, views and effective-number weights existed
    '{"widths":[32,64,128],"convs_per_block":2,"last_width":256,"head_widths":[128,64],"order":"conv-relu-bn",'
    '"block_dropout":0.25,"pooled_dropout":0.5,"head_dropouts":[0.3,0.2],"optimizer":"adam","learning_rate":0.001,'
    '"momentum":0.9,"weight_decay":0.0,"schedule":"plateau","warmup_epochs":0.0,"plateau_patience":8,'
    '"plateau_factor":0.5,"stop_patience":15,"stop_min_delta":0.001,"batch_size":32,"label_smoothing":0.0,"ema":0.0,'
    '"clahe":true,"oversampling":1.5,"class_weights":"balanced","class_weight_range":[0.7,3.0],'
    '"augmentation":{"flip":false,"shift":0.0,"rotation":0.0,"zoom":0.0,"contrast":0.0,"erasing":0.0}}'
)


def test_a_recipe_of_an_earlier_version_is_the_same_recipe_today() -> None:
    read = Recipe.from_json(OLD)
    assert read == baseline_recipe()
    assert read.to_json() == baseline_recipe().to_json()  # what "nothing is trained twice" compares


def test_but_changes_what_it_names_and_nothing_else() -> None:
    baseline = baseline_recipe()
    changed = baseline.but(learning_rate=0.06, optimizer="sgd", augmentation=Augmentation(flip=True))
    assert changed.optimizer is Optimizer.SGD
    assert changed.augmentation.flip
    assert changed.but(learning_rate=1e-3, optimizer=Optimizer.ADAM, augmentation=Augmentation()) == baseline
    assert baseline == Recipe()


def test_but_refuses_an_unknown_field() -> None:
    with pytest.raises(ValidationError) as caught:
        baseline_recipe().but(learningrate=0.1)
    assert "learningrate" in first_line(caught.value)


def test_but_checks_like_a_new_recipe() -> None:
    with pytest.raises(ValidationError) as caught:
        baseline_recipe().but(head_widths=(128,))
    said = first_line(caught.value)
    assert "head_dropouts needs one value for each of head_widths: expected 1, received 2" in said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("block_dropout", 1.0),
        ("block_dropout", -0.1),
        ("widths", ()),
        ("widths", (0,)),
        ("widths", (8,) * 6),
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("warmup_epochs", math.inf),
        ("stop_min_delta", math.nan),
        ("class_weight_range", (3.0, 0.7)),
        ("class_weight_range", (math.nan, 1.0)),
        ("class_weight_range", (-1.0, 1.0)),
        ("class_weight_range", (1.0, math.inf)),
        ("optimizer", "rmsprop"),
        ("loss", "hinge"),
        ("views", "two"),
        ("focal_gamma", -0.1),
        ("focal_gamma", math.nan),
        ("mixup", -0.1),
        ("mixup", math.inf),
        ("distillation", 1.0),
        ("distillation_temperature", 0.0),
        ("distillation_temperature", math.nan),
        ("sides", ((0.1, 32), (0.5, 48))),  # nothing says what the first tenth sees
        ("sides", ((0.0, 32), (0.5, 40))),  # the last is not the crop
        ("sides", ((0.0, 40), (0.5, 32), (0.8, 48))),
        ("sides", ((0.0, 32), (0.0, 48))),
        ("sides", ((0.0, 4), (0.5, 48))),
        ("crop", 49),
        ("mirror", "left"),
        ("crop", 7),  # three blocks of pooling leave nothing of it
        ("effective_number_beta", 1.0),
        ("augmentation", {"shift": 25.0}),
        ("augmentation", {"erasing": math.nan}),
        ("augmentation", {"mirror": True}),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        baseline_recipe().but(**{field: value})
    said = first_line(caught.value)
    assert field in said
    assert "received" in said or "no field of that name" in said


def test_a_recipe_of_a_later_version_is_refused_rather_than_half_understood(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(baseline_recipe().to_json().replace('"ema":', '"attention_heads":4,"ema":'))
    with pytest.raises(BadRecord, match="attention_heads"):
        Recipe.read(path)
