"""Keras Tuner's own descriptions become dimensions, and every value it proposes has a place."""

from typing import Any

import keras_tuner
import pytest

from fer_exp.campaign.space import Dimension, dimensions
from fer_exp.system.errors import BadRecord
from tests.made_records import SPACE


@pytest.fixture(scope="module")
def described() -> list[dict[str, Any]]:
    """A space with every kind of hyperparameter, as Keras Tuner describes it."""
    hp = keras_tuner.HyperParameters()
    hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    hp.Float("dropout", 0.1, 0.6, step=0.1)
    hp.Int("width", 32, 128, step=32)
    hp.Choice("optimizer", ["adam", "sgd"])
    hp.Choice("layers", [1, 2, 4])
    hp.Boolean("flip")
    hp.Fixed("batch_size", 32)
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.5, 0.99)
    space: list[dict[str, Any]] = hp.get_config()["space"]
    return space


def test_every_kind_is_read_and_what_cannot_vary_is_left_out(described: list[dict[str, Any]]) -> None:
    found = {dimension.name: dimension for dimension in dimensions(described)}
    assert set(found) == {"learning_rate", "dropout", "width", "optimizer", "layers", "flip", "momentum"}
    assert found["learning_rate"] == Dimension(name="learning_rate", low=1e-4, high=1e-1, log=True)
    assert found["optimizer"].choices == ("adam", "sgd")
    assert found["flip"].choices == (False, True)
    assert (found["width"].low, found["width"].high) == (32, 128)


def test_the_made_space_of_the_tests_is_described_as_keras_tuner_does(described: list[dict[str, Any]]) -> None:
    real = {entry["class_name"]: set(entry["config"]) for entry in described}
    for entry in SPACE:
        assert set(entry["config"]) == real[entry["class_name"]]


def test_magnitudes_are_spread_evenly_and_drift_stays_on_the_axis() -> None:
    rate = Dimension(name="rate", low=1e-4, high=1e-2, log=True)
    assert rate.place(1e-3) == pytest.approx(0.5)
    assert Dimension(name="dropout", low=0.1, high=0.6).place(0.6000000000000001) == 1.0
    assert Dimension(name="layers", choices=(1, 2, 4)).place(2) == 0.5


def test_ticks_name_ends_and_choices() -> None:
    assert [label for _, label in Dimension(name="rate", low=1e-4, high=1e-2, log=True).ticks()] == [
        "0.0001",
        "0.001",
        "0.01",
    ]
    assert Dimension(name="flip", choices=(False, True)).ticks() == ((0.0, "False"), (1.0, "True"))


@pytest.mark.parametrize(
    "entry",
    [
        {"class_name": "Gaussian", "config": {"name": "x"}},
        {"config": {}},
        {},
        {"class_name": "Fixed", "config": {"name": ["x"], "value": 1}},  # also where nothing can vary
        {"class_name": "Fixed", "config": {"name": "x", "value": {}}},
        {"class_name": "Choice", "config": {"name": "x", "values": [[1], [2]]}},
    ],
)
def test_a_description_that_is_not_keras_tuners_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(BadRecord, match="expected a hyperparameter of Keras Tuner"):
        dimensions([entry])
