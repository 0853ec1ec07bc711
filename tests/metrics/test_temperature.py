"""A temperature is that of Guo et al. 2017, changes no predicted emotion, and is undone by its inverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from fer_exp.metrics.temperature import tempered
from fer_exp.model import Temperature

Rows = NDArray[np.float32]
temperatures = st.floats(0.1, 10.0)


def layer(probabilities: Rows, temperature: float) -> Rows:
    return np.asarray(Temperature(temperature)(probabilities), np.float32)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Rows of seven probabilities: flat and steep ones, with zeros, exact ties, and ties but for the last bit."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = random.dirichlet(np.full(7, draw(st.sampled_from([0.02, 0.3, 3.0, 1e6]))), 40).astype(np.float32)
    top = table.max(axis=1)
    place = random.integers(0, 7, 40)
    steps = random.integers(0, 4, 40)  # 0 ties, others come so many steps of float32 below
    rival = top.copy()
    for step in range(1, 4):
        rival = np.where(steps >= step, np.nextafter(rival, np.float32(0)), rival)
    table[np.arange(40), place] = np.where(table[np.arange(40), place] == top, top, rival)
    return np.asarray(table / table.sum(axis=1, keepdims=True), np.float32)


@given(rows(), temperatures)
def test_the_predicted_emotion_stays_the_same_ties_included(probabilities: Rows, temperature: float) -> None:
    for said in (tempered(probabilities, temperature), layer(probabilities, temperature)):
        np.testing.assert_array_equal(said.argmax(axis=1), probabilities.argmax(axis=1))
        np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)
        top, was = said.max(axis=1, keepdims=True), probabilities.max(axis=1, keepdims=True)
        np.testing.assert_array_equal(said == top, probabilities == was)


@given(rows(), temperatures)
def test_the_layer_is_the_function(probabilities: Rows, temperature: float) -> None:
    np.testing.assert_allclose(layer(probabilities, temperature), tempered(probabilities, temperature), atol=3e-6)


@given(st.integers(0, 2**32 - 1), temperatures)
def test_it_divides_logits(seed: int, temperature: float) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, (20, 7))
    said = tempered(softmax(logits, axis=1).astype(np.float32), temperature)
    np.testing.assert_allclose(said, softmax(logits / temperature, axis=1), atol=3e-6)


@given(rows())
def test_at_one_it_changes_nothing(probabilities: Rows) -> None:
    np.testing.assert_allclose(tempered(probabilities, 1.0), probabilities, atol=1e-6)
    np.testing.assert_allclose(layer(probabilities, 1.0), probabilities, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 0.8, 1.3, 2.5, 5.0])
def test_its_inverse_gives_back_what_was_there(temperature: float) -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.full(7, 0.5), 2000).astype(np.float32)
    back = tempered(tempered(probabilities, temperature), 1 / temperature)
    np.testing.assert_allclose(back, probabilities, atol=3e-6)


def test_a_sure_row_stays_sure_until_the_temperature_shows_what_float32_could_not_hold() -> None:
    sure = np.eye(7, dtype=np.float32)
    for temperature in (0.1, 1.0, 4.0):
        np.testing.assert_allclose(tempered(sure, temperature), sure, atol=1e-8)
        np.testing.assert_allclose(layer(sure, temperature), sure, atol=1e-8)
    assert 0.998 < tempered(sure, 10.0).max() < 1.0
