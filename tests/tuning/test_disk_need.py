"""How much disk a campaign needs: counted from above, refused where it is not there, told where it is scarce."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fer_exp.model import build, compile_model
from fer_exp.recipe import Optimizer, Order, Recipe, baseline_recipe
from fer_exp.system.errors import ExitCode, NoSpace
from fer_exp.tuning.disk_need import Need, checkpoint_size, require, weights


@pytest.mark.parametrize(
    "recipe",
    [
        baseline_recipe(),
        baseline_recipe().but(order=Order.NORM_FIRST, last_width=0),
        baseline_recipe().but(mirror=True),
        baseline_recipe().but(mirror=True, order=Order.NORM_FIRST, last_width=0, head_widths=(), head_dropouts=()),
        baseline_recipe().but(widths=(8,), convs_per_block=3, head_widths=(), head_dropouts=()),
    ],
)
def test_the_numbers_of_a_network_are_counted_without_building_it(recipe: Recipe) -> None:
    assert weights(recipe) == build(recipe, 1).count_params()


@pytest.mark.parametrize("ema", [0.0, 0.99])
@pytest.mark.parametrize("optimizer", Optimizer)
def test_a_checkpoint_takes_what_was_counted_or_a_little_less(optimizer: Optimizer, ema: float, tmp_path: Path) -> None:
    recipe = baseline_recipe().but(optimizer=optimizer, ema=ema)
    model = build(recipe, 1)
    compile_model(model, recipe, steps_per_epoch=1, horizon=1)
    model.optimizer.build(model.trainable_variables)
    file = tmp_path / "checkpoint.weights.h5"
    model.save_weights(file)
    assert 0.95 < file.stat().st_size / checkpoint_size(recipe) <= 1


def need(trainings: int) -> Need:
    return Need((baseline_recipe(),), trainings=trainings, epochs=30, models=4, workers=2, images=3589)


def test_room_for_the_model_of_every_training_unless_fewer_are_kept() -> None:
    every = replace(need(100), models=None)
    model = weights(baseline_recipe()) * 4
    assert every.size - need(100).size > (100 - 4 - 2) * 2 * model  # in the record and in MLflow


def fitting(place: Path, share: float) -> Need:
    """A need of about that share of what is free."""
    free, one = shutil.disk_usage(place).free, need(1001).size - need(1000).size
    return need(int(share * free / one))


def test_too_little_space_refuses_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(NoSpace, match=r"needs about .* GB of disk, free on that of") as refused:
        require(tmp_path / "not there yet", fitting(tmp_path, 1.5), "toy", pytest.fail)
    assert refused.value.exit_code is ExitCode.NO_SPACE


@pytest.mark.parametrize(("share", "lines"), [(0.75, 1), (0.25, 0)])
def test_less_than_twice_the_need_is_worth_a_line(tmp_path: Path, share: float, lines: int) -> None:
    said: list[str] = []
    require(tmp_path, fitting(tmp_path, share), "toy", said.append)
    assert len(said) == lines
