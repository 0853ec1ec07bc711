"""Keras as a notebook may have set it is no Keras to evaluate with."""

import os
from collections.abc import Iterator

import keras
import pytest

from fer_exp.api.loading import load_keras
from fer_exp.system.errors import BadInput


@pytest.fixture
def half_precision() -> Iterator[None]:
    keras.config.set_floatx("float16")
    yield
    keras.config.set_floatx("float32")


@pytest.mark.usefixtures("half_precision")
def test_a_kernel_whose_keras_computes_in_another_precision_is_refused() -> None:
    with pytest.raises(BadInput, match="expected float32 and channels_last, received float16 and channels_last"):
        load_keras()


@pytest.mark.parametrize("before", [None, "/somebody/keras"])
def test_the_environment_of_the_caller_stays_as_it_was(monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    if before is not None:
        monkeypatch.setenv("KERAS_HOME", before)
    load_keras()
    assert os.environ.get("KERAS_HOME") == before
