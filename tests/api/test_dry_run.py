"""A dry run accepts what the search accepts."""

import pytest

from fer_exp.api.dry_run import measure, roughly
from fer_exp.campaign import Campaign, HyperParameters, Settings
from fer_exp.data.split.prepare import Development
from fer_exp.recipe import ClassWeights, Loss, Optimizer, Recipe, Schedule
from tests.trainings import TINY, demo_development


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Development:
    return demo_development(tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(
    "recipe",
    [
        TINY.but(schedule=Schedule.COSINE, warmup_epochs=1.0),
        TINY.but(schedule=Schedule.COSINE, warmup_epochs=2.9),
        TINY.but(schedule=Schedule.COSINE),
        TINY.but(mixup=0.4, loss=Loss.FOCAL, ema=0.99, optimizer=Optimizer.SGD, momentum=0.0),
        TINY.but(class_weights=ClassWeights.NONE, clahe=False, calibrate=True, crop=40, batch_size=7),
    ],
    ids=["warm-up of an epoch", "warm-up of nearly all", "cosine", "mixup, focal, averaged", "cropped"],
)
def test_an_epoch_of_any_recipe_that_can_be_trained_can_be_measured(recipe: Recipe, development: Development) -> None:
    def space(_: HyperParameters) -> Recipe:
        return recipe

    campaign = Campaign("toy", "?", space, Settings(epochs=3), baseline=recipe)
    cost = measure(campaign, campaign.settings, development)
    assert 0 < cost.epoch < cost.training * 100
    assert cost.unsteady >= 1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        *((0.034, "0.034 s"), (45.4, "45 s"), (95.9, "96 s"), (97, "1.6 min")),
        *((720, "12 min"), (5_990, "100 min"), (6_100, "1.7 h"), (1_405_860, "390 h")),
    ],
)
def test_times_have_two_digits(seconds: float, shown: str) -> None:
    assert roughly(seconds) == shown
